#include "bench/chip/board.h"

#include <string.h>

enum {
	CR1 = 0x00,
	CR2 = 0x04,
	CR3 = 0x08,
	BRR = 0x0C,
	RQR = 0x18,
	ISR = 0x1C,
	ICR = 0x20,
	RDR = 0x24,
	TDR = 0x28,
	PRESC = 0x2C,
};

#define CR1_UE	    (1u << 0)
#define CR1_RE	    (1u << 2)
#define CR1_TE	    (1u << 3)
#define CR1_OVER8   (1u << 15)
#define CR1_FIFOEN  (1u << 29)
#define ISR_ORE	    (1u << 3)
#define ISR_RXNE    (1u << 5)
#define ISR_TC	    (1u << 6)
#define ISR_TXE	    (1u << 7)
#define ISR_TEACK   (1u << 21)
#define ISR_REACK   (1u << 22)
#define RQR_RXFRQ   (1u << 3)
#define MODULE_BAUD 115200u
#define FRAME_BITS  10u

void usart_reset(struct chip *c)
{
	for (unsigned i = 0; i < USART_COUNT; i++) {
		struct usart *u = &c->usart[i];

		u->cr1 = u->cr2 = u->cr3 = u->brr = u->presc = 0;
		u->isr = ISR_TC | ISR_TXE;
		u->rx_first = u->rx_fill = 0;
		u->tx_done_ps = 0;
	}
}

static uint64_t baud(const struct chip *c, const struct usart *u)
{
	static const uint16_t DIVIDER[16] = {1,	  2,   4,   6,	8,   10,
					     12,  16,  32,  64, 128, 256,
					     256, 256, 256, 256};
	uint64_t hz = rcc_pclk1_hz(c) / DIVIDER[u->presc & 0xFu];

	if (u->brr < 16)
		return 0;
	if (u->cr1 & CR1_OVER8)
		return 2 * hz / ((u->brr & 0xFFF0u) | (u->brr & 7u) << 1);
	return hz / u->brr;
}

/* Both ends understand each other within 3 %. */
static bool baud_fits(const struct chip *c, const struct usart *u)
{
	uint64_t b = baud(c, u);

	return b * 100u >= MODULE_BAUD * 97u && b * 100u <= MODULE_BAUD * 103u;
}

static uint64_t module_frame_ps(void)
{
	return 1000000000000ull * FRAME_BITS / MODULE_BAUD;
}

static unsigned fifo_depth(const struct usart *u)
{
	return u->cr1 & CR1_FIFOEN ? USART_FIFO : 1;
}

/* -------- receiving -------- */

static bool receives(const struct usart *u)
{
	return (u->cr1 & (CR1_UE | CR1_RE)) == (CR1_UE | CR1_RE);
}

static void receive(struct chip *c, struct usart *u, uint8_t byte)
{
	if (!receives(u))
		return;
	if (!baud_fits(c, u))
		byte = (uint8_t)(byte ^ 0x5A); /* sampled at the wrong places */
	if (u->rx_fill == fifo_depth(u)) {
		u->isr |= ISR_ORE;
		return;
	}
	u->rx[(u->rx_first + u->rx_fill++) % USART_FIFO] = byte;
}

/* A line held by endless bytes: those that nobody could take are counted off
 * at once. */
static void sync_endless(struct chip *c, struct usart *u, uint64_t now)
{
	struct module *m = &u->module;
	uint64_t frame = module_frame_ps();

	if (now < m->out_ready_ps + frame)
		return;
	if (now - m->out_ready_ps > 64 * frame)
		m->out_ready_ps +=
			((now - m->out_ready_ps) / frame - 32) * frame;
	while (now >= m->out_ready_ps + frame) {
		receive(c, u, '.');
		m->out_ready_ps += frame;
	}
}

static void usart_sync(struct chip *c, struct usart *u)
{
	struct module *m = &u->module;
	uint64_t now = board_time_ps(c), frame = module_frame_ps();

	if (m->endless) {
		sync_endless(c, u, now);
		return;
	}
	while (m->out_len && now >= m->out_ready_ps + frame) {
		receive(c, u, (uint8_t)m->out[m->out_first]);
		m->out_first = (m->out_first + 1) % sizeof(m->out);
		m->out_len--;
		m->out_ready_ps += frame;
	}
}

uint64_t usart_next_event(struct chip *c, uint64_t t_ps)
{
	uint64_t next = BOARD_NEVER;

	for (unsigned i = 0; i < USART_COUNT; i++) {
		struct usart *u = &c->usart[i];
		uint64_t at = u->module.out_ready_ps + module_frame_ps();

		usart_sync(c, u);
		at = u->module.out_ready_ps + module_frame_ps();
		if ((u->module.out_len || u->module.endless) && at > t_ps &&
		    at < next)
			next = at;
		if (u->tx_done_ps > t_ps && u->tx_done_ps < next)
			next = u->tx_done_ps;
	}
	return next;
}

/* -------- registers -------- */

static uint32_t read_isr(const struct chip *c, const struct usart *u)
{
	uint64_t now = board_time_ps(c), b = baud(c, u);
	uint64_t frame = b ? 1000000000000ull * FRAME_BITS / b : 0;
	uint32_t isr = u->isr & ISR_ORE;

	if (u->rx_fill)
		isr |= ISR_RXNE;
	if (now >= u->tx_done_ps)
		isr |= ISR_TC;
	/* One byte may wait while another is on the line. */
	if (now + frame * fifo_depth(u) >= u->tx_done_ps)
		isr |= ISR_TXE;
	if ((u->cr1 & CR1_UE) && (u->cr1 & CR1_TE))
		isr |= ISR_TEACK;
	if ((u->cr1 & CR1_UE) && (u->cr1 & CR1_RE))
		isr |= ISR_REACK;
	return isr;
}

static uint32_t take(struct usart *u)
{
	uint32_t byte = u->rx[u->rx_first];

	if (!u->rx_fill)
		return byte;
	u->rx_first = (u->rx_first + 1) % USART_FIFO;
	u->rx_fill--;
	return byte;
}

uint32_t usart_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	struct usart *u = &c->usart[index];
	uint32_t v = 0;

	(void)size;
	usart_sync(c, u);
	switch (off & ~3u) {
	case CR1:
		v = u->cr1;
		break;
	case CR2:
		v = u->cr2;
		break;
	case CR3:
		v = u->cr3;
		break;
	case BRR:
		v = u->brr;
		break;
	case ISR:
		v = read_isr(c, u);
		break;
	case RDR:
		return off & 3u ? 0 : take(u);
	case PRESC:
		v = u->presc;
		break;
	default:
		break;
	}
	return v >> (8 * (off & 3u));
}

static void transmit(struct chip *c, unsigned index, uint8_t byte)
{
	struct usart *u = &c->usart[index];
	uint64_t now = board_time_ps(c), b = baud(c, u);

	if ((u->cr1 & (CR1_UE | CR1_TE)) != (CR1_UE | CR1_TE) || !b)
		return;
	if (u->tx_done_ps < now)
		u->tx_done_ps = now;
	u->tx_done_ps += 1000000000000ull * FRAME_BITS / b;
	if (baud_fits(c, u))
		module_hear(c, index, (char)byte, u->tx_done_ps);
}

void usart_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		 uint32_t value)
{
	struct usart *u = &c->usart[index];

	(void)size;
	usart_sync(c, u);
	switch (off) {
	case CR1:
		u->cr1 = value;
		break;
	case CR2:
		u->cr2 = value;
		break;
	case CR3:
		u->cr3 = value;
		break;
	case BRR:
		u->brr = value & 0xFFFFu;
		break;
	case RQR:
		if (value & RQR_RXFRQ)
			u->rx_fill = 0;
		break;
	case ICR:
		u->isr &= ~(value & ISR_ORE);
		break;
	case TDR:
		transmit(c, index, (uint8_t)value);
		break;
	case PRESC:
		u->presc = value & 0xFu;
		break;
	default:
		break;
	}
}
