-- Statements of the station's spool, one a block, named for the function in
-- spool.c that runs it. Compiled into a table (sql.awk) and all prepared at
-- start: one that does not prepare stops the start.

-- name: begin
BEGIN IMMEDIATE;
-- name: commit
COMMIT;
-- name: rollback
ROLLBACK;

-- name: attempt_begin
INSERT INTO attempt (attempt, harness, uid, step, irreversible, locked,
  ended, outcome, result)
VALUES (?1, ?2, '', 0, 0, 0, 0, '', ?3);

-- name: attempt_step
UPDATE attempt SET uid = ?2, step = ?3, irreversible = ?4,
  locked = max(locked, ?5), result = ?6
WHERE attempt = ?1 AND ended = 0;

-- name: attempt_end
UPDATE attempt SET uid = ?2, outcome = ?3, result = ?4, ended = 1,
  irreversible = 0
WHERE attempt = ?1 AND ended = 0;

-- name: attempt_drop
DELETE FROM attempt WHERE attempt = ?1 AND ended = 0;

-- name: attempt_open
SELECT attempt, harness, uid, step, irreversible, locked, ended, outcome,
  result
FROM attempt WHERE ended = 0 ORDER BY id LIMIT 1;

-- name: attempt_of_unit
SELECT attempt, harness, uid, step, irreversible, locked, ended, outcome,
  result
FROM attempt WHERE uid = ?1 AND ended = 1 ORDER BY id DESC LIMIT 1;

-- name: attempt_prune
DELETE FROM attempt WHERE ended = 1
  AND id <= (SELECT max(id) FROM attempt) - ?1
  AND attempt NOT IN (SELECT attempt FROM spool WHERE fate <> 1);

-- name: spool_add
INSERT INTO spool (attempt, kind, message, fate, text, seq, hash)
VALUES (?1, ?2, ?3, 0, '', 0, '');

-- name: spool_next
SELECT id, attempt, kind, message FROM spool
WHERE fate = 0 AND id > ?1 ORDER BY id LIMIT 1;

-- name: spool_settle
UPDATE spool SET fate = ?2, text = ?3, seq = ?4, hash = ?5 WHERE id = ?1;

-- name: spool_fate
SELECT fate, text, seq, hash FROM spool WHERE id = ?1;

-- name: spool_of_attempt
SELECT id FROM spool WHERE attempt = ?1 AND kind = ?2;

-- name: spool_waiting
SELECT count(*) FROM spool WHERE fate <> 1;

-- name: spool_retry
UPDATE spool SET fate = 0, text = '' WHERE fate = 2;

-- name: spool_prune
DELETE FROM spool WHERE fate = 1 AND id <= (SELECT max(id) FROM spool) - ?1;

-- name: licence_put
INSERT INTO licence (chip, licence, licence_id, card, fwid)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (chip) DO UPDATE SET licence = excluded.licence,
  licence_id = excluded.licence_id, card = excluded.card,
  fwid = excluded.fwid;

-- name: licence_get
SELECT licence, licence_id, card FROM licence WHERE chip = ?1 AND fwid = ?2;

-- name: witness_get
SELECT seq, hash FROM witness WHERE one = 1;

-- name: witness_put
INSERT INTO witness (one, seq, hash) VALUES (1, ?1, ?2)
ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash;
