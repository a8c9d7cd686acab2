#include "cli/demo/scenario.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *text;
} faults[] = {
#define FAULT(name, kind, text) {name, text},
#include "bench/faults.def"
#undef FAULT
};

/* What the agent takes from a barcode: agent/drv/scanner.h. */
#define SERIAL_CHARS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

#define FAULT_COUNT (sizeof faults / sizeof faults[0])

/* What a board with the fault must end as: "" passes, two codes where the
 * order of events decides which is seen. A board with several faults ends
 * as the one that stands first here. `usual`: may be drawn at random for a
 * demo; the others are for scenario files. */
static const struct {
	const char *fault;
	const char *code, *or_code;
	bool usual;
} endings[] = {
	{"foreign-chip", "foreign-chip", NULL, true},
	{"rdp1", "rdp-locked", NULL, true},
	{"nor-missing", "nor-missing", NULL, true},
	{"nor-wrong-size", "nor-wrong-size", NULL, true},
	{"nor-stuck-busy", "nor-stuck-busy", NULL, false},
	{"nor-bit-error", "nor-verify", NULL, true},
	{"chip-cert-bad", "chip-certificate", NULL, true},
	{"flash-worn", "flash-write", NULL, true},
	{"option-bytes-stuck", "lock-failed", NULL, true},
	{"uart-dead", "no-boot", NULL, false},
	{"modem-fail", "modem", NULL, true},
	{"sim-fail", "sim", NULL, true},
	{"wifi-fail", "wifi", NULL, true},
	{"firmware-hang", "uart-lost", "wifi", false},
	{"csr-bad-signature", "csr-invalid", NULL, true},
	{"app-test-fail", "app-test", NULL, true},
	{"uart-noise", "", NULL, true},
	{"swd-noise", "", NULL, true},
	{"swd-slow-cable", "", NULL, false},
	{"removed-in-program", "", NULL, true},
	{"removed-in-install", "", NULL, true},
};

#define ENDING_COUNT (sizeof endings / sizeof endings[0])

unsigned scenario_fault_count(void)
{
	return FAULT_COUNT;
}

const char *scenario_fault_name(unsigned fault)
{
	return faults[fault].name;
}

const char *scenario_fault_text(unsigned fault)
{
	return faults[fault].text;
}

static bool find_fault(const char *name, unsigned *fault)
{
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		if (strcmp(faults[i].name, name) == 0) {
			*fault = i;
			return true;
		}
	}
	return false;
}

static bool has_fault(const struct scenario_board *b, const char *name)
{
	for (unsigned i = 0; i < b->fault_count; i++)
		if (strcmp(faults[b->faults[i]].name, name) == 0)
			return true;
	return false;
}

/* Row of endings that decides, or -1 for a healthy board. */
static int ending_of(const struct scenario_board *b)
{
	for (unsigned i = 0; i < ENDING_COUNT; i++)
		if (has_fault(b, endings[i].fault))
			return (int)i;
	return -1;
}

bool scenario_expected(const struct scenario_board *b, const char *outcome,
		       const char *code)
{
	int row = ending_of(b);

	if (row < 0 || !endings[row].code[0])
		return strcmp(outcome, "pass") == 0;
	if (strcmp(outcome, "fail") != 0)
		return false;
	return strcmp(code, endings[row].code) == 0 ||
	       (endings[row].or_code &&
		strcmp(code, endings[row].or_code) == 0);
}

const char *scenario_expectation(const struct scenario_board *b)
{
	int row = ending_of(b);

	return row < 0 || !endings[row].code[0] ? "pass" : endings[row].code;
}

/* SplitMix64: small, seeded, the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

enum err_code scenario_make(struct scenario *s, size_t count, uint64_t seed,
			    struct err *e)
{
	uint64_t state = seed;

	*s = (struct scenario){.seed = seed, .count = count};
	s->boards = calloc(count ? count : 1, sizeof *s->boards);
	if (!s->boards)
		return err_set(e, ERR_NO_MEMORY, "%zu boards", count);
	for (size_t i = 0; i < count; i++) {
		struct scenario_board *b = &s->boards[i];
		unsigned row;

		snprintf(b->serial, sizeof b->serial, "A%04zu", i + 1);
		/* one in four, and of any twelve in a row at least one */
		if (next_random(&state) % 4 && i % 12 != 5)
			continue;
		do
			row = (unsigned)(next_random(&state) % ENDING_COUNT);
		while (!endings[row].usual ||
		       !find_fault(endings[row].fault, &b->faults[0]));
		b->fault_count = 1;
	}
	return ERR_OK;
}

static enum err_code load_faults(struct scenario_board *b, const json_t *list,
				 struct err *e)
{
	const json_t *name;
	size_t i;

	if (list && !json_is_array(list))
		return err_set(e, ERR_INPUT, "board %s: faults is no list",
			       b->serial);
	json_array_foreach (list, i, name) {
		const char *text = json_string_value(name);

		if (b->fault_count == SCENARIO_MAX_FAULTS)
			return err_set(e, ERR_INPUT,
				       "board %s: more than %d faults",
				       b->serial, SCENARIO_MAX_FAULTS);
		if (!text || !find_fault(text, &b->faults[b->fault_count])) {
			err_set(e, ERR_INPUT, "board %s: no fault \"%.40s\"",
				b->serial, text ? text : "(not text)");
			return err_hint(e, "see provline demo --list-faults");
		}
		b->fault_count++;
	}
	return ERR_OK;
}

static enum err_code load_board(struct scenario *s, size_t i,
				const json_t *from, struct err *e)
{
	struct scenario_board *b = &s->boards[i];
	const char *serial = json_string_value(json_object_get(from, "serial"));
	const json_t *list = json_object_get(from, "faults");

	if (!serial || !serial[0] || strlen(serial) >= sizeof b->serial)
		return err_set(e, ERR_INPUT,
			       "board %zu has no serial of 1 to 32 characters",
			       i + 1);
	if (serial[strspn(serial, SERIAL_CHARS)])
		return err_set(e, ERR_INPUT,
			       "board %zu: a serial has letters, digits and "
			       "._- only, as labels have",
			       i + 1);
	if (json_object_size(from) != (list ? 2u : 1u))
		return err_set(
			e, ERR_INPUT,
			"board %.32s: only serial and faults belong here",
			serial);
	strcpy(b->serial, serial);
	for (size_t k = 0; k < i; k++)
		if (strcmp(s->boards[k].serial, serial) == 0)
			return err_set(e, ERR_INPUT,
				       "board %.32s is there twice", serial);
	return load_faults(b, list, e);
}

static enum err_code load_json(struct scenario *s, const json_t *root,
			       struct err *e)
{
	const json_t *boards = json_object_get(root, "boards");
	const json_t *seed = json_object_get(root, "seed");
	enum err_code rc = ERR_OK;

	if (!json_is_array(boards) ||
	    (seed &&
	     (!json_is_integer(seed) || json_integer_value(seed) < 0)) ||
	    json_object_size(root) != (seed ? 2u : 1u))
		return err_set(e, ERR_INPUT,
			       "it must be {\"seed\":N,\"boards\":[...]}");
	if (json_array_size(boards) > SCENARIO_MAX_BOARDS)
		return err_set(e, ERR_INPUT, "more than %d boards",
			       SCENARIO_MAX_BOARDS);
	s->seed = (uint64_t)json_integer_value(seed);
	s->count = json_array_size(boards);
	s->boards = calloc(s->count ? s->count : 1, sizeof *s->boards);
	if (!s->boards)
		return err_set(e, ERR_NO_MEMORY, "%zu boards", s->count);
	for (size_t i = 0; i < s->count && !rc; i++)
		rc = load_board(s, i, json_array_get(boards, i), e);
	return rc;
}

enum err_code scenario_load(struct scenario *s, const char *path, struct err *e)
{
	json_error_t je;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
	enum err_code rc;

	*s = (struct scenario){.seed = 1};
	if (!root && je.line < 0)
		return err_set(e, ERR_INPUT, "%s", je.text);
	if (!root)
		return err_set(e, ERR_INPUT, "%s:%d: %s", path, je.line,
			       je.text);
	rc = load_json(s, root, e);
	if (rc) {
		err_prefix(e, "%s", path);
		scenario_fini(s);
	}
	json_decref(root);
	return rc;
}

void scenario_fini(struct scenario *s)
{
	free(s->boards);
	*s = (struct scenario){0};
}

json_t *scenario_to_json(const struct scenario *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->count; i++) {
		const struct scenario_board *b = &s->boards[i];
		json_t *names = json_array();

		for (unsigned k = 0; k < b->fault_count; k++)
			json_array_append_new(
				names, json_string(faults[b->faults[k]].name));
		json_array_append_new(list,
				      json_pack("{ss so}", "serial", b->serial,
						"faults", names));
	}
	return list;
}
