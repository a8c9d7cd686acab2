/* What the fake store of the console's tests holds. */
#ifndef TESTS_E2E_FAKE_STORE_H
#define TESTS_E2E_FAKE_STORE_H

#include "controller/store/store_line.h"

#include <stdbool.h>
#include <uv.h>

/* 32 bytes in hex each */
#define FAKE_HEX8	    "0123456789abcdef0123456789abcdef"
#define FAKE_ADMIN_TOKEN    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" FAKE_HEX8
#define FAKE_OPERATOR_TOKEN "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" FAKE_HEX8
#define FAKE_SIGN_IN	    "cccccccccccccccccccccccccccccccc" FAKE_HEX8
#define FAKE_COOKIE	    "dddddddddddddddddddddddddddddddd" FAKE_HEX8
#define FAKE_INVITE	    "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee" FAKE_HEX8
#define FAKE_STATIONS	    3u
#define FAKE_UNITS	    130u

struct fake {
	uint64_t passed, failed;
	unsigned trace_rows, refusals;
	bool sign_in_open, session_open, lot_paused;
	struct store_image image;
};
extern struct fake fake;

void fake_init(uv_loop_t *loop);

#endif
