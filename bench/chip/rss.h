/* The RSS services of proto/board/sfi.h and the contents of system memory:
 * their table and entries, UID, flash size, package, OTP (erased). */
#ifndef BENCH_CHIP_RSS_H
#define BENCH_CHIP_RSS_H

#include <stdint.h>

struct chip;

/* Entry points, each a single `bx lr` that a hook precedes. */
#define RSS_ENTRY_CERTIFICATE 0x0BF99F00u
#define RSS_ENTRY_UNWRAP      0x0BF99F10u
#define RSS_ENTRY_FIRST	      RSS_ENTRY_CERTIFICATE
#define RSS_ENTRY_LAST	      (RSS_ENTRY_UNWRAP + 1u)

void rss_init(struct chip *c);
/* The CPU is about to execute the instruction at addr. */
void rss_call(struct chip *c, uint32_t addr);

#endif
