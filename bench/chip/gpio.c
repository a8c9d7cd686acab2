#include "bench/chip/board.h"

#include <stdlib.h>
#include <string.h>

enum {
	MODER = 0x00,
	OTYPER = 0x04,
	OSPEEDR = 0x08,
	PUPDR = 0x0C,
	IDR = 0x10,
	ODR = 0x14,
	BSRR = 0x18,
	LCKR = 0x1C,
	AFRL = 0x20,
	AFRH = 0x24,
	BRR = 0x28,
	SECCFGR = 0x30,
};

enum {
	RTSR1 = 0x00,
	FTSR1 = 0x04,
	SWIER1 = 0x08,
	RPR1 = 0x0C,
	FPR1 = 0x10,
	EXTICR1 = 0x60,
	IMR1 = 0x80,
	EMR1 = 0x84,
};

#define PORT_B	    1u
#define PORT_E	    4u
#define PE4_PIN	    4u
#define MODE_OUTPUT 1u
#define MODE_ANALOG 3u

void gpio_init(struct chip *c)
{
	c->gpio.pb0 = true;
	c->gpio.pe4 = true;
}

void gpio_fini(struct chip *c)
{
	free(c->gpio.edges);
	c->gpio.edges = NULL;
}

static unsigned pin_mode(const struct gpio_port *p, unsigned pin)
{
	return p->moder >> (2 * pin) & 3u;
}

static void update_pb0(struct chip *c)
{
	struct gpio *g = &c->gpio;
	const struct gpio_port *b = &g->port[PORT_B];
	bool level =
		!c->powered || pin_mode(b, 0) != MODE_OUTPUT || (b->odr & 1u);

	if (level == g->pb0)
		return;
	g->pb0 = level;
	if (g->pb0_fn)
		g->pb0_fn(g->pb0_arg, board_time_ps(c) / 1000u, level);
}

void gpio_reset(struct chip *c)
{
	struct gpio *g = &c->gpio;

	memset(g->port, 0, sizeof(g->port));
	for (unsigned i = 0; i < GPIO_PORTS; i++)
		g->port[i].moder = 0xFFFFFFFFu;
	g->port[0].moder = 0xABFFFFFFu; /* SWD and JTAG pins */
	g->port[1].moder = 0xFFFFFEBFu;
	g->rtsr = g->ftsr = g->rpr = g->fpr = g->imr = g->emr = 0;
	memset(g->exticr, 0, sizeof(g->exticr));
	update_pb0(c);
}

/* -------- PE4 -------- */

void gpio_schedule_pe4(struct chip *c, uint64_t at_ps, bool level)
{
	struct gpio *g = &c->gpio;
	size_t end;

	if (g->edge_first && g->edge_first + g->edge_count == g->edge_room) {
		memmove(g->edges, g->edges + g->edge_first,
			g->edge_count * sizeof(*g->edges));
		g->edge_first = 0;
	}
	if (g->edge_count == g->edge_room) {
		size_t room = g->edge_room ? 2 * g->edge_room : 256;
		struct gpio_edge *p =
			realloc(g->edges, room * sizeof(*g->edges));

		if (!p)
			return; /* the line keeps its level */
		g->edges = p;
		g->edge_room = room;
	}
	/* What is said later about the same time or earlier counts. */
	end = g->edge_first + g->edge_count;
	while (g->edge_count && g->edges[end - 1].at_ps > at_ps) {
		end--;
		g->edge_count--;
	}
	g->edges[end] = (struct gpio_edge){at_ps, level};
	g->edge_count++;
}

static void note_edge(struct gpio *g, bool level)
{
	uint32_t bit = 1u << PE4_PIN;
	bool selected = (g->exticr[PE4_PIN / 4] >> (8 * (PE4_PIN % 4)) &
			 0xFFu) == PORT_E;

	if (level == g->pe4)
		return;
	g->pe4 = level;
	if (selected && level && (g->rtsr & bit))
		g->rpr |= bit;
	if (selected && !level && (g->ftsr & bit))
		g->fpr |= bit;
}

static void sync_pe4(struct chip *c)
{
	struct gpio *g = &c->gpio;
	uint64_t now = board_time_ps(c);

	while (g->edge_count && g->edges[g->edge_first].at_ps <= now) {
		note_edge(g, g->edges[g->edge_first].level);
		g->edge_first++;
		g->edge_count--;
	}
	if (!g->edge_count)
		g->edge_first = 0;
}

uint64_t gpio_next_event(struct chip *c, uint64_t t_ps)
{
	const struct gpio *g = &c->gpio;

	for (size_t i = 0; i < g->edge_count; i++)
		if (g->edges[g->edge_first + i].at_ps > t_ps)
			return g->edges[g->edge_first + i].at_ps;
	return BOARD_NEVER;
}

/* -------- registers -------- */

static uint32_t input(struct chip *c, unsigned port)
{
	const struct gpio_port *p = &c->gpio.port[port];
	uint32_t level = 0;

	for (unsigned pin = 0; pin < 16; pin++) {
		bool high = (p->pupdr >> (2 * pin) & 3u) == 1u;

		if (pin_mode(p, pin) == MODE_OUTPUT)
			high = p->odr >> pin & 1u;
		else if (pin_mode(p, pin) == MODE_ANALOG)
			high = false;
		else if (port == PORT_E && pin == PE4_PIN)
			high = c->gpio.pe4;
		level |= (uint32_t)high << pin;
	}
	return level;
}

uint32_t gpio_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	const struct gpio_port *p = &c->gpio.port[index];

	(void)size;
	sync_pe4(c);
	switch (off) {
	case MODER:
		return p->moder;
	case OTYPER:
		return p->otyper;
	case OSPEEDR:
		return p->ospeedr;
	case PUPDR:
		return p->pupdr;
	case IDR:
		return input(c, index);
	case ODR:
		return p->odr;
	case LCKR:
		return p->lckr;
	case AFRL:
		return p->afrl;
	case AFRH:
		return p->afrh;
	case SECCFGR:
		return p->seccfgr;
	default:
		return 0;
	}
}

void gpio_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		uint32_t value)
{
	struct gpio_port *p = &c->gpio.port[index];

	(void)size;
	switch (off) {
	case MODER:
		p->moder = value;
		break;
	case OTYPER:
		p->otyper = value & 0xFFFFu;
		break;
	case OSPEEDR:
		p->ospeedr = value;
		break;
	case PUPDR:
		p->pupdr = value;
		break;
	case ODR:
		p->odr = value & 0xFFFFu;
		break;
	case BSRR:
		p->odr = (p->odr & ~(value >> 16)) | (value & 0xFFFFu);
		break;
	case LCKR:
		p->lckr = value & 0x1FFFFu;
		break;
	case AFRL:
		p->afrl = value;
		break;
	case AFRH:
		p->afrh = value;
		break;
	case BRR:
		p->odr &= ~(value & 0xFFFFu);
		break;
	case SECCFGR:
		p->seccfgr = value & 0xFFFFu;
		break;
	default:
		break;
	}
	if (index == PORT_B)
		update_pb0(c);
}

uint32_t exti_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	struct gpio *g = &c->gpio;

	(void)index;
	(void)size;
	sync_pe4(c);
	switch (off) {
	case RTSR1:
		return g->rtsr;
	case FTSR1:
		return g->ftsr;
	case RPR1:
		return g->rpr;
	case FPR1:
		return g->fpr;
	case IMR1:
		return g->imr;
	case EMR1:
		return g->emr;
	default:
		break;
	}
	if (off >= EXTICR1 && off < EXTICR1 + 16)
		return g->exticr[(off - EXTICR1) / 4];
	return 0;
}

void exti_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		uint32_t value)
{
	struct gpio *g = &c->gpio;

	(void)index;
	(void)size;
	sync_pe4(c);
	switch (off) {
	case RTSR1:
		g->rtsr = value;
		break;
	case FTSR1:
		g->ftsr = value;
		break;
	case SWIER1:
		g->rpr |= value & g->rtsr;
		g->fpr |= value & g->ftsr;
		break;
	case RPR1:
		g->rpr &= ~value;
		break;
	case FPR1:
		g->fpr &= ~value;
		break;
	case IMR1:
		g->imr = value;
		break;
	case EMR1:
		g->emr = value;
		break;
	default:
		if (off >= EXTICR1 && off < EXTICR1 + 16)
			g->exticr[(off - EXTICR1) / 4] = value;
	}
}
