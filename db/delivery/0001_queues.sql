-- Queuing service: pseudonymous users, their clients, AddPackages and queues. WITHOUT ROWID and random ids
-- everywhere: nothing here says in which order or when anything was made. There are no times and no counters.
-- The messages themselves lie in the pool, one run-time table per month (qs_pool_YYYYMM), whose entries are of one
-- size, under tags that look random, and say nothing of the queue they belong to. A few entries hold no message but
-- chain starts for which a record has no slot; they cannot be told from the others.

-- What a snapshot learns: that the pseudonymous user exists.
CREATE TABLE qs_user (
  id BLOB NOT NULL PRIMARY KEY,          -- 16 random bytes
  auth_key BLOB NOT NULL                 -- Ed25519
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: that each user has a friendship token. The token itself is 32 random bytes that only its
-- user's friends know, and does not follow from its hash.
CREATE TABLE qs_friendship (
  token_hash BLOB NOT NULL PRIMARY KEY,  -- SHA-256
  user_id BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: the client pseudonyms and which user each belongs to, as the requirement concedes.
CREATE TABLE qs_client (
  id BLOB NOT NULL PRIMARY KEY,          -- 16 random bytes; the queue has the same id
  user_id BLOB NOT NULL,
  auth_key BLOB NOT NULL                 -- Ed25519
) WITHOUT ROWID, STRICT;

-- The same relation by user. What a snapshot learns: nothing more.
CREATE TABLE qs_user_client (
  user_id BLOB NOT NULL,
  client_id BLOB NOT NULL,
  PRIMARY KEY (user_id, client_id)
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: that each client has a queue. The number of chain starts, and so whether anything is or was
-- queued, is hidden by the sealing under the slot key, which is not in this file; all rows have one length.
-- What several snapshots learn: that a record was written in between (a chain began or was used up), not how often,
-- and, if nothing else was written, by how many entries the pool changed with it.
CREATE TABLE qs_queue (
  id BLOB NOT NULL PRIMARY KEY,          -- the client's
  queue_key BLOB NOT NULL,               -- X25519
  slots BLOB NOT NULL,
  slot_state BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: how many AddPackages each client has left, their KeyPackages with pseudonymous credentials,
-- and credentials encrypted for friends. Bodies are padded to few sizes, so that lengths do not tell clients apart.
CREATE TABLE qs_add_package (
  client_id BLOB NOT NULL,
  last_resort INTEGER NOT NULL,          -- 1: is handed out again and again, exactly one per client
  id BLOB NOT NULL,                      -- 16 random bytes
  body BLOB NOT NULL,
  PRIMARY KEY (client_id, last_resort, id)
) WITHOUT ROWID, STRICT;
