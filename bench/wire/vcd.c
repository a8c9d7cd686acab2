#include "bench/wire/vcd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 65536u

static const char *const pin_names[VCD_PINS] = {
	"swclk", "swdio", "nrst", "uart_from_board", "uart_to_board"};

struct event {
	uint64_t at_ns;
	uint32_t seq; /* keeps changes at the same time in order */
	uint8_t pin;
	bool level;
};

struct vcd {
	FILE *f;
	bool failed;
	uint64_t last_ns; /* last time mark written */
	bool marked;
	int8_t level[VCD_PINS]; /* -1 unknown */
	uint32_t seq;
	size_t n;
	struct event events[EVENTS_MAX];
};

enum err_code vcd_open(struct vcd **out, const char *path, struct err *e)
{
	struct vcd *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return err_set(e, ERR_NO_MEMORY, "trace");
	v->f = fopen(path, "we");
	if (v->f == NULL) {
		free(v);
		return err_set_errno(e, ERR_IO, errno, "trace %s", path);
	}
	memset(v->level, -1, sizeof(v->level));
	fprintf(v->f, "$timescale 1 ns $end\n$scope module board $end\n");
	for (unsigned i = 0; i < VCD_PINS; i++)
		fprintf(v->f, "$var wire 1 %c %s $end\n", (int)('a' + i),
			pin_names[i]);
	fprintf(v->f, "$upscope $end\n$enddefinitions $end\n");
	*out = v;
	return ERR_OK;
}

static int compare(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

static void emit(struct vcd *v, const struct event *ev)
{
	if (v->level[ev->pin] == ev->level)
		return;
	v->level[ev->pin] = ev->level;
	if (!v->marked || ev->at_ns > v->last_ns) {
		fprintf(v->f, "#%llu\n", (unsigned long long)ev->at_ns);
		v->last_ns = ev->at_ns;
		v->marked = true;
	}
	if (fprintf(v->f, "%d%c\n", ev->level, (int)('a' + ev->pin)) < 0)
		v->failed = true;
}

void vcd_flush(struct vcd *v, uint64_t until_ns)
{
	size_t i = 0;

	if (v == NULL || v->n == 0)
		return;
	qsort(v->events, v->n, sizeof(v->events[0]), compare);
	while (i < v->n && v->events[i].at_ns < until_ns)
		emit(v, &v->events[i++]);
	v->n -= i;
	memmove(v->events, v->events + i, v->n * sizeof(v->events[0]));
}

void vcd_change(struct vcd *v, uint64_t at_ns, enum vcd_pin pin, bool level)
{
	if (v == NULL)
		return;
	if (v->n == EVENTS_MAX)
		vcd_flush(v, v->events[EVENTS_MAX / 2].at_ns);
	if (v->n == EVENTS_MAX)
		vcd_flush(v, UINT64_MAX);
	v->events[v->n++] = (struct event){
		.at_ns = at_ns,
		.seq = v->seq++,
		.pin = (uint8_t)pin,
		.level = level,
	};
}

bool vcd_close(struct vcd *v)
{
	bool ok;

	if (v == NULL)
		return true;
	vcd_flush(v, UINT64_MAX);
	ok = !v->failed && ferror(v->f) == 0;
	if (fclose(v->f) != 0)
		ok = false;
	free(v);
	return ok;
}
