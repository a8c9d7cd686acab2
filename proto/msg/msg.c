/* What a message is: type, direction, size. The walk over fields is in
 * encode.c and decode.c; the table as data is in field.c. */
#include "proto/msg/msg.h"

#include "proto/msg/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct msg *msg_new(enum msg_type type)
{
	struct msg *m = calloc(1, sizeof *m);

	if (m)
		m->type = type;
	return m;
}

void msg_free(struct msg *m)
{
	free(m);
}

/* Names are made once from the table's identifiers: they are the same words
 * in lower case. */
const char *msg_name(enum msg_type type)
{
	static const char *const names[] = {
#define MESSAGE(name, dir, reply, max_bytes, body, key, what) #name,
#define RECORD(name, what)
#define END
#include "proto/msg/fields_none.h"
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"
	};

	return (unsigned)type < MSG_TYPE_COUNT ? names[type] : "none";
}

bool msg_to_controller(enum msg_type type)
{
	return msg_shapes[type]->to_controller;
}

enum msg_type msg_reply(enum msg_type type)
{
	return (enum msg_type)msg_shapes[type]->reply;
}

size_t msg_max_bytes(enum msg_type type)
{
	return msg_shapes[type]->max_bytes;
}

void msg_refuse(struct msg *m, const struct err *e)
{
	memset(&m->u.REFUSED, 0, sizeof m->u.REFUSED);
	m->type = MSG_REFUSED;
	m->body = NULL;
	m->body_len = 0;
	snprintf(m->u.REFUSED.code, sizeof m->u.REFUSED.code, "%s",
		 err_name(e->code));
	snprintf(m->u.REFUSED.text, sizeof m->u.REFUSED.text, "%s",
		 e->text[0] ? e->text : err_text(e->code));
	m->u.REFUSED.retry_ms = err_retryable(e->code) ? 2000 : 0;
}
