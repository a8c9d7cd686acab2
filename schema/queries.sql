-- Every statement that the controller runs, by name. Prepared at start; one
-- that fails stops the start.

-- ---- transactions ----

-- :name begin
BEGIN IMMEDIATE;
-- :name begin_read
BEGIN;
-- :name commit
COMMIT;
-- :name rollback
ROLLBACK;
-- :name savepoint
SAVEPOINT job;
-- :name rollback_to
ROLLBACK TO job;
-- :name release
RELEASE job;
-- :name schema_version
PRAGMA user_version;

-- ---- the record ----

-- :name record_head
SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1;
-- :name record_add
INSERT INTO records (seq, at, kind, lot, body, prev, hash)
VALUES (?, ?, ?, ?, ?, ?, ?);
-- :name record_leaves
SELECT seq, at, kind, lot, body, prev, hash FROM records
WHERE seq >= ?1 ORDER BY seq LIMIT ?2;
-- :name record_span
SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM records WHERE lot = ?;
-- :name checkpoint_add
INSERT OR IGNORE INTO checkpoints (seq, hash, at, signature)
VALUES (?, ?, ?, ?);
-- :name checkpoint_last
SELECT seq, hash, at, signature FROM checkpoints ORDER BY seq DESC LIMIT 1;

-- ---- stations ----

-- :name station_invite
INSERT INTO stations (station, state, invited_at) VALUES (?1, 'invited', ?2)
ON CONFLICT (station) DO UPDATE SET invited_at = ?2;
-- :name station_get
SELECT station, state, cert_sha256, cert, invited_at, enrolled_at, revoked_at
FROM stations WHERE station = ?;
-- :name stations
SELECT station, state, cert_sha256, cert, invited_at, enrolled_at, revoked_at
FROM stations ORDER BY station;
-- :name station_enrolled
UPDATE stations
SET state = 'enrolled', cert_sha256 = ?2, cert = ?3, enrolled_at = ?4
WHERE station = ?1 AND state <> 'revoked';
-- :name station_revoke
UPDATE stations SET state = 'revoked', revoked_at = ?2 WHERE station = ?1;
-- :name enrol_tokens_end
UPDATE enrol_tokens SET spent_at = ?2
WHERE station = ?1 AND spent_at IS NULL;
-- :name enrol_token_add
INSERT INTO enrol_tokens (token_sha256, station, expires_at) VALUES (?, ?, ?);
-- :name enrol_token_spend
UPDATE enrol_tokens SET spent_at = ?2
WHERE token_sha256 = ?1 AND spent_at IS NULL AND expires_at > ?2;
-- :name enrol_token_station
SELECT station FROM enrol_tokens WHERE token_sha256 = ?;

-- ---- people and programs ----

-- :name token_add
INSERT INTO api_tokens (token_sha256, name, role, created_at)
VALUES (?, ?, ?, ?);
-- :name token_check
SELECT name, role FROM api_tokens WHERE token_sha256 = ?;
-- :name sign_in_add
INSERT INTO sign_ins (token_sha256, name, role, expires_at)
VALUES (?, ?, ?, ?);
-- :name sign_in_spend
UPDATE sign_ins SET spent_at = ?2
WHERE token_sha256 = ?1 AND spent_at IS NULL AND expires_at > ?2;
-- :name sign_in_who
SELECT name, role FROM sign_ins WHERE token_sha256 = ?;
-- :name session_add
INSERT INTO web_sessions (cookie_sha256, name, role, expires_at)
VALUES (?, ?, ?, ?);
-- :name session_check
SELECT name, role FROM web_sessions
WHERE cookie_sha256 = ?1 AND ended_at IS NULL AND expires_at > ?2;
-- :name session_end
UPDATE web_sessions SET ended_at = ?2
WHERE cookie_sha256 = ?1 AND ended_at IS NULL;

-- ---- images ----

-- :name image_add
INSERT INTO images (sha256, len_bytes, product, version, fwid,
	attestation_key, release_key_id, imported_by, imported_at, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'imported');
-- :name image_part_add
INSERT INTO image_parts (sha256, pos, type, version, len_bytes, part_sha256)
VALUES (?, ?, ?, ?, ?, ?);
-- :name image_get
SELECT sha256, len_bytes, product, version, fwid, attestation_key, imported_at,
	state, release_key_id, imported_by, approved_by, approved_at, retired_at
FROM images WHERE sha256 = ?;
-- :name images
SELECT sha256, len_bytes, product, version, fwid, attestation_key, imported_at,
	state, release_key_id, imported_by, approved_by, approved_at, retired_at
FROM images ORDER BY imported_at, sha256;
-- :name image_state
UPDATE images SET state = ?2,
	approved_by = iif(?2 = 'approved', ?3, approved_by),
	approved_at = iif(?2 = 'approved', ?4, approved_at),
	retired_at = iif(?2 = 'retired', ?4, retired_at)
WHERE sha256 = ?1;
-- :name image_open_lot
SELECT lot FROM lots WHERE image_sha256 = ? AND state <> 'closed'
ORDER BY created_at, lot LIMIT 1;
-- :name image_parts
SELECT type, version, len_bytes, part_sha256
FROM image_parts WHERE sha256 = ? ORDER BY pos;

-- ---- lots ----

-- :name lot_add
INSERT INTO lots (lot, product, image_sha256, quantity, max_attempts, state,
	created_at)
VALUES (?, ?, ?, ?, ?, 'released', ?);
-- :name lot_get
SELECT lot, product, image_sha256, quantity, max_attempts, state, created_at,
	started_at, closed_at
FROM lots WHERE lot = ?;
-- :name lots
SELECT lot, product, image_sha256, quantity, max_attempts, state, created_at,
	started_at, closed_at
FROM lots ORDER BY created_at, lot;
-- :name lot_state
UPDATE lots SET state = ?2,
	started_at = coalesce(started_at, iif(?2 = 'running', ?3, NULL)),
	closed_at = iif(?2 = 'closed', ?3, closed_at)
WHERE lot = ?1;
-- :name lot_counts
SELECT count(*),
	coalesce(sum(outcome = 'pass'), 0),
	coalesce(sum(outcome = 'fail'), 0),
	coalesce(sum(outcome = 'indeterminate'), 0),
	coalesce(sum(outcome = 'in-progress'), 0),
	coalesce(sum(attempts), 0),
	coalesce(sum(first_outcome = 'pass'), 0),
	coalesce(sum(admitted_at IS NOT NULL), 0)
FROM units WHERE lot = ?;

-- ---- assignments ----

-- :name assignment_set
INSERT INTO assignments (station, harness, lot) VALUES (?1, ?2, ?3)
ON CONFLICT (station, harness) DO UPDATE SET lot = ?3;
-- :name assignment_clear
DELETE FROM assignments
WHERE station = ?1 AND (?2 = '' OR harness = ?2);
-- :name assignments_of_lot_clear
DELETE FROM assignments WHERE lot = ?;
-- :name assignments
SELECT a.station, a.harness, a.lot, l.state, l.product, l.image_sha256,
	i.len_bytes, i.fwid
FROM assignments a
JOIN lots l ON l.lot = a.lot
JOIN images i ON i.sha256 = l.image_sha256
WHERE ?1 IS NULL OR a.station = ?1
ORDER BY a.station, a.harness;
-- :name assignment_of_harness
SELECT lot FROM assignments
WHERE station = ?1 AND harness IN (?2, '')
ORDER BY harness DESC LIMIT 1;

-- ---- units ----

-- :name unit_by_key
SELECT unit_id, admitted_at IS NOT NULL, outcome, attempts, attempts_used,
	device_id
FROM units WHERE lot = ?1 AND unit_key = ?2;
-- :name unit_by_id
SELECT unit_id, admitted_at IS NOT NULL, outcome, attempts, attempts_used,
	device_id
FROM units WHERE unit_id = ?;
-- :name unit_by_serial
SELECT unit_id FROM units WHERE lot = ?1 AND board_serial = ?2
ORDER BY unit_id DESC LIMIT 1;
-- :name unit_add
INSERT INTO units (lot, unit_key, uid, board_serial, device_id, outcome,
	failure_code, failure_step, disposition, attempts, attempts_used,
	first_outcome, cert_sha256)
VALUES (?, ?, ?, ?, '', 'fail', '', '', '', 0, 0, '', '')
RETURNING unit_id;
-- :name unit_known
UPDATE units SET unit_key = ?2, uid = ?2 WHERE unit_id = ?1 AND uid = '';
-- :name unit_serial
UPDATE units SET board_serial = ?2 WHERE unit_id = ?1 AND ?2 <> '';
-- :name unit_admit
UPDATE units SET admitted_at = coalesce(admitted_at, ?2), device_id = ?3,
	outcome = 'in-progress', failure_code = '', failure_step = '',
	disposition = '', finished_at = NULL
WHERE unit_id = ?1;
-- :name lot_admit
UPDATE lots SET admitted = admitted + 1 WHERE lot = ?;
-- :name unit_attempted
UPDATE units SET attempts = attempts + 1, attempts_used = attempts_used + ?2,
	first_outcome = iif(attempts = 0, ?3, first_outcome)
WHERE unit_id = ?1;
-- :name unit_ended
UPDATE units SET outcome = ?2, failure_code = ?3, failure_step = ?4,
	disposition = ?5, finished_at = ?6,
	device_id = iif(device_id = '', ?7, device_id)
WHERE unit_id = ?1 AND outcome <> 'pass';
-- :name unit_certified
UPDATE units SET cert_sha256 = ?2 WHERE unit_id = ?1;
-- :name uid_passed
SELECT 1 FROM units WHERE uid = ? AND outcome = 'pass' LIMIT 1;

-- ---- what recorded attempts found out about a unit ----

-- An attempt speaks for its unit when it had the permit with the fencing number
-- that it names, and was of the lot's image.
-- :name unit_lock
WITH spoke AS (
	SELECT a.*, u.uid AS unit_uid, i.fwid
	FROM units u
	JOIN lots l ON l.lot = u.lot
	JOIN images i ON i.sha256 = l.image_sha256
	JOIN attempts a ON a.unit_id = u.unit_id
		AND a.image_sha256 = l.image_sha256
	JOIN permits p ON p.attempt = a.attempt AND p.fence = a.fence
		AND p.unit_id = u.unit_id
	WHERE u.lot = ?1 AND u.uid = ?2 AND u.uid <> '')
SELECT k.attempt_id, k.station, k.attempt_no, k.nor_sha256,
	coalesce((SELECT test_program_version FROM spoke
		WHERE test_program_version <> ''
		ORDER BY attempt_id DESC LIMIT 1), ''),
	coalesce((SELECT csr_sha256 FROM spoke WHERE csr_sha256 <> ''
		ORDER BY attempt_id DESC LIMIT 1), ''),
	coalesce((SELECT cert_sha256 FROM spoke WHERE cert_sha256 <> ''
		ORDER BY attempt_id DESC LIMIT 1), '')
FROM spoke k
WHERE k.nor_sha256 = k.image_sha256
	AND EXISTS (SELECT 1 FROM steps s WHERE s.attempt_id = k.attempt_id
		AND s.step = 'lock-down' AND s.state <> 'skipped')
	AND EXISTS (SELECT 1 FROM licences x
		WHERE x.uid = k.unit_uid AND x.fwid = k.fwid)
ORDER BY k.attempt_id DESC LIMIT 1;
-- :name unit_app_test
SELECT a.attempt_no
FROM units u
JOIN lots l ON l.lot = u.lot
JOIN attempts a ON a.unit_id = u.unit_id
	AND a.image_sha256 = l.image_sha256
JOIN permits p ON p.attempt = a.attempt AND p.fence = a.fence
	AND p.unit_id = u.unit_id
JOIN steps s ON s.attempt_id = a.attempt_id
WHERE u.unit_id = ? AND a.app_test_status = 0
	AND s.step = 'app-test' AND s.state = 'done'
ORDER BY a.attempt_id DESC LIMIT 1;

-- ---- permits ----

-- :name lot_rules
SELECT l.state, l.quantity, l.admitted, l.max_attempts, l.image_sha256, i.fwid,
	i.attestation_key
FROM lots l JOIN images i ON i.sha256 = l.image_sha256
WHERE l.lot = ?;
-- :name permit_by_attempt
SELECT p.fence, p.request_sha256, p.unit_id, p.station, p.harness,
	p.attempt_no, p.retest, p.resumed, p.challenge, p.lease_until_ms,
	p.ended IS NOT NULL, u.uid, u.lot, u.device_id,
	p.fence = (SELECT max(q.fence) FROM units v
		JOIN permits q ON q.unit_id = v.unit_id WHERE v.uid = u.uid)
FROM permits p JOIN units u ON u.unit_id = p.unit_id
WHERE p.attempt = ?;
-- :name permit_open
SELECT p.station, p.harness, p.lease_until_ms, s.state = 'revoked'
FROM units u JOIN permits p ON p.unit_id = u.unit_id
JOIN stations s ON s.station = p.station
WHERE u.uid = ? AND p.ended IS NULL
ORDER BY p.fence DESC LIMIT 1;
-- :name permit_count
SELECT count(*) FROM permits WHERE unit_id = ?;
-- :name permits_supersede
UPDATE permits SET ended = 'superseded'
WHERE ended IS NULL
AND unit_id IN (SELECT unit_id FROM units WHERE uid = ?1);
-- :name units_superseded
UPDATE units SET outcome = 'indeterminate', disposition = 'quarantine',
	finished_at = ?3
WHERE uid = ?1 AND lot <> ?2 AND outcome = 'in-progress';
-- :name permit_add
INSERT INTO permits (attempt, request_sha256, unit_id, station, harness,
	attempt_no, retest, resumed, challenge, granted_at, lease_until_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING fence;
-- :name permit_renew
UPDATE permits SET lease_until_ms = ?2 WHERE fence = ?1 AND ended IS NULL;
-- :name permit_end
UPDATE permits SET ended = 'result' WHERE attempt = ? AND ended IS NULL;
-- :name leases_restart
UPDATE permits SET lease_until_ms = ? WHERE ended IS NULL;

-- ---- licences ----

-- :name licence_of_uid
SELECT licence_id, card_serial, licence FROM licences
WHERE uid = ?1 AND fwid = ?2 ORDER BY recorded_at DESC, rowid DESC LIMIT 1;
-- :name licence_known
SELECT 1 FROM licences WHERE uid = ?1 AND (?2 = '' OR licence_id = ?2) LIMIT 1;
-- :name licence_get
SELECT l.uid, l.card_serial, l.counter_before, l.counter_after, l.licence,
	r.seq, r.hash
FROM licences l JOIN records r ON r.seq = l.record_seq
WHERE l.licence_id = ?;
-- :name licence_add
INSERT INTO licences (licence_id, unit_id, uid, lot, fence, card_serial, fwid,
	counter_before, counter_after, licence, chip_certificate, recorded_at,
	record_seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
-- :name card_used
INSERT INTO lot_cards (lot, card_serial, counter_start, counter_end)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (lot, card_serial) DO UPDATE
SET counter_start = max(counter_start, ?3), counter_end = min(counter_end, ?4);
-- :name card_seen
INSERT INTO lot_cards (lot, card_serial, counter_start, counter_end)
SELECT DISTINCT a.lot, ?2, ?4, ?4
FROM assignments a
JOIN lots l ON l.lot = a.lot
JOIN images i ON i.sha256 = l.image_sha256
WHERE a.station = ?1 AND i.fwid = ?3
	AND l.state IN ('running', 'paused', 'closing')
ON CONFLICT (lot, card_serial) DO UPDATE
SET counter_start = max(counter_start, excluded.counter_start),
	counter_end = min(counter_end, excluded.counter_end)
WHERE excluded.counter_start > counter_start
	OR excluded.counter_end < counter_end;

-- ---- requests and certificates ----

-- :name request_known
SELECT 1 FROM requests WHERE csr_sha256 = ?;
-- :name request_key_elsewhere
SELECT uid FROM requests WHERE spki_sha256 = ?1 AND uid <> ?2 LIMIT 1;
-- :name request_add
INSERT INTO requests (csr_sha256, spki_sha256, uid, unit_id, fence, relayed_at,
	record_seq)
VALUES (?, ?, ?, ?, ?, ?, ?);
-- :name certificate_of_uid
SELECT sha256, spki_sha256, der FROM certificates WHERE uid = ?
ORDER BY issued_at LIMIT 1;
-- :name certificate_known
SELECT 1 FROM certificates WHERE uid = ?1 AND (?2 = '' OR sha256 = ?2) LIMIT 1;
-- :name certificate_add
INSERT INTO certificates (sha256, unit_id, uid, lot, spki_sha256, csr_sha256,
	serial, issuer, der, issued_at, record_seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- ---- results ----

-- :name attempt_get
SELECT a.content_sha256, a.station, a.reported, a.outcome, a.why, r.seq, r.hash
FROM attempts a JOIN records r ON r.seq = a.record_seq
WHERE a.attempt = ?;
-- :name attempt_add
INSERT INTO attempts (attempt, content_sha256, unit_id, lot, fence, attempt_no,
	stale, station, harness, uid, board_serial, device_id, reported,
	outcome, failure_code, failure_step, failure_text, why, disposition,
	operator, started_at, finished_at, cycle_ms, image_sha256, nor_sha256,
	test_program_version, app_version, app_test_status, card_serial,
	licence_id, counter_before, counter_after, csr_sha256, cert_sha256,
	first, recorded_at, record_seq)
VALUES (?, ?, nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
	?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING attempt_id;
-- :name attempt_account_add
INSERT INTO attempt_accounts (attempt_id, wire_ms, usb_ms, nor_erase_ms,
	nor_program_ms, nor_verify_ms, flash_ms, option_reload_ms, uart_ms,
	cpu_ms, card_ms, cloud_ms, controller_ms, wait_ms, rest_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
-- :name step_add
INSERT INTO steps (attempt_id, pos, step, state, started_ms, took_ms)
VALUES (?, ?, ?, ?, ?, ?);
-- :name measurement_add
INSERT INTO measurements (attempt_id, pos, step, name, value, unit, low, high,
	pass)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);
-- :name attempt_log_add
INSERT INTO attempt_logs (attempt_id, log) VALUES (?, ?);

-- ---- reports ----

-- :name report_units
SELECT unit_id, lot, uid, device_id, board_serial, outcome, failure_code,
	failure_step, disposition, attempts, cert_sha256, finished_at
FROM units
WHERE unit_id > ?2 AND (?1 = '' OR lot = ?1)
ORDER BY unit_id LIMIT ?3;
-- :name report_unit
SELECT unit_id, lot, uid, device_id, board_serial, outcome, failure_code,
	failure_step, disposition, attempts, cert_sha256, finished_at
FROM units
WHERE unit_id = (SELECT max(unit_id) FROM (
	SELECT unit_id FROM units WHERE uid = ?1 AND ?1 <> ''
	UNION ALL
	SELECT unit_id FROM units WHERE board_serial = ?1 AND ?1 <> ''));
-- :name report_trace
SELECT a.lot, l.product, a.board_serial, a.uid,
	coalesce(nullif(a.device_id, ''), u.device_id, ''), a.attempt,
	a.outcome, a.failure_code, a.failure_step, a.disposition, a.station,
	a.harness, a.operator, a.started_at, a.finished_at, a.cycle_ms,
	a.image_sha256, a.test_program_version, a.app_version,
	a.app_test_status, a.card_serial, a.licence_id, a.counter_before,
	a.counter_after, a.csr_sha256, coalesce(c.serial, ''), a.cert_sha256,
	coalesce(c.issuer, ''), a.record_seq, r.hash, a.attempt_no, a.fence,
	a.recorded_at, a.failure_text, a.stale, t.attempt_id IS NOT NULL,
	t.wire_ms, t.usb_ms, t.nor_erase_ms, t.nor_program_ms, t.nor_verify_ms,
	t.flash_ms, t.option_reload_ms, t.uart_ms, t.cpu_ms, t.card_ms,
	t.cloud_ms, t.controller_ms, t.wait_ms, t.rest_ms
FROM attempts a
JOIN lots l ON l.lot = a.lot
JOIN records r ON r.seq = a.record_seq
LEFT JOIN units u ON u.unit_id = a.unit_id
LEFT JOIN certificates c ON c.sha256 = a.cert_sha256
LEFT JOIN attempt_accounts t ON t.attempt_id = a.attempt_id
WHERE ?1 = '' OR a.lot = ?1
ORDER BY a.attempt_id;
-- :name report_unit_trace
SELECT a.lot, l.product, a.board_serial, a.uid,
	coalesce(nullif(a.device_id, ''), u.device_id, ''), a.attempt,
	a.outcome, a.failure_code, a.failure_step, a.disposition, a.station,
	a.harness, a.operator, a.started_at, a.finished_at, a.cycle_ms,
	a.image_sha256, a.test_program_version, a.app_version,
	a.app_test_status, a.card_serial, a.licence_id, a.counter_before,
	a.counter_after, a.csr_sha256, coalesce(c.serial, ''), a.cert_sha256,
	coalesce(c.issuer, ''), a.record_seq, r.hash, a.attempt_no, a.fence,
	a.recorded_at, a.failure_text, a.stale, t.attempt_id IS NOT NULL,
	t.wire_ms, t.usb_ms, t.nor_erase_ms, t.nor_program_ms, t.nor_verify_ms,
	t.flash_ms, t.option_reload_ms, t.uart_ms, t.cpu_ms, t.card_ms,
	t.cloud_ms, t.controller_ms, t.wait_ms, t.rest_ms
FROM units u
JOIN attempts a ON a.unit_id = u.unit_id
JOIN lots l ON l.lot = a.lot
JOIN records r ON r.seq = a.record_seq
LEFT JOIN certificates c ON c.sha256 = a.cert_sha256
LEFT JOIN attempt_accounts t ON t.attempt_id = a.attempt_id
WHERE u.unit_id IN (
	SELECT unit_id FROM units WHERE uid = ?1 AND ?1 <> ''
	UNION
	SELECT unit_id FROM units WHERE board_serial = ?1 AND ?1 <> '')
ORDER BY a.attempt_id;
-- :name report_steps
SELECT s.step, s.state, s.started_ms, s.took_ms
FROM attempts a JOIN steps s ON s.attempt_id = a.attempt_id
WHERE a.attempt = ? ORDER BY s.pos;
-- :name report_measurements
SELECT m.step, m.name, m.value, m.unit, m.low, m.high, m.pass
FROM attempts a JOIN measurements m ON m.attempt_id = a.attempt_id
WHERE a.attempt = ? ORDER BY m.pos;
-- :name report_log
SELECT g.log FROM attempts a JOIN attempt_logs g ON g.attempt_id = a.attempt_id
WHERE a.attempt = ?;
-- :name report_certificates
SELECT lot, uid, sha256, serial, issuer, der, issued_at
FROM certificates
WHERE (?1 = '' OR lot = ?1) AND (?2 = '' OR uid = ?2)
ORDER BY issued_at, sha256;
-- :name ledger_cards
SELECT c.card_serial, c.counter_start, c.counter_end,
	(SELECT count(*) FROM licences x
		WHERE x.card_serial = c.card_serial AND x.lot = c.lot),
	(SELECT count(*) FROM licences x
		WHERE x.card_serial = c.card_serial AND x.lot <> c.lot
		AND x.counter_after >= c.counter_end
		AND x.counter_before <= c.counter_start)
FROM lot_cards c WHERE c.lot = ? ORDER BY c.card_serial;
-- :name ledger_totals
SELECT
	(SELECT count(*) FROM licences WHERE lot = ?1),
	(SELECT count(DISTINCT uid) FROM licences WHERE lot = ?1),
	(SELECT count(*) FROM certificates WHERE lot = ?1),
	(SELECT count(DISTINCT uid) FROM certificates WHERE lot = ?1),
	(SELECT count(*) FROM units WHERE lot = ?1 AND outcome = 'pass'),
	(SELECT count(*) FROM units u WHERE lot = ?1 AND outcome = 'pass'
		AND NOT EXISTS (SELECT 1 FROM licences x WHERE x.uid = u.uid)),
	(SELECT count(*) FROM units u WHERE lot = ?1 AND outcome = 'pass'
		AND NOT EXISTS (SELECT 1 FROM certificates x
			WHERE x.uid = u.uid)),
	(SELECT count(*) FROM licences x WHERE lot = ?1
		AND NOT EXISTS (SELECT 1 FROM lot_cards c
			WHERE c.lot = ?1 AND c.card_serial = x.card_serial));
-- :name yield_rows
SELECT a.lot, a.station, s.step, count(*),
	sum(s.state IN ('failed', 'unknown'))
FROM attempts a JOIN steps s ON s.attempt_id = a.attempt_id
WHERE (?1 = '' OR a.lot = ?1) AND s.state <> 'skipped'
GROUP BY a.lot, a.station, s.step
ORDER BY a.lot, a.station, max(s.pos);
-- :name yield_first
SELECT count(*), sum(s.state IN ('failed', 'unknown'))
FROM attempts a JOIN steps s ON s.attempt_id = a.attempt_id
WHERE (?1 = '' OR a.lot = ?1) AND a.first = 1 AND s.state <> 'skipped'
GROUP BY s.step;
-- :name yield_units
SELECT count(*), coalesce(sum(outcome = 'pass'), 0),
	coalesce(sum(outcome <> 'in-progress'), 0),
	coalesce(sum(first_outcome = 'pass'), 0)
FROM units WHERE ?1 = '' OR lot = ?1;
-- :name yield_span
SELECT coalesce(min(started_at), 0), coalesce(max(finished_at), 0),
	coalesce(sum(outcome = 'pass'), 0)
FROM attempts WHERE ?1 = '' OR lot = ?1;
-- :name yield_cycle
SELECT cycle_ms FROM attempts
WHERE (?1 = '' OR lot = ?1) AND outcome = 'pass'
ORDER BY cycle_ms LIMIT 1 OFFSET ?2;
