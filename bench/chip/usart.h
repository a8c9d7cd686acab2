/* USART2 and USART3 (RM0456 Rev 6, section 66), asynchronous mode with or
 * without FIFO, and the modules that the board has on them: a cellular modem on
 * USART2, an ESP32 with AT firmware on USART3. Bytes take their time on the
 * line; a module hears nothing at a wrong baud rate. */
#ifndef BENCH_CHIP_USART_H
#define BENCH_CHIP_USART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chip;

#define USART_COUNT 2u
#define USART_FIFO  8u

/* What a module says is queued with the moment it starts to say it. */
struct module {
	char line[128]; /* the command coming in */
	size_t line_len;
	bool echo;
	bool endless; /* holds the line with bytes for ever */
	char out[2048];
	size_t out_first, out_len;
	uint64_t out_ready_ps; /* the first queued byte starts at this time */
};

struct usart {
	uint32_t cr1, cr2, cr3, brr, presc, isr;
	uint8_t rx[USART_FIFO];
	unsigned rx_first, rx_fill;
	uint64_t tx_done_ps; /* shift register and holding register empty */
	struct module module;
};

void usart_reset(struct chip *c);
uint32_t usart_read(struct chip *c, unsigned index, uint32_t off,
		    unsigned size);
void usart_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		 uint32_t value);
uint64_t usart_next_event(struct chip *c, uint64_t t_ps);

/* The module at USART index hears a byte that ends at t_ps. */
void module_hear(struct chip *c, unsigned index, char byte, uint64_t t_ps);
void module_power_on(struct chip *c);
/* Queue text, to start delay_ms after t_ps. */
void module_say(struct module *m, uint64_t t_ps, unsigned delay_ms,
		const char *text);
/* One complete command line, without its end. */
void modem_command(struct chip *c, struct module *m, uint64_t t_ps);
void wifi_command(struct chip *c, struct module *m, uint64_t t_ps);

#endif
