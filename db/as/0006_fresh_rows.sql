-- From here on two tables take turns, beside each month's of as_pool, in taking what has just come: fresh_0_as_pool and fresh_1_as_pool, with the
-- month behind. They are made at run time, with the month's. A program that does not know them would not find what is in them, and
-- has to refuse this database: its version is all that changes.
-- What a snapshot learns: which entries came within the last fifth of a second, as it does from a log that is not scrubbed.
SELECT 1;
