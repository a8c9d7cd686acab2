/* Agent-controller messages (messages.def): one struct each, plain data
 * without pointers, and encode/decode between struct and wire.
 */
#ifndef PROTO_MSG_MSG_H
#define PROTO_MSG_MSG_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSG_VERSION   3
#define MSG_MAX_BYTES 1050000u /* the largest row; NNG_OPT_RECVMAXSZ */

enum msg_type {
#define MESSAGE(name, dir, reply, max_bytes, body, key, what) MSG_##name,
#define RECORD(name, what)
#define END
#include "proto/msg/fields_none.h"
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"
	MSG_TYPE_COUNT
};

/* struct msg_HELLO { char station[33]; ... }; UUIDs are char[37], HEXN text
 * char[2 * bytes + 1], BYTES uint8_t name[max] with size_t name_len. */
#define MESSAGE(name, dir, reply, max_bytes, body, key, what) \
	struct msg_##name {
#define RECORD(name, what)	struct msg_##name {
#define TEXT(name, max, what)	char name[(max) + 1];
#define NAME_(name, max, what)	char name[(max) + 1];
#define UUID(name, what)	char name[37];
#define HEXN(name, bytes, what) char name[2 * (bytes) + 1];
#define BYTES(name, max, what) \
	size_t name##_len;     \
	uint8_t name[max];
#define UINT(name, max, what)	   uint64_t name;
#define SINT(name, min, max, what) int64_t name;
#define REAL(name, what)	   double name;
#define FLAG(name, what)	   bool name;
#define LIST(name, record, max, what) \
	size_t name##_n;              \
	struct msg_##record name[max];
#define END \
	}   \
	;
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"

/* Any message. Large (about 350 KB): keep on the heap. */
struct msg {
	enum msg_type type;
	union {
#define MESSAGE(name, dir, reply, max_bytes, body, key, what) \
	struct msg_##name name;
#define RECORD(name, what)
#define END
#include "proto/msg/fields_none.h"
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"
	} u;
	/* binary body of IMAGE_CHUNK: borrowed from the wire buffer when
	 * decoded, from the caller when encoding */
	const uint8_t *body;
	size_t body_len;
};

/* A zeroed message of the type; NULL when out of memory. msg_free(NULL) is
 * fine. Secrets are not carried in messages, so nothing is wiped. */
struct msg *msg_new(enum msg_type type);
void msg_free(struct msg *m);

const char *msg_name(enum msg_type type);    /* "hello", "permit_get" */
bool msg_to_controller(enum msg_type type);  /* direction */
enum msg_type msg_reply(enum msg_type type); /* MSG_TYPE_COUNT for none */
size_t msg_max_bytes(enum msg_type type);

/* Wire bytes of m, malloc'ed: the caller frees. ERR_BUG (text names the field)
 * when a field breaks its row, ERR_NO_MEMORY. */
enum err_code msg_encode(const struct msg *m, uint8_t **wire, size_t *len,
			 struct err *e);

/* Strict: ERR_MALFORMED names what is wrong; ERR_TOO_BIG past the row's
 * maximum; ERR_REFUSED when the direction is the other one. *m is given to the
 * caller (msg_free); its body points into wire. */
enum err_code msg_decode(struct msg **m, const void *wire, size_t len,
			 bool at_controller, struct err *e);

/* The JSON text alone (no length, no body), for the agent's spool and the
 * record: canonical (sorted keys, compact). Same errors. The caller frees. */
enum err_code msg_to_json(const struct msg *m, char **json, struct err *e);
enum err_code msg_from_json(struct msg **m, const char *json, size_t len,
			    bool at_controller, struct err *e);

/* Fill a REFUSED from an error. retry_ms is taken from the error's table row:
 * 2000 when retryable, else 0. */
void msg_refuse(struct msg *m, const struct err *e);

#endif
