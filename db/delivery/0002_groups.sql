-- Groups of the delivery service. Every ciphertext is sealed under a key that only the group's members hold.
-- WITHOUT ROWID and random ids: nothing here says in which order groups were made or used.

-- What a snapshot learns: that the group exists, and the month of its last activity.
-- Salts and commitments look random and are fresh with every write. They lie here, away from the ciphertexts, so
-- that checking whether a group is still as it was reads a small row, and a message in a new month writes one.
CREATE TABLE ds_group (
  group_id BLOB NOT NULL PRIMARY KEY,
  month INTEGER NOT NULL,            -- months since January 2020 (UTC)
  head_salt BLOB NOT NULL,
  head_commitment BLOB NOT NULL,
  tree_salt BLOB NOT NULL,
  tree_commitment BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: the padded size.
CREATE TABLE ds_head (
  group_id BLOB NOT NULL PRIMARY KEY,
  ciphertext BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: the padded size. Apart from the head because sending a message never touches it.
CREATE TABLE ds_tree (
  group_id BLOB NOT NULL PRIMARY KEY,
  ciphertext BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- Which members' queues are gone, as far as requests found it that did not write the head. What a snapshot learns: nothing;
-- the ciphertext has one length, whether it holds reports or none. The public key is used for nothing else.
-- What several snapshots learn: that it was written, with a head or, when a queue was found gone, without one.
CREATE TABLE ds_report (
  group_id BLOB NOT NULL PRIMARY KEY,
  public_key BLOB NOT NULL,          -- X25519; its secret follows from the head
  sealed BLOB NOT NULL
) WITHOUT ROWID, STRICT;
