/* Prints docs/agent-protocol.md from messages.def. */
#include "proto/msg/field.h"

#include <inttypes.h>
#include <stdio.h>

static const char intro[] =
	"# Agent-controller protocol\n\n"
	"Printed from `proto/msg/messages.def` by `msg-doc`; do not edit.\n\n"
	"Transport: nng REQ (agent) and REP (controller) over `tls+tcp` with "
	"mutual TLS.\nA message is 4 bytes big-endian length of the JSON text, "
	"the JSON text, then a binary body where the table says so. The JSON "
	"object\nholds `v` (%d), `type` (the name below) and exactly the "
	"fields "
	"listed. Every request may arrive twice and has one effect;\nany "
	"request may be answered by `refused`.\n\n"
	"A connection speaks for a station only after `hello`, `challenge`, "
	"`prove`, `welcome`; before that every other request is\nrefused with "
	"`not-bound`.\n";

static void print_range(const struct field *f)
{
	char name[FIELD_NAME_SIZE];

	switch (f->kind) {
	case FIELD_TEXT:
		printf("text, at most %" PRIu64 " bytes", f->max);
		return;
	case FIELD_NAME:
		printf("`[A-Za-z0-9._-]`, at most %" PRIu64, f->max);
		return;
	case FIELD_UUID:
		printf("UUID");
		return;
	case FIELD_HEX:
		printf("hex of %" PRIu64 " bytes, or empty", f->max);
		return;
	case FIELD_BYTES:
		printf("base64, at most %" PRIu64 " bytes", f->max);
		return;
	case FIELD_UINT:
		printf("0..%" PRIu64, f->max);
		return;
	case FIELD_SINT:
		printf("%" PRId64 "..%" PRIu64, f->min, f->max);
		return;
	case FIELD_REAL:
		printf("number");
		return;
	case FIELD_FLAG:
		printf("true or false");
		return;
	case FIELD_LIST:
		printf("at most %" PRIu64 " of *%s*", f->max,
		       shape_wire_name(name, f->record));
		return;
	}
}

static void print_fields(const struct shape *s)
{
	char name[FIELD_NAME_SIZE];

	if (!s->fields()->name) {
		printf("No fields.\n");
		return;
	}
	printf("| field | form | meaning |\n| --- | --- | --- |\n");
	for (const struct field *f = s->fields(); f->name; f++) {
		printf("| `%s` | ", field_json_name(name, f));
		print_range(f);
		printf(" | %s |\n", f->what);
	}
}

static void print_message(const struct shape *s)
{
	char name[FIELD_NAME_SIZE];

	printf("\n### %s\n\n%s to %s: %s.\n", shape_wire_name(name, s),
	       s->to_controller ? "Agent" : "Controller",
	       s->to_controller ? "controller" : "agent", s->what);
	if (s->reply != MSG_TYPE_COUNT)
		printf("Answer: `%s`. ",
		       shape_wire_name(name, msg_shapes[s->reply]));
	printf("At most %zu bytes%s.", s->max_bytes,
	       s->body ? ", with a binary body" : "");
	if (s->key[0])
		printf(" Idempotent by `%s`.", s->key);
	printf("\n\n");
	print_fields(s);
}

int main(void)
{
	char name[FIELD_NAME_SIZE];

	printf(intro, MSG_VERSION);
	printf("\n## Messages\n");
	for (int i = 0; i < MSG_TYPE_COUNT; i++)
		print_message(msg_shapes[i]);
	printf("\n## Records\n");
	for (const struct shape *const *r = msg_records; *r; r++) {
		printf("\n### %s\n\n%s.\n\n", shape_wire_name(name, *r),
		       (*r)->what[0] ? (*r)->what : "A record");
		print_fields(*r);
	}
	return 0;
}
