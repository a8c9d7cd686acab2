-- An image is released by a second person before a lot may use it. Images
-- that were there before this rule were in use: they stay so.

ALTER TABLE images ADD COLUMN state TEXT NOT NULL DEFAULT 'approved'
	CHECK (state IN ('imported', 'approved', 'retired'));
ALTER TABLE images ADD COLUMN release_key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN imported_by TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN approved_at INTEGER;
ALTER TABLE images ADD COLUMN retired_at INTEGER;

PRAGMA user_version = 3;
