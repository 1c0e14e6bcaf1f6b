-- The authentication service: users with their real names for things. Nothing here is shared with the delivery
-- database. WITHOUT ROWID and no times: nothing says in which order users registered or did anything.

-- What a snapshot learns: the users and their clients, with each client's public credential. A credential begins
-- with the month it was made in, so users of one month cannot be told apart by it.
CREATE TABLE as_client (
  user BLOB NOT NULL,                -- 16 bytes
  client BLOB NOT NULL,              -- 16 bytes; user and client together are the client id
  credential BLOB NOT NULL,
  PRIMARY KEY (user, client)
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: that every client has a connection queue, and its public key. Slots and their state are
-- sealed under a key outside the data, so neither shows how many slots are used or which of them changed. The
-- entries lie in the monthly pools (as_pool_YYYYMM) under tags that lead back to no queue; those that hold chain starts
-- for which a record has no slot are like those of messages.
CREATE TABLE as_queue (
  id BLOB NOT NULL PRIMARY KEY,      -- the client id, 32 bytes
  queue_key BLOB NOT NULL,
  slots BLOB NOT NULL,
  slot_state BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: each client's connection packages, which are public. Random ids, so that their order is
-- not the order of publication; a claimed package is deleted before it is handed out, the last one stays.
CREATE TABLE as_connection_package (
  user BLOB NOT NULL,
  client BLOB NOT NULL,
  package BLOB NOT NULL,             -- 16 random bytes
  body BLOB NOT NULL,
  PRIMARY KEY (user, client, package)
) WITHOUT ROWID, STRICT;
