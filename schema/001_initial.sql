-- The line's memory, first version. Times ending in _at are wall-clock ms
-- since 1970 (UTC); hashes and UIDs are lower-case hex text.

-- ---- the record: append-only, hash-chained (controller/audit/chain.h) ----

CREATE TABLE records (
	seq INTEGER PRIMARY KEY CHECK (seq > 0),
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	lot TEXT NOT NULL, -- only to find a lot's leaves; not hashed
	body TEXT NOT NULL,
	prev TEXT NOT NULL,
	hash TEXT NOT NULL
) STRICT;
CREATE INDEX records_lot ON records (lot, seq);

CREATE TRIGGER records_keep BEFORE UPDATE ON records
BEGIN SELECT raise(ABORT, 'the record is append-only'); END;
CREATE TRIGGER records_stay BEFORE DELETE ON records
BEGIN SELECT raise(ABORT, 'the record is append-only'); END;

CREATE TABLE checkpoints (
	seq INTEGER PRIMARY KEY REFERENCES records,
	hash TEXT NOT NULL,
	at INTEGER NOT NULL,
	signature BLOB NOT NULL
) STRICT;

-- ---- who may come in ----

CREATE TABLE stations (
	station TEXT PRIMARY KEY,
	state TEXT NOT NULL CHECK (state IN ('invited', 'enrolled', 'revoked')),
	cert_sha256 TEXT UNIQUE,
	cert BLOB, -- DER
	invited_at INTEGER NOT NULL,
	enrolled_at INTEGER,
	revoked_at INTEGER
) STRICT;

CREATE TABLE enrol_tokens (
	token_sha256 TEXT PRIMARY KEY,
	station TEXT NOT NULL REFERENCES stations,
	expires_at INTEGER NOT NULL,
	spent_at INTEGER
) STRICT;

CREATE TABLE api_tokens (
	token_sha256 TEXT PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	role TEXT NOT NULL,
	created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sign_ins (
	token_sha256 TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	spent_at INTEGER
) STRICT;

CREATE TABLE web_sessions (
	cookie_sha256 TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	ended_at INTEGER
) STRICT;

-- ---- what is to be built ----

CREATE TABLE images (
	sha256 TEXT PRIMARY KEY,
	len_bytes INTEGER NOT NULL,
	product TEXT NOT NULL,
	version TEXT NOT NULL,
	fwid TEXT NOT NULL,
	attestation_key TEXT NOT NULL,
	imported_at INTEGER NOT NULL
) STRICT;

CREATE TABLE image_parts (
	sha256 TEXT NOT NULL REFERENCES images,
	pos INTEGER NOT NULL,
	type TEXT NOT NULL,
	version TEXT NOT NULL,
	len_bytes INTEGER NOT NULL,
	part_sha256 TEXT NOT NULL,
	PRIMARY KEY (sha256, pos)
) STRICT;

CREATE TABLE lots (
	lot TEXT PRIMARY KEY,
	product TEXT NOT NULL,
	image_sha256 TEXT NOT NULL REFERENCES images,
	quantity INTEGER NOT NULL CHECK (quantity > 0),
	max_attempts INTEGER NOT NULL CHECK (max_attempts > 0),
	state TEXT NOT NULL CHECK (state IN ('draft', 'released', 'running',
		'paused', 'closing', 'closed')),
	admitted INTEGER NOT NULL DEFAULT 0, -- units that ever got a permit
	created_at INTEGER NOT NULL,
	started_at INTEGER,
	closed_at INTEGER
) STRICT;

CREATE TABLE assignments (
	station TEXT NOT NULL REFERENCES stations,
	harness TEXT NOT NULL, -- empty: every one of the station
	lot TEXT NOT NULL REFERENCES lots,
	PRIMARY KEY (station, harness)
) STRICT;

-- ---- what was built ----

CREATE TABLE units (
	unit_id INTEGER PRIMARY KEY AUTOINCREMENT,
	lot TEXT NOT NULL REFERENCES lots,
	unit_key TEXT NOT NULL, -- the UID, or "serial:" and the board's serial
	uid TEXT NOT NULL,	-- empty: never read
	board_serial TEXT NOT NULL,
	device_id TEXT NOT NULL,
	admitted_at INTEGER, -- first permit in this lot: uses up quota
	outcome TEXT NOT NULL CHECK (outcome IN ('in-progress', 'pass', 'fail',
		'indeterminate')),
	failure_code TEXT NOT NULL,
	failure_step TEXT NOT NULL,
	disposition TEXT NOT NULL,
	attempts INTEGER NOT NULL,	-- recorded
	attempts_used INTEGER NOT NULL, -- that count against max_attempts
	first_outcome TEXT NOT NULL,	-- of the first recorded attempt
	cert_sha256 TEXT NOT NULL,
	finished_at INTEGER,
	UNIQUE (lot, unit_key)
) STRICT;
CREATE INDEX units_uid ON units (uid) WHERE uid <> '';
CREATE INDEX units_serial ON units (board_serial) WHERE board_serial <> '';
CREATE INDEX units_outcome ON units (lot, outcome);

CREATE TABLE permits (
	fence INTEGER PRIMARY KEY AUTOINCREMENT,
	attempt TEXT NOT NULL UNIQUE,
	request_sha256 TEXT NOT NULL, -- the same attempt asks the same
	unit_id INTEGER NOT NULL REFERENCES units,
	station TEXT NOT NULL REFERENCES stations,
	harness TEXT NOT NULL,
	attempt_no INTEGER NOT NULL,
	retest INTEGER NOT NULL,
	resumed INTEGER NOT NULL,
	challenge BLOB NOT NULL,
	granted_at INTEGER NOT NULL,
	-- on this run's monotonic clock, renewed at start: never compared with
	-- wall time
	lease_until_ms INTEGER NOT NULL,
	ended TEXT CHECK (ended IN ('result', 'superseded'))
) STRICT;
CREATE INDEX permits_unit ON permits (unit_id, fence);
CREATE INDEX permits_open ON permits (station) WHERE ended IS NULL;

CREATE TABLE attempts (
	attempt_id INTEGER PRIMARY KEY AUTOINCREMENT,
	attempt TEXT NOT NULL UNIQUE,
	content_sha256 TEXT NOT NULL, -- the same attempt reports the same
	unit_id INTEGER REFERENCES units, -- NULL: board never known
	lot TEXT NOT NULL REFERENCES lots,
	fence INTEGER NOT NULL,
	attempt_no INTEGER NOT NULL,
	stale INTEGER NOT NULL,
	station TEXT NOT NULL REFERENCES stations,
	harness TEXT NOT NULL,
	uid TEXT NOT NULL,
	board_serial TEXT NOT NULL,
	device_id TEXT NOT NULL,
	reported TEXT NOT NULL, -- the outcome as the station saw it
	outcome TEXT NOT NULL,
	failure_code TEXT NOT NULL,
	failure_step TEXT NOT NULL,
	failure_text TEXT NOT NULL,
	why TEXT NOT NULL, -- outcome is not what was reported because
	disposition TEXT NOT NULL,
	operator TEXT NOT NULL,
	started_at INTEGER NOT NULL,
	finished_at INTEGER NOT NULL,
	cycle_ms INTEGER NOT NULL,
	image_sha256 TEXT NOT NULL,
	nor_sha256 TEXT NOT NULL,
	test_program_version TEXT NOT NULL,
	app_version TEXT NOT NULL,
	app_test_status INTEGER NOT NULL,
	card_serial TEXT NOT NULL,
	licence_id TEXT NOT NULL,
	counter_before INTEGER NOT NULL,
	counter_after INTEGER NOT NULL,
	csr_sha256 TEXT NOT NULL,
	cert_sha256 TEXT NOT NULL,
	first INTEGER NOT NULL, -- the unit's first recorded attempt in the lot
	recorded_at INTEGER NOT NULL,
	record_seq INTEGER NOT NULL REFERENCES records
) STRICT;
CREATE INDEX attempts_lot ON attempts (lot, attempt_id);
CREATE INDEX attempts_unit ON attempts (unit_id, attempt_id);
CREATE INDEX attempts_cycle ON attempts (lot, outcome, cycle_ms);

CREATE TABLE steps (
	attempt_id INTEGER NOT NULL REFERENCES attempts,
	pos INTEGER NOT NULL,
	step TEXT NOT NULL,
	state TEXT NOT NULL,
	started_ms INTEGER NOT NULL,
	took_ms INTEGER NOT NULL,
	PRIMARY KEY (attempt_id, pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE measurements (
	attempt_id INTEGER NOT NULL REFERENCES attempts,
	pos INTEGER NOT NULL,
	step TEXT NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	unit TEXT NOT NULL,
	low TEXT NOT NULL,
	high TEXT NOT NULL,
	pass INTEGER NOT NULL,
	PRIMARY KEY (attempt_id, pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt_logs (
	attempt_id INTEGER PRIMARY KEY REFERENCES attempts,
	log TEXT NOT NULL
) STRICT;

-- ---- the install ledger ----

CREATE TABLE licences (
	licence_id TEXT PRIMARY KEY,
	unit_id INTEGER NOT NULL REFERENCES units,
	uid TEXT NOT NULL,
	lot TEXT NOT NULL REFERENCES lots,
	fence INTEGER NOT NULL REFERENCES permits,
	card_serial TEXT NOT NULL,
	fwid TEXT NOT NULL,
	counter_before INTEGER NOT NULL,
	counter_after INTEGER NOT NULL,
	licence BLOB NOT NULL,
	chip_certificate BLOB NOT NULL,
	recorded_at INTEGER NOT NULL,
	record_seq INTEGER NOT NULL REFERENCES records,
	UNIQUE (card_serial, counter_after)
) STRICT;
CREATE INDEX licences_uid ON licences (uid);
CREATE INDEX licences_lot ON licences (lot);

-- What a lot saw of a card: the highest counter and the lowest.
CREATE TABLE lot_cards (
	lot TEXT NOT NULL REFERENCES lots,
	card_serial TEXT NOT NULL,
	counter_start INTEGER NOT NULL,
	counter_end INTEGER NOT NULL,
	PRIMARY KEY (lot, card_serial)
) STRICT;

-- Every request that passed the checks and went to the cloud.
CREATE TABLE requests (
	csr_sha256 TEXT PRIMARY KEY,
	spki_sha256 TEXT NOT NULL,
	uid TEXT NOT NULL,
	unit_id INTEGER NOT NULL REFERENCES units,
	fence INTEGER NOT NULL REFERENCES permits,
	relayed_at INTEGER NOT NULL,
	record_seq INTEGER NOT NULL REFERENCES records
) STRICT;
CREATE INDEX requests_spki ON requests (spki_sha256);

CREATE TABLE certificates (
	sha256 TEXT PRIMARY KEY,
	unit_id INTEGER NOT NULL REFERENCES units,
	uid TEXT NOT NULL,
	lot TEXT NOT NULL REFERENCES lots,
	spki_sha256 TEXT NOT NULL UNIQUE,
	csr_sha256 TEXT NOT NULL REFERENCES requests,
	serial TEXT NOT NULL,
	issuer TEXT NOT NULL,
	der BLOB NOT NULL,
	issued_at INTEGER NOT NULL,
	record_seq INTEGER NOT NULL REFERENCES records
) STRICT;
CREATE INDEX certificates_uid ON certificates (uid);
CREATE INDEX certificates_lot ON certificates (lot);

PRAGMA user_version = 1;
