/* The agent-controller codec: what goes in comes out, and nothing else gets
 * in. */
#include "proto/msg/field.h"
#include "proto/msg/msg.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Fill every field with its largest legal value. */
static void fill(const struct shape *s, uint8_t *base)
{
	for (const struct field *f = s->fields(); f->name; f++) {
		uint8_t *at = base + f->offset;

		switch (f->kind) {
		case FIELD_TEXT:
		case FIELD_NAME:
			memset(at, 'x', f->max);
			break;
		case FIELD_UUID:
			memcpy(at, "00000000-0000-4000-8000-00000000000a", 36);
			break;
		case FIELD_HEX:
			memset(at, 'a', 2 * f->max);
			break;
		case FIELD_BYTES:
			memset(at, 0xa5, f->max);
			*(size_t *)(base + f->n_offset) = f->max;
			break;
		case FIELD_UINT:
			*(uint64_t *)at = f->max;
			break;
		case FIELD_SINT:
			*(int64_t *)at = f->min;
			break;
		case FIELD_REAL:
			*(double *)at = 1.25;
			break;
		case FIELD_FLAG:
			*(bool *)at = true;
			break;
		case FIELD_LIST:
			fill(f->record, at);
			*(size_t *)(base + f->n_offset) = 1;
			break;
		}
	}
}

static struct msg *filled(enum msg_type type)
{
	struct msg *m = msg_new(type);

	assert_non_null(m);
	fill(msg_shapes[type], (uint8_t *)&m->u);
	return m;
}

static void test_every_message_comes_back(void **state)
{
	(void)state;
	for (int i = 0; i < MSG_TYPE_COUNT; i++) {
		enum msg_type type = (enum msg_type)i;
		struct msg *m = filled(type), *back;
		struct err e = {0};
		uint8_t *wire;
		size_t len;

		if (msg_shapes[i]->body) {
			m->body = (const uint8_t *)"body";
			m->body_len = 4;
		}
		assert_int_equal(msg_encode(m, &wire, &len, &e), ERR_OK);
		assert_int_equal(msg_decode(&back, wire, len,
					    msg_to_controller(type), &e),
				 ERR_OK);
		assert_int_equal(back->type, type);
		assert_memory_equal(&m->u, &back->u, msg_shapes[i]->size);
		assert_int_equal(back->body_len, m->body_len);
		msg_free(back);
		assert_int_equal(msg_decode(&back, wire, len,
					    !msg_to_controller(type), &e),
				 ERR_REFUSED);
		free(wire);
		msg_free(m);
	}
}

static void test_every_truncation_is_refused(void **state)
{
	struct msg *m = filled(MSG_PERMIT_GET), *back;
	struct err e;
	uint8_t *wire;
	size_t len;

	(void)state;
	assert_int_equal(msg_encode(m, &wire, &len, &e), ERR_OK);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, wire, cut);
		assert_int_not_equal(msg_decode(&back, copy, cut, true, &e),
				     ERR_OK);
		assert_null(back);
		free(copy);
	}
	free(wire);
	msg_free(m);
}

static enum err_code decode_text(const char *json, struct err *e)
{
	struct msg *m;
	enum err_code rc = msg_from_json(&m, json, strlen(json), true, e);

	msg_free(m);
	return rc;
}

static void test_bad_json_is_refused_by_name(void **state)
{
	static const struct {
		const char *json, *says;
	} rows[] = {
		{"[]", "not a JSON object"},
		{"{\"v\":3,\"type\":\"nonsense\"}", "unknown type"},
		{"{\"v\":1,\"type\":\"permit_renew\"}", "protocol version"},
		{"{\"v\":3,\"type\":\"permit_renew\",\"fence\":1}",
		 "attempt is missing"},
		{"{\"v\":3,\"type\":\"permit_renew\",\"fence\":-1,\"attempt\":"
		 "\"00000000-0000-4000-8000-00000000000a\"}",
		 "fence is out of its range"},
		{"{\"v\":3,\"type\":\"permit_renew\",\"fence\":1,\"more\":1,"
		 "\"attempt\":\"00000000-0000-4000-8000-00000000000a\"}",
		 "not in the table"},
		{"{\"v\":3,\"type\":\"hello\",\"station\":\"a b\"}",
		 "station is out of its range"},
		{"{\"v\":3,\"type\":\"hello\",\"v\":3}", "not a JSON object"},
		{"{\"v\":3,\"type\":\"noted\"}", "does not go this way"},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_not_equal(decode_text(rows[i].json, &e), ERR_OK);
		if (!strstr(e.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", e.text,
				 rows[i].says);
	}
}

/* BYTES have one spelling: nothing is dropped, passed over or ignored. */
static void test_base64_has_one_spelling(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
	} rows[] = {
		{"", ERR_OK},
		{"QQ==", ERR_OK},
		{"QUI=", ERR_OK},
		{"QUJD", ERR_OK},
		{"QQ", ERR_MALFORMED},
		{"QR==", ERR_MALFORMED},
		{"QUJDQQ", ERR_MALFORMED},
		{"QU\\nJD", ERR_MALFORMED},
		{"QUJD====", ERR_MALFORMED},
		{" QUJD", ERR_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char json[200], nonce[65];
		struct err e;

		memset(nonce, 'a', 64);
		nonce[64] = '\0';
		snprintf(json, sizeof json,
			 "{\"v\":3,\"type\":\"prove\",\"station\":\"s\","
			 "\"nonce\":\"%s\",\"signature\":\"%s\"}",
			 nonce, rows[i].text);
		assert_int_equal(decode_text(json, &e), rows[i].code);
	}
}

/* A refusal can always be sent, whatever it repeats of what came in. */
static void test_refusal_of_any_bytes_can_be_sent(void **state)
{
	struct msg *m = msg_new(MSG_REFUSED);

	(void)state;
	for (int c = 1; c < 256; c++) {
		char json[] = "{\"x?\":?}";
		uint8_t *wire;
		struct err e;
		size_t len;

		json[3] = json[6] = (char)c;
		assert_int_not_equal(decode_text(json, &e), ERR_OK);
		msg_refuse(m, &e);
		assert_int_equal(msg_encode(m, &wire, &len, NULL), ERR_OK);
		free(wire);
	}
	msg_free(m);
}

static void fill_quotes(const struct shape *s, uint8_t *base)
{
	for (const struct field *f = s->fields(); f->name; f++) {
		uint8_t *at = base + f->offset;

		if (f->kind == FIELD_TEXT)
			memset(at, '"', f->max);
		for (size_t i = 0; f->kind == FIELD_LIST && i < f->max; i++) {
			fill(f->record, at + i * f->record->size);
			fill_quotes(f->record, at + i * f->record->size);
		}
		if (f->kind == FIELD_LIST)
			*(size_t *)(base + f->n_offset) = f->max;
	}
}

/* No board or person can write what a message cannot carry: text that JSON
 * doubles, in every field of every list, fits the row. */
static void test_longest_message_fits_its_row(void **state)
{
	(void)state;
	for (int i = 0; i < MSG_TYPE_COUNT; i++) {
		struct msg *m = filled((enum msg_type)i);
		struct err e = {0};
		uint8_t *wire;
		size_t len;

		fill_quotes(msg_shapes[i], (uint8_t *)&m->u);
		if (msg_encode(m, &wire, &len, &e))
			fail_msg("%s", e.text);
		free(wire);
		msg_free(m);
	}
}

static void test_encoder_refuses_what_breaks_a_row(void **state)
{
	struct msg *m = filled(MSG_HELLO);
	struct err e = {0};
	uint8_t *wire;
	size_t len;

	(void)state;
	strcpy(m->u.HELLO.station, "line\nbreak");
	assert_int_equal(msg_encode(m, &wire, &len, &e), ERR_BUG);
	assert_non_null(strstr(e.text, "station"));
	msg_free(m);
}

static void test_random_bytes_never_crash(void **state)
{
	uint8_t junk[600];
	unsigned seed = 20261;
	struct msg *m;
	struct err e;

	(void)state;
	printf("seed %u\n", seed);
	for (int round = 0; round < 3000; round++) {
		size_t len = (size_t)rand_r(&seed) % sizeof junk;

		for (size_t i = 0; i < len; i++)
			junk[i] = (uint8_t)rand_r(&seed);
		if (len >= 4) {
			memset(junk, 0, 3);
			junk[3] = (uint8_t)(len - 4);
		}
		assert_int_not_equal(msg_decode(&m, junk, len, true, &e),
				     ERR_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_message_comes_back),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_bad_json_is_refused_by_name),
		cmocka_unit_test(test_base64_has_one_spelling),
		cmocka_unit_test(test_refusal_of_any_bytes_can_be_sent),
		cmocka_unit_test(test_longest_message_fits_its_row),
		cmocka_unit_test(test_encoder_refuses_what_breaks_a_row),
		cmocka_unit_test(test_random_bytes_never_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
