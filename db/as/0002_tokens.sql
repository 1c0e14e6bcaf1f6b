-- Anonymous rate limits (Privacy Pass). Spent nonces lie in run-time tables, one per key (as_spent_YYYYMM, named after
-- the key's month), which go with their key.

-- What a snapshot learns: the issuing keys, as the requirement concedes, and in which month each was made.
CREATE TABLE as_token_key (
  month INTEGER NOT NULL PRIMARY KEY,  -- months since January 2020 (UTC)
  seed BLOB NOT NULL                   -- 32 bytes
) WITHOUT ROWID, STRICT;

-- What a snapshot learns: how many clients have drawn tokens in the current period. Neither who, because the
-- pseudonym is an HMAC under a key that lies outside the data and goes with the period, nor how many each, because
-- the draw is sealed under that key as well. All rows have one length, and all go when a period ends.
CREATE TABLE as_allowance (
  pseudonym BLOB NOT NULL PRIMARY KEY, -- 32 bytes
  draw BLOB NOT NULL                   -- sealed: how many tokens, and the hash of the last request
) WITHOUT ROWID, STRICT;
