-- Queuing service: pseudonymous users, their clients, AddPackages and queues. WITHOUT ROWID: nothing here says in which order or
-- when anything was made. There are no times and no counters.
-- The messages themselves lie in the pool, one run-time table per month (qs_pool_YYYYMM), whose entries are of one
-- size, under tags that look random, and say nothing of the queue they belong to. A few entries hold no message but
-- chain starts for which a record has no slot; they cannot be told from the others.

-- All tables here are veiled: a row has a name that follows from its id, the epoch and a key outside the data, and a body that is
-- sealed under that key. What a snapshot learns of each: how many rows it has; of rows in different tables, or of two in one,
-- it does not learn that they belong to the same user. What several snapshots learn: which rows came, changed or went in
-- between, if no pass was made there, and how many more or fewer there are. A pass gives all rows other names and bodies, and
-- none can be recognised after it.

-- What the names depend on, sealed and of one length. What a snapshot learns: nothing. What several snapshots learn: that a
-- pass began or ended in between, which all veiled rows show as well.
CREATE TABLE veil_epochs (
  id INTEGER NOT NULL PRIMARY KEY,       -- 0
  epochs BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: how many pseudonymous users there are. A row says which clients are the user's.
CREATE TABLE qs_user (
  name BLOB NOT NULL PRIMARY KEY,        -- 16 bytes
  body BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: nothing more. A row for each user's friendship token, of which there is only the hash.
CREATE TABLE qs_friendship (
  name BLOB NOT NULL PRIMARY KEY,        -- 16 bytes
  body BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: how many client pseudonyms there are.
CREATE TABLE qs_client (
  name BLOB NOT NULL PRIMARY KEY,        -- 16 bytes
  body BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: nothing more, each client has a queue. Whether anything is or was queued does not show.
-- What several snapshots learn, if no pass was made in between: that a record was written (a chain began or was used up), not how
-- often, and, if nothing else was written, by how many entries the pool changed with it.
CREATE TABLE qs_queue (
  name BLOB NOT NULL PRIMARY KEY,        -- 16 bytes
  body BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: how many AddPackages all clients have together. Bodies are padded to few sizes.
CREATE TABLE qs_add_package (
  name BLOB NOT NULL PRIMARY KEY,        -- 16 bytes
  body BLOB NOT NULL
) WITHOUT ROWID, STRICT;
