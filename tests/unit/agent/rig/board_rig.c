#include "tests/unit/agent/rig/board_rig.h"

#include "bench/probe/probe.h"
#include "bench/sfi/sfi.h"

#include <assert.h>
#include <string.h>

#define CHANNEL_A     0u
#define STUCK_US      3000u
#define PACKET	      512u
#define MPSSE_MODE    0x0200u
#define INTERFACE_A   1u

/* Where in a packet noise falls: clocks after the request. */
#define NOISE_IN_ACK  3u
#define NOISE_IN_DATA 20u

const char *const rig_trouble_names[RIG_TROUBLES] = {
	[RIG_WAIT] = "WAIT",
	[RIG_FAULT] = "FAULT",
	[RIG_READ_PARITY] = "wrong parity read",
	[RIG_NOISE_ACK] = "noise in the ACK",
	[RIG_NOISE_DATA] = "noise in the data",
	[RIG_LOST] = "request lost",
	[RIG_SHORT] = "SWDIO short for 3 ms",
	[RIG_OPEN] = "SWDIO open for 3 ms",
	[RIG_GONE] = "SWDIO open for ever",
};

static struct {
	struct chip *chip;
	struct harness *h;
	struct probe *p;
} rig;

static void must(bool ok)
{
	assert(ok);
	(void)ok;
}

static void vendor(uint8_t request, uint16_t value)
{
	uint8_t setup[8] = {0x40, request, (uint8_t)value,
			    (uint8_t)(value >> 8), INTERFACE_A};

	must(probe_control(rig.p, setup, NULL) == 0);
}

static void new_probe(bool output_enable)
{
	struct harness_config hc = {.layout = output_enable
						      ? HARNESS_OUTPUT_ENABLE
						      : HARNESS_RESISTOR,
				    .uart_fifo_bytes = 4096};
	struct probe_config pc = {.type = PROBE_FT2232H,
				  .manufacturer = "M",
				  .product = "P",
				  .serial = "S1"};
	/* base clock 60 MHz, no adaptive, no three-phase clocking, no loop */
	static const uint8_t engine[] = {0x8A, 0x97, 0x8D, 0x85};

	must(harness_new(&rig.h, &hc, NULL) == ERR_OK);
	must(probe_new(&rig.p, &pc, rig.h, NULL) == ERR_OK);
	vendor(0x0B, MPSSE_MODE);
	must(rig_out(engine, sizeof engine));
}

void rig_end(void)
{
	probe_free(rig.p);
	harness_free(rig.h);
	chip_free(rig.chip);
	memset(&rig, 0, sizeof rig);
}

void rig_insert(bool output_enable, const char *nor_part, const char *wiring,
		uint32_t clean_hz)
{
	static const char *const none[] = {NULL};
	struct chip_config c = {.dev_id = 0x482,
				.nor_part = nor_part,
				.wiring = wiring,
				.uid = "U-board-rig",
				.seed = 1,
				.faults = none};
	struct harness_contact contact = {.seed = 1, .swd = {.seed = 1}};

	if (rig.chip != NULL)
		rig_end();
	if (clean_hz > 0) {
		contact.swd.fast_one_in = 50;
		contact.swd.clean_period_ps =
			(uint32_t)(1000000000000ull / clean_hz);
	}
	must(chip_new(&rig.chip, &c, NULL) == ERR_OK);
	new_probe(output_enable);
	harness_insert(rig.h, rig.chip, &contact);
}

uint64_t rig_transfers(void)
{
	return rig.h->swd.counts.transfers;
}

void rig_mend(void)
{
	struct swd_faults *f = &rig.h->swd.faults;

	f->wait_at = f->fault_at = f->parity_at = 0;
	f->noise_at = f->lost_at = f->stuck_at = 0;
	f->noise_bit = 0;
	f->noise_one_in = f->wait_one_in = 0;
	rig.h->swd.stuck = false;
}

void rig_noise(uint32_t one_in)
{
	rig_mend();
	rig.h->swd.faults.noise_one_in = one_in;
	rig.h->swd.faults.wait_one_in = one_in;
}

void rig_trouble_at(enum rig_trouble kind, uint64_t transfer)
{
	struct swd_faults *f = &rig.h->swd.faults;

	rig_mend();
	switch (kind) {
	case RIG_WAIT:
		f->wait_at = transfer;
		break;
	case RIG_FAULT:
		f->fault_at = transfer;
		break;
	case RIG_READ_PARITY:
		f->parity_at = transfer;
		break;
	case RIG_NOISE_ACK:
	case RIG_NOISE_DATA:
		f->noise_at = transfer;
		f->noise_bit =
			kind == RIG_NOISE_ACK ? NOISE_IN_ACK : NOISE_IN_DATA;
		break;
	case RIG_LOST:
		f->lost_at = transfer;
		break;
	default:
		f->stuck_at = transfer;
		f->stuck_us = kind == RIG_GONE ? UINT32_MAX : STUCK_US;
		f->stuck_level = kind != RIG_SHORT;
		break;
	}
}

uint64_t rig_edges(void)
{
	return rig.h->swd.counts.edges;
}

uint64_t rig_usb_out_bytes(void)
{
	return rig.h->account.usb_out_bytes;
}

uint64_t rig_now_ns(void)
{
	return rig.p->usb_ps / 1000;
}

uint32_t rig_swclk_hz(void)
{
	return 30000000u / (1u + rig.p->channel[CHANNEL_A].mpsse.divisor);
}

bool rig_out(const uint8_t *data, size_t len)
{
	return probe_out(rig.p, CHANNEL_A, data, len, false) == len;
}

bool rig_in(uint8_t *data, size_t len, size_t *got)
{
	static uint8_t buf[16 * PACKET];
	size_t packets = (len + PACKET - 3) / (PACKET - 2);
	struct probe_in x = {.buf = buf, .len = packets * PACKET};
	uint64_t until_ps = 0;

	must(x.len <= sizeof buf);
	probe_in_begin(rig.p, 0, false);
	while (!probe_in(rig.p, CHANNEL_A, &x, &until_ps)) {
		if (until_ps <= rig.h->now_ps)
			return false;
		probe_wait(rig.p, until_ps);
	}
	*got = 0;
	for (size_t at = 0; at < x.got; at += PACKET) {
		size_t n = x.got - at < PACKET ? x.got - at : PACKET;

		memcpy(data + *got, buf + at + 2, n - 2);
		*got += n - 2;
	}
	return !x.overflow && *got <= len;
}

void rig_sleep(uint64_t ns)
{
	probe_elapse(rig.p, ns * 1000);
}

uint32_t rig_word(uint32_t addr)
{
	uint32_t value = 0;

	must(chip_ahb_read(rig.chip, addr, 4, false, &value) == CHIP_BUS_OK);
	return value;
}

const uint8_t *rig_nor(size_t *len)
{
	return chip_nor(rig.chip, len);
}

const uint8_t *rig_flash(size_t *len)
{
	return chip_flash(rig.chip, len);
}
