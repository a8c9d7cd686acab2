/* Which boards come down the line, and what must become of each. */
#ifndef CLI_DEMO_SCENARIO_H
#define CLI_DEMO_SCENARIO_H

#include "proto/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCENARIO_MAX_BOARDS 100000
#define SCENARIO_MAX_FAULTS 4

struct scenario_board {
	char serial[33];
	unsigned fault_count;
	unsigned faults[SCENARIO_MAX_FAULTS]; /* rows of bench/faults.def */
};

struct scenario {
	uint64_t seed;
	size_t count;
	struct scenario_board *boards;
};

/* {"seed":1,"boards":[{"serial":"A0001","faults":["nor-missing"]},...]}.
 * Unknown members, faults or doubled serials are ERR_INPUT naming the place. */
enum err_code scenario_load(struct scenario *s, const char *path,
			    struct err *e);

/* count boards, about one in four with a fault, by seed. */
enum err_code scenario_make(struct scenario *s, size_t count, uint64_t seed,
			    struct err *e);
void scenario_fini(struct scenario *s);

/* The boards as the bench's feed takes them: a new JSON array. */
json_t *scenario_to_json(const struct scenario *s);

/* Did the unit end as a board with these faults must? code: "" for a pass,
 * else the failure code. */
bool scenario_expected(const struct scenario_board *b, const char *outcome,
		       const char *code);
/* For people: "pass" or "nor-missing" or "uart-lost or wifi". */
const char *scenario_expectation(const struct scenario_board *b);

unsigned scenario_fault_count(void);
const char *scenario_fault_name(unsigned fault);
const char *scenario_fault_text(unsigned fault);

#endif
