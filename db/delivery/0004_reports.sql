-- Which members' queues are gone, as far as requests found it that did not write the head. What a snapshot learns: nothing;
-- the ciphertext has one length, whether it holds reports or none. The public key is used for nothing else.
-- What several snapshots learn: that it was written, with a head or, when a queue was found gone, without one.
CREATE TABLE ds_report (
  group_id BLOB NOT NULL PRIMARY KEY,
  public_key BLOB NOT NULL,          -- X25519; its secret follows from the head
  sealed BLOB NOT NULL
) WITHOUT ROWID, STRICT;
