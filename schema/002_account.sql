-- Where the time of an attempt went (proto/account.def), ms. Attempts recorded
-- before this have none.

CREATE TABLE attempt_accounts (
	attempt_id INTEGER PRIMARY KEY REFERENCES attempts,
	wire_ms INTEGER NOT NULL,
	usb_ms INTEGER NOT NULL,
	nor_erase_ms INTEGER NOT NULL,
	nor_program_ms INTEGER NOT NULL,
	nor_verify_ms INTEGER NOT NULL,
	flash_ms INTEGER NOT NULL,
	option_reload_ms INTEGER NOT NULL,
	uart_ms INTEGER NOT NULL,
	cpu_ms INTEGER NOT NULL,
	card_ms INTEGER NOT NULL,
	cloud_ms INTEGER NOT NULL,
	controller_ms INTEGER NOT NULL,
	wait_ms INTEGER NOT NULL,
	rest_ms INTEGER NOT NULL -- below 0: so much at the same time
) STRICT;

PRAGMA user_version = 2;
