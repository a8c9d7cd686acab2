#include "bench/daemon/board.h"

#include "bench/daemon/faults.h"
#include "proto/base/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEV_ID_U585	    0x482u
#define SWD_NOISE_ONE_IN    2000u
#define SWD_FAST_ONE_IN	    50u
#define SWD_CLEAN_PERIOD_PS 100000u /* 10 MHz */
#define UART_NOISE_ONE_IN   2000u

enum err_code board_registry_init(struct board_registry *r, const char *dir,
				  const char *maker_key, const char *nor_part,
				  uint64_t seed, struct err *e)
{
	char own[512], other[512];
	enum err_code rc;

	*r = (struct board_registry){.nor_part = nor_part, .seed = seed};
	pthread_mutex_init(&r->mutex, NULL);
	snprintf(own, sizeof(own), "%s/maker.pem", dir);
	snprintf(other, sizeof(other), "%s/other-maker.pem", dir);
	rc = sfi_maker_open(&r->maker, maker_key != NULL ? maker_key : own,
			    true, e);
	if (rc == ERR_OK)
		rc = sfi_maker_open(&r->other_maker, other, true, e);
	if (rc != ERR_OK)
		board_registry_fini(r);
	return rc;
}

void board_registry_fini(struct board_registry *r)
{
	for (size_t i = 0; i < r->n; i++) {
		chip_free(r->boards[i]->chip);
		free(r->boards[i]);
	}
	free(r->boards);
	r->boards = NULL;
	r->n = 0;
	sfi_maker_free(r->maker);
	sfi_maker_free(r->other_maker);
	r->maker = r->other_maker = NULL;
	pthread_mutex_destroy(&r->mutex);
}

bool board_has(const struct board *b, const char *fault)
{
	for (size_t i = 0; b->spec.faults[i] != NULL; i++) {
		if (strcmp(b->spec.faults[i], fault) == 0)
			return true;
	}
	return false;
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
	uint64_t h = 0xCBF29CE484222325u ^ seed; /* FNV-1a */

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001B3u;
	return h;
}

/* As ST makes them: wafer coordinates, wafer number, lot in ASCII (RM0456 Rev
 * 6, 75.1). The same seed and serial give the same one. */
static void make_uid(uint8_t uid[12], uint64_t seed, const char *serial)
{
	struct wire_rng rng;

	wire_rng_init(&rng, hash_text(seed, serial));
	for (unsigned i = 0; i < 5; i++)
		uid[i] = (uint8_t)wire_rng_below(&rng, 256);
	for (unsigned i = 5; i < 12; i++)
		uid[i] = (uint8_t)('A' + wire_rng_below(&rng, 26));
}

static enum err_code make_chip(struct board_registry *r, struct board *b,
			       struct err *e)
{
	struct chip_config c = {
		.dev_id = DEV_ID_U585,
		.nor_part =
			b->spec.nor_part[0] ? b->spec.nor_part : r->nor_part,
		.wiring = b->spec.wiring[0] ? b->spec.wiring : r->wiring,
		.seed = hash_text(~r->seed, b->spec.serial),
		.faults = b->spec.faults};
	const struct sfi_maker *maker =
		board_has(b, "chip-cert-bad") ? r->other_maker : r->maker;
	enum err_code rc;

	if (board_has(b, "foreign-chip"))
		c.dev_id = 0x481;
	memcpy(c.uid, b->spec.uid, sizeof(c.uid));
	rc = sfi_maker_chip(maker, c.uid, c.chip_key, c.chip_cert, e);
	if (rc == ERR_OK)
		rc = chip_new(&b->chip, &c, e);
	explicit_bzero(c.chip_key, sizeof(c.chip_key));
	return rc;
}

static enum err_code board_new(struct board_registry *r,
			       const struct board_spec *spec,
			       struct board **out, struct err *e)
{
	struct board *b = calloc(1, sizeof(*b));
	struct board **more;
	enum err_code rc;

	if (b == NULL)
		return err_set(e, ERR_NO_MEMORY, "board");
	b->spec = *spec;
	if (!spec->uid_given)
		make_uid(b->spec.uid, r->seed, spec->serial);
	hex_encode(b->uid_hex, b->spec.uid, sizeof(b->spec.uid));
	more = realloc(r->boards, (r->n + 1) * sizeof(*more));
	if (more == NULL) {
		free(b);
		return err_set(e, ERR_NO_MEMORY, "board");
	}
	r->boards = more;
	rc = make_chip(r, b, e);
	if (rc != ERR_OK) {
		free(b);
		return rc;
	}
	r->boards[r->n++] = b;
	*out = b;
	return ERR_OK;
}

static struct board *find_locked(struct board_registry *r, const char *serial)
{
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->boards[i]->spec.serial, serial) == 0)
			return r->boards[i];
	}
	return NULL;
}

struct board *board_find(struct board_registry *r, const char *serial)
{
	struct board *b;

	pthread_mutex_lock(&r->mutex);
	b = find_locked(r, serial);
	pthread_mutex_unlock(&r->mutex);
	return b;
}

/* Whether a spec that names a known board says nothing else about it. */
static bool same_board(const struct board *b, const struct board_spec *spec)
{
	if (spec->uid_given && memcmp(b->spec.uid, spec->uid, 12) != 0)
		return false;
	if ((spec->wiring[0] && strcmp(b->spec.wiring, spec->wiring) != 0) ||
	    (spec->nor_part[0] &&
	     strcmp(b->spec.nor_part, spec->nor_part) != 0))
		return false;
	for (size_t i = 0; spec->faults[i] != NULL; i++) {
		if (!board_has(b, spec->faults[i]))
			return false;
	}
	return true;
}

enum err_code board_take(struct board_registry *r,
			 const struct board_spec *spec, struct board **out,
			 struct err *e)
{
	enum err_code rc = ERR_OK;
	struct board *b;

	pthread_mutex_lock(&r->mutex);
	b = find_locked(r, spec->serial);
	if (b == NULL && r->n == BOARDS_MAX)
		rc = err_set(e, ERR_TOO_BIG, "more than %u boards", BOARDS_MAX);
	else if (b == NULL)
		rc = board_new(r, spec, &b, e);
	else if (!same_board(b, spec))
		rc = err_set(e, ERR_CONFLICT,
			     "board %s exists with other faults, UID or kind",
			     spec->serial);
	else if (b->taken)
		rc = err_set(e, ERR_STATE, "board %s is in a harness",
			     spec->serial);
	if (rc == ERR_OK) {
		b->taken = true;
		*out = b;
	}
	pthread_mutex_unlock(&r->mutex);
	return rc;
}

void board_give_back(struct board_registry *r, struct board *b)
{
	pthread_mutex_lock(&r->mutex);
	b->taken = false;
	pthread_mutex_unlock(&r->mutex);
}

struct harness_contact board_contact(struct board *b, uint64_t seed)
{
	struct harness_contact c = {0};

	c.seed = hash_text(seed + b->insertions, b->spec.serial);
	c.swd.seed = c.seed;
	if (board_has(b, "swd-noise"))
		c.swd.noise_one_in = SWD_NOISE_ONE_IN;
	if (board_has(b, "swd-slow-cable")) {
		c.swd.fast_one_in = SWD_FAST_ONE_IN;
		c.swd.clean_period_ps = SWD_CLEAN_PERIOD_PS;
	}
	if (board_has(b, "uart-noise"))
		c.uart_noise = UART_NOISE_ONE_IN;
	c.uart_dead = board_has(b, "uart-dead");
	b->insertions++;
	return c;
}
