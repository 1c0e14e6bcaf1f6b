-- User profiles, encrypted under keys that only their users' contacts have. What a snapshot learns: nothing beyond the list of
-- users. Every user has one from registration on, random bytes until the first is set, and all are of one size. They lie in
-- parts that fit into the pages of the table: pages of their own would keep the order in which they were first needed.
CREATE TABLE as_profile (
  user BLOB NOT NULL,                -- 16 bytes
  part INTEGER NOT NULL,             -- 0 to 7
  body BLOB NOT NULL,                -- 1024 bytes
  PRIMARY KEY (user, part)
) WITHOUT ROWID, STRICT;

INSERT INTO as_profile (user, part, body)
SELECT user, column1, randomblob(1024)
FROM (SELECT DISTINCT user FROM as_client), (VALUES (0), (1), (2), (3), (4), (5), (6), (7))
ORDER BY user, column1;
