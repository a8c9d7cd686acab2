/* Every SWD transfer of a whole job is once the one that is disturbed, in
 * every way that the bench knows: a board is identified, its NOR and its
 * internal flash are brought from one content to another, over the production
 * code of agent/target and agent/drv, and whatever was disturbed, what the
 * memories hold then is right. A job that may fail says so in one line, and is
 * right when it is done again; it never ends with wrong content and never
 * hangs.
 *
 * That takes hours. CTest runs as many places as fit into SAMPLE_S seconds,
 * drawn by a seed that is printed (PROVLINE_SWEEP_SEED=N repeats it).
 * PROVLINE_SWEEP_STEP=N runs every Nth transfer of the whole job instead, for
 * each kind of trouble: 1 is all of them. PROVLINE_SWEEP_KIND=K: one kind.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/target/target.h"
#include "proto/base/log.h"
#include "tests/unit/agent/rig/board_rig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE_S    10
#define NOR_BYTES   (3u * 4096u + 700u)
#define FLASH_BYTES 3000u
/* Modelled time that no job needs, however it is disturbed. */
#define HANG_NS	    60000000000ull

struct contents {
	uint8_t nor[NOR_BYTES], flash[FLASH_BYTES];
};

/* The board goes from one to the other and back. They share some pages; the
 * second sector differs by bits that need no erase on the way to [1]. */
static struct contents contents[2];
static struct target *target;
static unsigned holds; /* index of what the board has */
static struct err e;

static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void make_contents(void)
{
	uint32_t x = 0xC0FFEEu;

	for (size_t i = 0; i < sizeof contents[0]; i++) {
		((uint8_t *)&contents[0])[i] = (uint8_t)next_random(&x);
		((uint8_t *)&contents[1])[i] = (uint8_t)next_random(&x);
	}
	memcpy(contents[1].nor + 1024, contents[0].nor + 1024, 1024);
	memset(contents[1].nor + 2048, 0xFF, 512);
	memset(contents[0].nor + 4096, 0xFF, 2048);
	memcpy(contents[1].nor + 6144, contents[0].nor + 6144, 2048);
}

/* -------- one job -------- */

static enum err_code give_image(void *arg, uint64_t offset, void *buf,
				size_t len, struct err *err)
{
	const struct contents *c = arg;

	(void)err;
	assert_true(offset + len <= sizeof c->nor);
	memcpy(buf, c->nor + offset, len);
	return ERR_OK;
}

static enum err_code job(struct contents *c)
{
	struct target_nor_report report;
	struct target_identity id;
	enum err_code rc = target_identify(target, &id, &e);

	if (rc == ERR_OK && id.lock != TARGET_OPEN)
		return err_set(&e, ERR_STATE, "identified as not open");
	if (rc == ERR_OK)
		rc = target_nor_program(target, sizeof c->nor, give_image, c,
					NULL, NULL, &report, &e);
	if (rc == ERR_OK)
		rc = target_flash_write(target, 8192, c->flash, sizeof c->flash,
					&e);
	return rc;
}

static bool content_right(const struct contents *c)
{
	size_t len;
	const uint8_t *nor = rig_nor(&len);
	const uint8_t *flash = rig_flash(&len);

	return memcmp(nor, c->nor, sizeof c->nor) == 0 &&
	       memcmp(flash + 8192, c->flash, sizeof c->flash) == 0;
}

static void new_board(bool output_enable)
{
	struct target_config c = {
		.probe_serial = "S1",
		.layout = output_enable ? TARGET_LAYOUT_OUTPUT_ENABLE
					: TARGET_LAYOUT_RESISTOR,
		.uart_baud = 115200};

	target_close(target);
	rig_insert(output_enable, "w25q64jv", NULL, 0);
	assert_int_equal(target_open(&target, &c, &e), ERR_OK);
	for (holds = 0; holds < 2; holds++)
		assert_int_equal(job(&contents[holds]), ERR_OK);
	assert_int_equal(job(&contents[0]), ERR_OK);
	assert_true(content_right(&contents[0]));
	holds = 0;
}

/* -------- the sweep -------- */

struct sweep {
	uint64_t places; /* transfers of the shorter job */
	unsigned long runs, refused, failed;
};

static uint64_t count_places(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		uint64_t before = rig_transfers();

		holds ^= 1u;
		assert_int_equal(job(&contents[holds]), ERR_OK);
		if (rig_transfers() - before < least)
			least = rig_transfers() - before;
	}
	return least;
}

static void check_time(enum rig_trouble kind, uint64_t k, uint64_t start_ns)
{
	uint64_t ns = rig_now_ns() - start_ns;

	if (ns > HANG_NS)
		fail_msg("%s at transfer %llu: took %llu s",
			 rig_trouble_names[kind], (unsigned long long)k,
			 (unsigned long long)(ns / 1000000000u));
}

/* Whether a job may end so. A bus error is the board's word, even a single
 * one where nothing may be done twice. */
static bool expected(enum rig_trouble kind, enum err_code rc)
{
	if (kind == RIG_FAULT)
		return rc == ERR_OK || rc == ERR_TARGET_FAULT;
	if (kind == RIG_GONE)
		return rc == ERR_NO_TARGET || rc == ERR_WIRE;
	return rc == ERR_OK;
}

/* The job with trouble at its kth transfer. */
static void disturb(struct sweep *s, enum rig_trouble kind, uint64_t k)
{
	uint64_t start_ns = rig_now_ns();
	enum err_code rc;

	holds ^= 1u;
	rig_trouble_at(kind, rig_transfers() + k);
	e = (struct err){0};
	rc = job(&contents[holds]);
	rig_mend();
	check_time(kind, k, start_ns);
	s->runs++;
	if (!expected(kind, rc)) {
		s->failed++;
		print_message("%s at transfer %llu: %s\n",
			      rig_trouble_names[kind], (unsigned long long)k,
			      rc == ERR_OK ? "not noticed" : e.text);
	}
	if (rc != ERR_OK) {
		s->refused++;
		assert_true(e.text[0] != '\0' && strchr(e.text, '\n') == NULL);
		assert_int_equal(job(&contents[holds]), ERR_OK);
	}
	if (!content_right(&contents[holds]))
		fail_msg("%s at transfer %llu: wrong content",
			 rig_trouble_names[kind], (unsigned long long)k);
}

/* Unicorn 2.0.1 crashed once after some fifteen thousand jobs on one board. */
#define JOBS_A_BOARD 2000u

static void sweep_whole(struct sweep *s, bool output_enable, uint64_t step)
{
	const char *only = getenv("PROVLINE_SWEEP_KIND");

	for (unsigned kind = 0; kind < RIG_TROUBLES; kind++) {
		unsigned long failed = s->failed;

		if (only != NULL && strtoul(only, NULL, 10) != kind)
			continue;
		for (uint64_t k = 1; k <= s->places; k += step) {
			if (s->runs % JOBS_A_BOARD == 0)
				new_board(output_enable);
			disturb(s, (enum rig_trouble)kind, k);
		}
		print_message("%s: %lu ended otherwise than they should\n",
			      rig_trouble_names[kind], s->failed - failed);
	}
}

static double now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void sweep_sample(struct sweep *s)
{
	const char *text = getenv("PROVLINE_SWEEP_SEED");
	uint32_t seed = text != NULL ? (uint32_t)strtoul(text, NULL, 10)
				     : (uint32_t)time(NULL) | 1u;
	double end = now_s() + SAMPLE_S / 2.0;
	uint32_t x = seed;

	print_message("PROVLINE_SWEEP_SEED=%u\n", (unsigned)seed);
	for (unsigned n = next_random(&x); now_s() < end; n++)
		disturb(s, (enum rig_trouble)(n % RIG_TROUBLES),
			1 + next_random(&x) % s->places);
}

static void sweep(bool output_enable)
{
	const char *step = getenv("PROVLINE_SWEEP_STEP");
	struct sweep s = {0};

	new_board(output_enable);
	s.places = count_places();
	print_message("a job has %llu transfers\n",
		      (unsigned long long)s.places);
	if (step != NULL)
		sweep_whole(&s, output_enable, strtoull(step, NULL, 10));
	else
		sweep_sample(&s);
	print_message("%lu jobs disturbed, %lu ended with an error, %lu of "
		      "them should not have\n",
		      s.runs, s.refused, s.failed);
	assert_int_equal(s.failed, 0);
}

/* Many troubles in one job, some of them in the middle of repairs. A job that
 * gives up says so; one that does not has done what it should. */
static void noisy(void **state)
{
	static const uint32_t one_in[] = {2000, 500, 100};
	enum { JOBS = 4 };

	(void)state;
	new_board(false);
	for (size_t i = 0; i < sizeof one_in / sizeof one_in[0]; i++) {
		unsigned done = 0;

		for (int n = 0; n < JOBS; n++) {
			uint64_t start_ns = rig_now_ns();
			enum err_code rc;

			holds ^= 1u;
			rig_noise(one_in[i]);
			rc = job(&contents[holds]);
			rig_mend();
			check_time(RIG_NOISE_DATA, 0, start_ns);
			done += rc == ERR_OK;
			if (rc != ERR_OK) {
				print_message("%s\n", e.text);
				assert_int_equal(job(&contents[holds]), ERR_OK);
			}
			assert_true(content_right(&contents[holds]));
		}
		print_message("one transfer in %u disturbed: %u of %d jobs "
			      "done\n",
			      (unsigned)one_in[i], done, JOBS);
		if (one_in[i] >= 2000)
			assert_int_equal(done, JOBS);
	}
}

static void resistor(void **state)
{
	(void)state;
	sweep(false);
}

static void output_enable(void **state)
{
	(void)state;
	sweep(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noisy),
		cmocka_unit_test(resistor),
		cmocka_unit_test(output_enable),
	};
	int failed;

	log_init("test_recovery", LOG_ERROR);
	make_contents();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	target_close(target);
	rig_end();
	return failed;
}
