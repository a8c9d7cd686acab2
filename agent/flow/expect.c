#include "agent/flow/expect.h"

#include "agent/flow/limits.h"
#include "proto/base/hex.h"
#include "proto/image/image_fault.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(PRODUCT_LIMITS_MAX <= 64 && PRODUCT_LIST_MAX <= 32,
	       "a bit for each in struct expect_test");

/* ---- reading ---- */

enum err_code expect_load(struct product_expect *x, struct cache *c,
			  const char *image_sha256, struct err *e)
{
	struct image_fault fault = {IMAGE_OK, 0, 0};
	struct cache_image *file;
	struct image im;
	enum err_code rc = cache_open(c, image_sha256, &file, e);

	memset(x, 0, sizeof(*x));
	if (rc != ERR_OK)
		return rc;
	if (image_open(&im, cache_image_read, file, cache_len(file), &fault) ==
	    IMAGE_OK)
		rc = product_expect_read(&im, x, e);
	else
		rc = image_fault_err(&fault, e);
	if (rc == ERR_IO && cache_seal(file, e) != ERR_OK)
		rc = ERR_INTEGRITY; /* altered while it was read */
	cache_close(file);
	return rc;
}

/* ---- harness and SPI flash ---- */

bool expect_fixture(const struct product_expect *x, const char *fixture,
		    char why[EXPECT_WHY_SIZE])
{
	if (x->fixture[0] == '\0' || strcmp(x->fixture, fixture) == 0)
		return true;
	if (fixture[0] == '\0')
		snprintf(why, EXPECT_WHY_SIZE,
			 "fixture \"%s\" needed, none is configured: fit it "
			 "and set fixture, or assign the lot elsewhere",
			 x->fixture);
	else
		snprintf(why, EXPECT_WHY_SIZE,
			 "fixture \"%s\" needed, this is \"%.32s\": change it "
			 "and its setting, or assign the lot elsewhere",
			 x->fixture, fixture);
	return false;
}

bool expect_nor(const struct product_expect *x, const uint8_t jedec_id[3],
		char why[EXPECT_WHY_SIZE])
{
	char hex[7];
	size_t len;

	for (size_t i = 0; i < x->id_n; i++)
		if (memcmp(x->jedec_ids[i], jedec_id, 3) == 0)
			return true;
	if (x->id_n == 0)
		return true;
	len = (size_t)snprintf(why, EXPECT_WHY_SIZE,
			       "JEDEC id %s, the product is built with",
			       hex_encode(hex, jedec_id, 3));
	for (size_t i = 0; i < x->id_n && len + 16 < EXPECT_WHY_SIZE; i++)
		len += (size_t)snprintf(why + len, EXPECT_WHY_SIZE - len,
					"%s %s", i == 0 ? "" : ",",
					hex_encode(hex, x->jedec_ids[i], 3));
	if (len + 16 >= EXPECT_WHY_SIZE)
		snprintf(why + len, EXPECT_WHY_SIZE - len, ", ...");
	return false;
}

/* ---- hardware test ---- */

/* Is the name word itself, or word-something? */
static bool is_of(const char *name, const char *word, size_t len)
{
	return strncmp(name, word, len) == 0 &&
	       (name[len] == '\0' || name[len] == '-');
}

/* The hardware test's failure code that the measurement is of: "wifi" for wifi
 * and wifi-networks. A name cannot choose a code of another step, which may
 * mean that the board is to be tried again. */
static enum failure failure_of(const char *name)
{
	for (enum failure f = 1; f < FAILURE_COUNT; f++)
		if (failure_step(f) == STEP_HARDWARE_TEST &&
		    is_of(name, failure_code(f), strlen(failure_code(f))))
			return f;
	return FAILURE_FIRMWARE_UNKNOWN;
}

static void set_failure(struct expect_test *t, const char *name,
			const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void set_failure(struct expect_test *t, const char *name,
			const char *fmt, ...)
{
	va_list ap;

	if (t->failure != FAILURE_NONE)
		return;
	t->failure = failure_of(name);
	va_start(ap, fmt);
	vsnprintf(t->why, sizeof(t->why), fmt, ap);
	va_end(ap);
}

void expect_test_begin(struct expect_test *t, const struct product_expect *x)
{
	*t = (struct expect_test){.x = x};
}

void expect_test_take(struct expect_test *t, const struct uart_TEST *said,
		      struct msg_MEASUREMENT *m)
{
	const struct product_expect *x = t->x;

	limits_record(m, STEP_HARDWARE_TEST, said);
	for (size_t i = 0; i < x->module_n; i++)
		if (is_of(m->name, x->modules[i], strlen(x->modules[i])))
			t->modules_seen |= UINT32_C(1) << i;
	for (size_t i = 0; i < x->limit_n; i++) {
		const struct product_limit *l = &x->limits[i];

		if (strcmp(l->name, m->name) != 0)
			continue;
		t->limits_seen |= UINT64_C(1) << i;
		if (!limits_tighten(m, l))
			set_failure(t, m->name,
				    "%s is %s in \"%s\", the product's limits "
				    "are in \"%s\"",
				    m->name, m->value, m->unit, l->unit);
	}
	if (!m->pass)
		set_failure(t, m->name, "%s is %s %s, limits %s to %s", m->name,
			    m->value, m->unit, m->low, m->high);
}

static void miss_limit(struct expect_test *t, const struct product_limit *l)
{
	char low[24] = "", high[24] = "";

	if (l->has_min)
		snprintf(low, sizeof(low), "%" PRId64, l->min);
	if (l->has_max)
		snprintf(high, sizeof(high), "%" PRId64, l->max);
	set_failure(t, l->name,
		    "%s was not measured, the product's limits are %s to %s %s",
		    l->name, low, high, l->unit);
}

void expect_test_end(struct expect_test *t)
{
	const struct product_expect *x = t->x;

	for (size_t i = 0; i < x->module_n; i++)
		if ((t->modules_seen >> i & 1u) == 0)
			set_failure(t, x->modules[i],
				    "the product has the module %s, the "
				    "hardware test measured nothing of it",
				    x->modules[i]);
	for (size_t i = 0; i < x->limit_n; i++)
		if ((t->limits_seen >> i & 1u) == 0)
			miss_limit(t, &x->limits[i]);
}
