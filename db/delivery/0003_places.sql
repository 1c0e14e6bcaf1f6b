-- From here on two tables take turns, beside each month's of qs_pool, in taking what has just come for those who are reading:
-- fresh_0_qs_pool and fresh_1_qs_pool, with the month behind. They are made at run time. A program that does not know them would
-- not find what is in them, and has to refuse this database.
-- What a snapshot learns: which entries came so within the last fifth of a second, as it does from a log that is not scrubbed.

-- Sealed records of groups lie by a number, which is the first 52 bits of the group's id: without row ids, SQLite would read other
-- groups' records whole to compare their ids. What a snapshot learns: nothing that the id does not say.
ALTER TABLE ds_head RENAME TO unplaced_head;
ALTER TABLE ds_tree RENAME TO unplaced_tree;

CREATE TABLE ds_head (
  place INTEGER PRIMARY KEY,
  group_id BLOB NOT NULL,
  ciphertext BLOB NOT NULL
) STRICT;

CREATE TABLE ds_tree (
  place INTEGER PRIMARY KEY,
  group_id BLOB NOT NULL,
  ciphertext BLOB NOT NULL
) STRICT;

WITH RECURSIVE digit(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM digit WHERE n < 12)
INSERT INTO ds_head SELECT
  (SELECT sum((instr('0123456789ABCDEF', substr(hex(substr(group_id, 1, 7)), n + 1, 1)) - 1) << (48 - 4 * n)) FROM digit),
  group_id, ciphertext
FROM unplaced_head;

WITH RECURSIVE digit(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM digit WHERE n < 12)
INSERT INTO ds_tree SELECT
  (SELECT sum((instr('0123456789ABCDEF', substr(hex(substr(group_id, 1, 7)), n + 1, 1)) - 1) << (48 - 4 * n)) FROM digit),
  group_id, ciphertext
FROM unplaced_tree;

DROP TABLE unplaced_head;
DROP TABLE unplaced_tree;
