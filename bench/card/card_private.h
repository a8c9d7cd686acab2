/* Between the card's memory and its applet; nobody else's business. */
#ifndef BENCH_CARD_CARD_PRIVATE_H
#define BENCH_CARD_CARD_PRIVATE_H

#include "bench/card/card.h"

/* ERR_INPUT names the value that is out of range. */
enum err_code card_memory_check(const struct card_memory *m, struct err *e);

/* Durable when it returns ERR_OK (file_write). */
enum err_code card_memory_save(const char *path, const struct card_memory *m,
			       struct err *e);
enum err_code card_memory_load(const char *path, struct card_memory *m,
			       struct err *e);

#endif
