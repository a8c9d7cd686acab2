/* The AHB-AP (MEM-AP) of the STM32U585. Registers as in Arm IHI 0031G (ADIv5.2)
 * C2 "The Memory Access Port"; IDR 0x14770015 as read from the part. */
#ifndef BENCH_WIRE_AP_H
#define BENCH_WIRE_AP_H

#include "bench/wire/bus.h"

struct ap {
	const struct wire_bus *bus;
	uint32_t csw; /* writable bits only */
	uint32_t tar;
};

void ap_init(struct ap *ap, const struct wire_bus *bus);

/* addr: bits 7:4 from SELECT.APBANKSEL, 3:2 from the request. False when the
 * transfer failed: the DP sets STICKYERR; *value is 0 then. */
bool ap_read(struct ap *ap, uint8_t addr, uint32_t *value);
bool ap_write(struct ap *ap, uint8_t addr, uint32_t value);

#endif
