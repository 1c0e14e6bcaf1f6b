-- Aliases, under Argon2id hashes with a salt that is not in the data, veiled as the connection queues are: which rows are of one
-- alias, and which queue is its, cannot be told from them.

-- What a snapshot learns: how many aliases there are.
CREATE TABLE as_alias (
  name BLOB NOT NULL PRIMARY KEY,    -- 16 bytes
  body BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: how many connection packages all aliases have together.
CREATE TABLE as_alias_package (
  name BLOB NOT NULL PRIMARY KEY,    -- 16 bytes
  body BLOB NOT NULL
) WITHOUT ROWID, STRICT;
