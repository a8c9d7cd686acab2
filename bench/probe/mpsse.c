#include "bench/probe/mpsse.h"

/* Data shifting commands are made of bits (3.2). */
#define OP_WRITE_NEG	  0x01u
#define OP_BITS		  0x02u
#define OP_READ_NEG	  0x04u
#define OP_LSB		  0x08u
#define OP_WRITE	  0x10u
#define OP_READ		  0x20u
#define OP_TMS		  0x40u

#define OP_SET_LOW	  0x80u
#define OP_GET_LOW	  0x81u
#define OP_SET_HIGH	  0x82u
#define OP_GET_HIGH	  0x83u
#define OP_LOOPBACK_ON	  0x84u
#define OP_LOOPBACK_OFF	  0x85u
#define OP_DIVISOR	  0x86u
#define OP_SEND_IMMEDIATE 0x87u
#define OP_WAIT_HIGH	  0x88u
#define OP_WAIT_LOW	  0x89u
#define OP_DIV5_OFF	  0x8Au
#define OP_DIV5_ON	  0x8Bu
#define OP_3PHASE_ON	  0x8Cu
#define OP_3PHASE_OFF	  0x8Du
#define OP_CLOCK_BITS	  0x8Eu
#define OP_CLOCK_BYTES	  0x8Fu
#define OP_UNTIL_HIGH	  0x94u
#define OP_UNTIL_LOW	  0x95u
#define OP_ADAPTIVE_ON	  0x96u
#define OP_ADAPTIVE_OFF	  0x97u
#define OP_BYTES_HIGH	  0x9Cu
#define OP_BYTES_LOW	  0x9Du

#define BAD_COMMAND	  0xFAu
#define LIGHT_PINS	  0x07u

/* One cycle of the 60 MHz core clock per command byte: our estimate, the
 * application note gives no figure. */
#define COMMAND_PS	  16667u

void mpsse_init(struct mpsse *m, struct harness *h, size_t fifo_bytes)
{
	*m = (struct mpsse){.h = h};
	fifo_init(&m->in, fifo_bytes);
	fifo_init(&m->out, fifo_bytes);
	m->divide_by_5 = true;
}

void mpsse_start(struct mpsse *m, uint8_t dirs)
{
	m->state = MPSSE_COMMAND;
	m->divisor = 0;
	m->divide_by_5 = true;
	m->three_phase = m->loopback = m->flush = false;
	harness_drive(m->h, m->h->pins, dirs);
}

void mpsse_stop(struct mpsse *m)
{
	m->state = MPSSE_COMMAND;
	m->flush = false;
	m->high_pins = m->high_dirs = 0;
	harness_drive(m->h, 0, 0);
	harness_set_lights(m->h, 0);
}

bool mpsse_blocked(const struct mpsse *m)
{
	return m->state == MPSSE_REPLY ||
	       (m->state == MPSSE_DATA && (m->op & OP_READ) &&
		fifo_room(&m->out) == 0);
}

/* -------- the clock -------- */

/* 3.8.1: 60 or 12 MHz / ((1 + divisor) * 2); three phases take 3/2 (3.9). */
static uint64_t period_ps(const struct mpsse *m)
{
	uint64_t ps = 2u * (1u + m->divisor) * 1000000u /
		      (m->divide_by_5 ? 12u : 60u);

	return m->three_phase ? ps * 3 / 2 : ps;
}

static void set_data(struct mpsse *m, bool level)
{
	if (level)
		m->h->pins |= HARNESS_PIN_DO;
	else
		m->h->pins &= (uint8_t)~HARNESS_PIN_DO;
	m->h->level = level;
}

/* One bit. With a write on the rising edge the target sees what stood there
 * before; with a read on the falling edge the host sees what the target put
 * there after the rising one (clock idle low). */
static bool shift_bit(struct mpsse *m, bool bit, uint64_t period)
{
	struct harness *h = m->h;
	bool in;

	if ((m->op & OP_WRITE_NEG) && (m->op & (OP_WRITE | OP_TMS)))
		set_data(m, bit);
	if (h->dirs & HARNESS_PIN_SWCLK) {
		in = harness_clock(h, period);
	} else {
		in = harness_data_in(h);
		harness_command(h, period);
	}
	if (m->op & OP_READ_NEG)
		in = harness_data_in(h);
	if (!(m->op & OP_WRITE_NEG) && (m->op & (OP_WRITE | OP_TMS)))
		set_data(m, bit);
	return m->loopback ? bit : in;
}

/* n bits of `out`; what was read comes back as the chip returns it: LSB first
 * shifts in from bit 7, MSB first from bit 0 (3.3 to 3.6). */
static uint8_t shift(struct mpsse *m, uint8_t out, unsigned n)
{
	uint64_t period = period_ps(m);
	uint8_t in = 0;

	for (unsigned i = 0; i < n; i++) {
		bool bit = m->op & OP_LSB ? out >> i & 1 : out >> (7 - i) & 1;
		bool got = shift_bit(m, bit, period);

		if (m->op & OP_LSB)
			in = (uint8_t)(in >> 1 | got << 7);
		else
			in = (uint8_t)(in << 1 | got);
	}
	return in;
}

static void clock_only(struct mpsse *m, uint32_t n)
{
	uint64_t period = period_ps(m);

	if (m->h->dirs & HARNESS_PIN_SWCLK)
		harness_clock_idle(m->h, period, n);
	else
		harness_command(m->h, n * period);
}

/* -------- commands -------- */

static bool fetch(struct mpsse *m, uint8_t *byte)
{
	uint64_t at;

	if (m->in.len == 0)
		return false;
	at = fifo_in_ps(&m->in, 0);
	if (at > m->h->now_ps)
		harness_advance(m->h, at, &m->h->account.usb_ps);
	*byte = fifo_get(&m->in, m->h->now_ps);
	return true;
}

static void reply(struct mpsse *m, const uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		m->reply[i] = bytes[i];
	m->reply_len = n;
	m->state = MPSSE_REPLY;
}

static bool shifting(uint8_t op)
{
	return op < 0x80 && (op & (OP_WRITE | OP_READ | OP_TMS)) != 0;
}

/* TMS commands exist in bit mode with LSB first only (3.5). */
static bool valid_shift(uint8_t op)
{
	if ((op & OP_TMS) == 0)
		return true;
	return (op & (OP_BITS | OP_LSB | OP_WRITE)) == (OP_BITS | OP_LSB);
}

/* Bytes that follow the opcode, data of byte-shifting commands excluded; -1
 * for an opcode that does not exist. */
static int param_count(uint8_t op)
{
	if (shifting(op)) {
		if (!valid_shift(op))
			return -1;
		if (!(op & OP_BITS))
			return 2;
		return op & (OP_WRITE | OP_TMS) ? 2 : 1;
	}
	switch (op) {
	case OP_SET_LOW:
	case OP_SET_HIGH:
	case OP_DIVISOR:
	case OP_CLOCK_BYTES:
	case OP_BYTES_HIGH:
	case OP_BYTES_LOW:
		return 2;
	case OP_CLOCK_BITS:
		return 1;
	case OP_GET_LOW:
	case OP_GET_HIGH:
	case OP_LOOPBACK_ON:
	case OP_LOOPBACK_OFF:
	case OP_SEND_IMMEDIATE:
	case OP_WAIT_HIGH:
	case OP_WAIT_LOW:
	case OP_DIV5_OFF:
	case OP_DIV5_ON:
	case OP_3PHASE_ON:
	case OP_3PHASE_OFF:
	case OP_UNTIL_HIGH:
	case OP_UNTIL_LOW:
	case OP_ADAPTIVE_ON:
	case OP_ADAPTIVE_OFF:
		return 0;
	default:
		return -1;
	}
}

static void begin_shift(struct mpsse *m)
{
	unsigned bits = (m->param[0] & 7u) + 1;
	uint8_t in;

	if (!(m->op & OP_BITS)) {
		m->left = (uint32_t)(m->param[0] | m->param[1] << 8) + 1;
		m->state = MPSSE_DATA;
		return;
	}
	if (m->op & OP_TMS) {
		/* Bit 7 is held on the data pin; AD3 (TMS) leads nowhere. */
		bool hold = m->param[1] >> 7;

		in = shift(m, hold ? 0xFF : 0x00, bits);
	} else {
		in = shift(m, m->param[1], bits);
	}
	if (m->op & OP_READ)
		reply(m, &in, 1);
}

static void set_high(struct mpsse *m)
{
	m->high_pins = m->param[0];
	m->high_dirs = m->param[1];
	harness_set_lights(m->h, m->high_pins & m->high_dirs & LIGHT_PINS);
}

static void get_pins(struct mpsse *m)
{
	/* ACBUS inputs have pull-ups and lead nowhere. */
	uint8_t in = (uint8_t)((m->high_pins & m->high_dirs) | ~m->high_dirs);

	if (m->op == OP_GET_LOW) {
		harness_sync(m->h);
		in = harness_pins(m->h);
	}
	reply(m, &in, 1);
}

static void clock_commands(struct mpsse *m)
{
	uint32_t n = (uint32_t)(m->param[0] | m->param[1] << 8) + 1;
	bool high = (harness_pins(m->h) & HARNESS_PIN_OE) != 0; /* GPIOL1 */

	switch (m->op) {
	case OP_CLOCK_BITS:
		clock_only(m, (m->param[0] & 7u) + 1);
		break;
	case OP_CLOCK_BYTES:
		clock_only(m, n * 8);
		break;
	case OP_BYTES_HIGH: /* or until GPIOL1 is high */
		if (!high)
			clock_only(m, n * 8);
		break;
	case OP_BYTES_LOW:
		if (high)
			clock_only(m, n * 8);
		break;
	case OP_WAIT_HIGH:
	case OP_UNTIL_HIGH:
		if (!high)
			m->state = MPSSE_STUCK;
		break;
	default: /* OP_WAIT_LOW, OP_UNTIL_LOW */
		if (high)
			m->state = MPSSE_STUCK;
		break;
	}
}

static void settings(struct mpsse *m)
{
	switch (m->op) {
	case OP_LOOPBACK_ON:
	case OP_LOOPBACK_OFF:
		m->loopback = m->op == OP_LOOPBACK_ON;
		break;
	case OP_DIVISOR:
		m->divisor = (uint16_t)(m->param[0] | m->param[1] << 8);
		break;
	case OP_DIV5_OFF:
	case OP_DIV5_ON:
		m->divide_by_5 = m->op == OP_DIV5_ON;
		break;
	case OP_3PHASE_ON:
	case OP_3PHASE_OFF:
		m->three_phase = m->op == OP_3PHASE_ON;
		break;
	default: /* adaptive clocking needs RTCK, which is not wired */
		break;
	}
}

static void execute(struct mpsse *m)
{
	m->state = MPSSE_COMMAND;
	harness_command(m->h, COMMAND_PS * (1 + m->params_wanted));
	if (shifting(m->op)) {
		begin_shift(m);
		return;
	}
	switch (m->op) {
	case OP_SET_LOW:
		harness_drive(m->h, m->param[0], m->param[1]);
		break;
	case OP_SET_HIGH:
		set_high(m);
		break;
	case OP_GET_LOW:
	case OP_GET_HIGH:
		get_pins(m);
		break;
	case OP_SEND_IMMEDIATE:
		m->flush = true;
		m->flush_total = m->out.in_total;
		m->flush_ps = m->h->now_ps;
		break;
	case OP_CLOCK_BITS:
	case OP_CLOCK_BYTES:
	case OP_BYTES_HIGH:
	case OP_BYTES_LOW:
	case OP_WAIT_HIGH:
	case OP_WAIT_LOW:
	case OP_UNTIL_HIGH:
	case OP_UNTIL_LOW:
		clock_commands(m);
		break;
	default:
		settings(m);
		break;
	}
}

/* -------- the engine -------- */

static bool step_command(struct mpsse *m)
{
	int n;

	if (!fetch(m, &m->op))
		return false;
	n = param_count(m->op);
	m->params_got = 0;
	if (n < 0) {
		uint8_t bad[2] = {BAD_COMMAND, m->op};

		m->params_wanted = 0;
		reply(m, bad, 2);
		return true;
	}
	m->params_wanted = (unsigned)n;
	m->param[0] = m->param[1] = 0;
	if (n == 0)
		execute(m);
	else
		m->state = MPSSE_PARAMS;
	return true;
}

static bool step_params(struct mpsse *m)
{
	if (!fetch(m, &m->param[m->params_got]))
		return false;
	if (++m->params_got == m->params_wanted)
		execute(m);
	return true;
}

static bool step_data(struct mpsse *m)
{
	uint8_t out = 0, in;

	if ((m->op & OP_READ) && fifo_room(&m->out) == 0)
		return false;
	if ((m->op & OP_WRITE) && !fetch(m, &out))
		return false;
	in = shift(m, out, 8);
	if (m->op & OP_READ)
		fifo_put(&m->out, in, m->h->now_ps);
	if (--m->left == 0)
		m->state = MPSSE_COMMAND;
	return true;
}

static bool step_reply(struct mpsse *m)
{
	if (fifo_room(&m->out) < m->reply_len)
		return false;
	for (unsigned i = 0; i < m->reply_len; i++)
		fifo_put(&m->out, m->reply[i], m->h->now_ps);
	m->state = MPSSE_COMMAND;
	return true;
}

void mpsse_run(struct mpsse *m)
{
	bool more = true;

	while (more) {
		switch (m->state) {
		case MPSSE_COMMAND:
			more = step_command(m);
			break;
		case MPSSE_PARAMS:
			more = step_params(m);
			break;
		case MPSSE_DATA:
			more = step_data(m);
			break;
		case MPSSE_REPLY:
			more = step_reply(m);
			break;
		default:
			more = false;
			break;
		}
	}
}
