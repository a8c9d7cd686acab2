-- How the one writing connection is set up, before anything else.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
-- Checkpoints are made by the writer thread, which looks at their result.
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = 67108864;
