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

-- Veiled tables (as_queue, as_alias, as_alias_package) have rows of one form: a name that follows from the row's id, the
-- epoch and a key outside the data, and a body that is sealed under that key. What a snapshot learns of each: how many rows it
-- has. What several snapshots learn: which rows came, changed or went in between, if no pass was made there, and how many more
-- or fewer there are. A pass gives all rows other names and bodies, and none can be recognised after it.

-- What the names depend on, sealed and of one length. What a snapshot learns: nothing. What several snapshots learn: that a
-- pass began or ended in between, which all veiled rows show as well.
CREATE TABLE veil_epochs (
  id INTEGER NOT NULL PRIMARY KEY,   -- 0
  epochs BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- Veiled: connection queues, of clients and of aliases alike. The entries lie in the monthly pools (as_pool_YYYYMM) under tags
-- that lead back to no queue; those that hold chain starts for which a record has no slot are like those of messages.
CREATE TABLE as_queue (
  name BLOB NOT NULL PRIMARY KEY,    -- 16 bytes
  body BLOB NOT NULL
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
