-- Passwords (OPAQUE, RFC 9807) and invitations. There was no release before this migration: users who registered before
-- it have no row here. They go on as they are, but no login of theirs succeeds, so they cannot delete their account.

-- What a snapshot learns: that every user has a password. A record is 192 bytes for everybody and looks random. Passwords
-- cannot be tried on it without the server's OPRF seed, which is outside the data; it does not tell either whether the
-- password is one that a person chose.
CREATE TABLE as_user (
  user BLOB NOT NULL PRIMARY KEY,    -- 16 bytes
  record BLOB NOT NULL               -- OPAQUE RegistrationRecord
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: how many invitations were used, by the month in which each would have expired; after that
-- month its row goes. A hash keyed from outside the data leads neither to the code nor to who used it, unless a single
-- registration lies between two snapshots.
CREATE TABLE as_invitation (
  month INTEGER NOT NULL,            -- months since January 2020 (UTC)
  used BLOB NOT NULL,                -- HMAC-SHA-256, 32 bytes
  PRIMARY KEY (month, used)
) WITHOUT ROWID, STRICT;
