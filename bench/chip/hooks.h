/* What Unicorn calls back for, and the memory it executes from. */
#ifndef BENCH_CHIP_HOOKS_H
#define BENCH_CHIP_HOOKS_H

struct chip;

/* Throw away translations of what cpu_dirty() has named. */
void hooks_forget_code(struct chip *c);

/* A store to flash reaches the array raw, because Unicorn either allows it or
 * aborts. The old content is noted before, put back after, and the store given
 * to the flash controller; this does the second half. */
void hooks_settle_store(struct chip *c);

#endif
