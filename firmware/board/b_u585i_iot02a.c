/* ST's Discovery kit B-U585I-IOT02A (STM32U585AII6Q). Pins of the NOR, a
 * MX25LM51245G on OCTOSPI2: b_u585i_iot02a_ospi.h of STM32CubeU5, and so in
 * Zephyr's devicetree of the kit; LD7, Arduino A0 and A5: that devicetree. Not
 * tried on silicon: docs/b-u585i-iot02a.md.
 *
 * The kit has neither a modem nor a WiFi module that speaks AT commands over a
 * UART (its EMW3080 hangs on SPI2), so neither is tested. */
#include "firmware/board/board.h"

const struct board board = {
	.nor = {.registers = BOARD_OCTOSPI2,
		.clock_bit = BOARD_OCTOSPI2_BIT,
		/* 20 MHz: reading is not what takes time, and the sampling
		 * point has not been measured */
		.divider = 8,
		/* SPI mode, in which the part wakes up; 4-byte addresses
		 * throughout (mx25lm51245g.h of STM32CubeU5) */
		.read_4b = 0x0C,
		.read_dummy_clocks = 8,
		/* IO4..7 (PH9..12) and DQS (PF12) rest in SPI mode */
		.pins = {{BOARD_PORT_F, 4, 5},
			 {BOARD_PORT_I, 5, 5},
			 {BOARD_PORT_F, 0, 5},
			 {BOARD_PORT_F, 1, 5},
			 {BOARD_PORT_F, 2, 5},
			 {BOARD_PORT_F, 3, 5}}},
	.uart_out = {BOARD_PORT_B, 0, 0}, /* Arduino A5 */
	.uart_in = {BOARD_PORT_E, 4, 0},
	.rail = {BOARD_PORT_C, 0, 0}, /* Arduino A0, ADC1_IN1 */
	.rail_channel = 1,
	.led = {BOARD_PORT_H, 7, 0}, /* LD7, green */
	.led_active_low = true,
};
