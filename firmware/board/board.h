/* What differs from board to board, as data: one table per board, linked into
 * each of its programs (target/CMakeLists.txt); everything else is the same
 * object code. Clocks are not in it: both boards run on MSI without a crystal
 * (hal/clock.c).
 *
 * Supplies: all pins of both tables hang on VDD. A table that takes one of
 * PG2..PG15 needs VDDIO2 declared valid first, PWR_SVMCR.IO2SV (RM0456 Rev 6,
 * 10.10), which nothing does yet. */
#ifndef FIRMWARE_BOARD_BOARD_H
#define FIRMWARE_BOARD_BOARD_H

#include <stdbool.h>
#include <stdint.h>

enum board_port {
	BOARD_PORT_A,
	BOARD_PORT_B,
	BOARD_PORT_C,
	BOARD_PORT_D,
	BOARD_PORT_E,
	BOARD_PORT_F,
	BOARD_PORT_G,
	BOARD_PORT_H,
	BOARD_PORT_I,
};

struct board_pin {
	uint8_t port; /* enum board_port */
	uint8_t pin;
	uint8_t function; /* AF0..AF15 where it is an alternate function */
};

/* OCTOSPI instances: secure alias of the registers, clock enable in
 * RCC_AHB2ENR2 (RM0456 Rev 6, memory map and 11.8). */
#define BOARD_OCTOSPI1	   0x520D1400u
#define BOARD_OCTOSPI1_BIT 4u
#define BOARD_OCTOSPI2	   0x520D2400u
#define BOARD_OCTOSPI2_BIT 8u

#define BOARD_NOR_PINS	   6u /* CLK, NCS, IO0..IO3 */

/* The SPI NOR, spoken to on one line. The OCTOSPI I/O manager stays as after
 * reset: instance n on port n. */
struct board_nor {
	uint32_t registers;
	uint8_t clock_bit;
	uint8_t divider; /* of SYSCLK, 160 MHz: 1..255 */
	uint8_t read_3b; /* fast read, 3 address bytes; 0: never used */
	uint8_t read_4b; /* fast read, 4 address bytes */
	uint8_t read_dummy_clocks; /* of both */
	struct board_pin pins[BOARD_NOR_PINS];
};

/* A module with a UART of its own: USART2 for the modem, USART3 for WiFi. */
struct board_module {
	bool fitted; /* false: its pins are left alone */
	struct board_pin tx, rx;
};

struct board {
	struct board_nor nor;
	struct board_pin uart_out, uart_in; /* provisioning UART, no AF */
	struct board_module modem, wifi;
	struct board_pin rail; /* what the sample application test measures */
	uint8_t rail_channel;  /* of ADC1, 0..9 */
	struct board_pin led;
	bool led_active_low;
};

extern const struct board board;

#endif
