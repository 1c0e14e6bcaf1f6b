-- Aliases, under Argon2id hashes with a salt that is not in the data. Nothing here is shared with a user's rows, nor with
-- another alias's of the same user: keys are of one alias only, and packages of one month begin and end at the same time.

-- What a snapshot learns: a list of hashes, in their order, that each has a key of its own, and which connection queue is
-- its. Queue ids are random and end with the alias; who registers the same alias again gets another queue.
CREATE TABLE as_alias (
  alias BLOB NOT NULL PRIMARY KEY,   -- 32 bytes
  auth_key BLOB NOT NULL,            -- Ed25519 public key
  queue BLOB NOT NULL                -- 16 random bytes; its record is in as_queue
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: each alias's connection packages, all of one length, under random ids as those of clients.
CREATE TABLE as_alias_package (
  alias BLOB NOT NULL,
  package BLOB NOT NULL,             -- 16 random bytes
  body BLOB NOT NULL,
  PRIMARY KEY (alias, package)
) WITHOUT ROWID, STRICT;
