-- name: schema
CREATE TABLE IF NOT EXISTS attempt (
  id INTEGER PRIMARY KEY,
  attempt TEXT NOT NULL UNIQUE,
  harness TEXT NOT NULL,
  uid TEXT NOT NULL,
  step INTEGER NOT NULL,
  irreversible INTEGER NOT NULL,
  locked INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  result TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS attempt_uid ON attempt (uid, locked);
CREATE TABLE IF NOT EXISTS spool (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  attempt TEXT NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL,
  fate INTEGER NOT NULL,
  text TEXT NOT NULL,
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  UNIQUE (attempt, kind)
) STRICT;
CREATE INDEX IF NOT EXISTS spool_fate ON spool (fate, id);
CREATE TABLE IF NOT EXISTS licence (
  chip TEXT PRIMARY KEY,
  licence BLOB NOT NULL,
  licence_id TEXT NOT NULL,
  card TEXT NOT NULL,
  fwid TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS witness (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;
PRAGMA user_version = 3;
