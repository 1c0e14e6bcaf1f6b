-- Queuing service: what clients can change about themselves.

-- The user's row in qs_friendship, so that a new token takes the place of the old one. What a snapshot learns: nothing
-- more, that table says the same. What several snapshots learn: that a user changed its token in between.
ALTER TABLE qs_user ADD COLUMN token_hash BLOB NOT NULL DEFAULT X'';   -- SHA-256
CREATE INDEX qs_friendship_user ON qs_friendship (user_id);
UPDATE qs_user SET token_hash = (SELECT token_hash FROM qs_friendship WHERE user_id = qs_user.id);
DROP INDEX qs_friendship_user;

-- Sealed under a key that is not in this file, one length for all, and anew with every write: how long the client may
-- still stay away before it is taken for gone, which groups it blocks, where pushes for it go (sealed once more, under a
-- key that not even the server has), its earlier keys. Empty in rows from before this step, until the next sweep.
-- What a snapshot learns: nothing.
-- What several snapshots learn: that the client was seen for the first time in that month, or changed something of its
-- own, if the same month's sweep does not lie between them; after a sweep all rows have changed.
ALTER TABLE qs_client ADD COLUMN state BLOB NOT NULL DEFAULT X'';
