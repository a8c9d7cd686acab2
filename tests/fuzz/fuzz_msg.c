/* Any bytes as an agent-controller message, at either end: what is accepted
 * keeps to its row and, written again, says the same. An input that begins
 * with '{' is the JSON text alone, so that a fuzzer need not guess lengths. */
#include "proto/msg/msg.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <string.h>

/* Not just after decoding: the very JSON, but for order and white space. */
static void check_same_text(const char *json, size_t len, const char *again)
{
	json_t *a = json_loadb(json, len, 0, NULL),
	       *b = json_loads(again, 0, NULL);

	CHECK(a && b && json_equal(a, b));
	json_decref(a);
	json_decref(b);
}

static void check_accepted(const struct msg *m, const char *json,
			   size_t json_len, size_t len, bool at_controller)
{
	struct err e = {0};
	struct msg *back;
	uint8_t *wire;
	size_t wire_len;
	char *again;

	CHECK(m->type < MSG_TYPE_COUNT && len <= msg_max_bytes(m->type));
	CHECK(msg_to_controller(m->type) == at_controller);
	CHECK(!msg_to_json(m, &again, &e));
	check_same_text(json, json_len, again);
	free(again);
	CHECK(!msg_encode(m, &wire, &wire_len, &e));
	CHECK(wire_len <= msg_max_bytes(m->type));
	CHECK(!msg_decode(&back, wire, wire_len, at_controller, &e));
	CHECK(back->type == m->type && !memcmp(&back->u, &m->u, sizeof m->u));
	CHECK(back->body_len == m->body_len &&
	      !memcmp(back->body, m->body ? m->body : back->body, m->body_len));
	msg_free(back);
	free(wire);
}

/* A refusal can always be sent. */
static void check_refusal(const struct err *e)
{
	struct msg *m = msg_new(MSG_REFUSED);
	uint8_t *wire;
	size_t len;

	msg_refuse(m, e);
	CHECK(!msg_encode(m, &wire, &len, NULL));
	free(wire);
	msg_free(m);
}

static void check_refused(const struct msg *m, const struct err *e)
{
	check_refusal(e);
	CHECK(!m && e->text[0]);
	CHECK(e->code == ERR_MALFORMED || e->code == ERR_TOO_BIG ||
	      e->code == ERR_REFUSED);
}

static void read_text(const char *json, size_t len, bool at_controller)
{
	struct err e = {0};
	struct msg *m;

	if (msg_from_json(&m, json, len, at_controller, &e))
		check_refused(m, &e);
	else
		check_accepted(m, json, len, len, at_controller);
	msg_free(m);
}

static void read_wire(const uint8_t *wire, size_t len, bool at_controller)
{
	struct err e = {0};
	struct msg *m;

	if (msg_decode(&m, wire, len, at_controller, &e))
		check_refused(m, &e);
	else
		check_accepted(m, (const char *)wire + 4, len - 4 - m->body_len,
			       len, at_controller);
	msg_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int end = 0; end < 2; end++) {
		if (size && data[0] == '{')
			read_text((const char *)data, size, end);
		else
			read_wire(data, size, end);
	}
	return 0;
}
