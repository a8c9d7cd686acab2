/* What the release expects of board and harness (product_expect.h), made
 * binding: this file alone judges by it. Whatever is expected and not known
 * does not hold. */
#ifndef AGENT_FLOW_EXPECT_H
#define AGENT_FLOW_EXPECT_H

#include "agent/link/cache.h"
#include "proto/image/product_expect.h"
#include "proto/msg/msg.h"
#include "proto/rules.h"
#include "proto/uart/uart.h"

#define EXPECT_WHY_SIZE 161u

/* Read the manifest of a cached image. Hashes the whole file: once an image,
 * not once a board. ERR_INTEGRITY when the image or its manifest is not as
 * released; else as cache_open(). */
enum err_code expect_load(struct product_expect *x, struct cache *c,
			  const char *image_sha256, struct err *e);

/* Does the harness have the fixture? fixture: empty when its configuration
 * does not say. False: why tells the operator what to do. */
bool expect_fixture(const struct product_expect *x, const char *fixture,
		    char why[EXPECT_WHY_SIZE]);

/* Is the SPI flash one that the product is built with? False: why has both. */
bool expect_nor(const struct product_expect *x, const uint8_t jedec_id[3],
		char why[EXPECT_WHY_SIZE]);

/* ---- one run of the hardware test ---- */

struct expect_test {
	const struct product_expect *x; /* borrowed */
	uint64_t limits_seen;		/* bit i: limits[i] was measured */
	uint32_t modules_seen;
	enum failure failure; /* the first; FAILURE_NONE: none so far */
	char why[2u * EXPECT_WHY_SIZE];
};

/* Also when the DUT has started again: nothing is measured yet. */
void expect_test_begin(struct expect_test *t, const struct product_expect *x);

/* Judge what the DUT says, by its own limits and the release's; m is the
 * record of it. */
void expect_test_take(struct expect_test *t, const struct uart_TEST *said,
		      struct msg_MEASUREMENT *m);

/* The hardware test says that it is through: what has not been measured fails
 * now. */
void expect_test_end(struct expect_test *t);

#endif
