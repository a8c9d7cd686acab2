/* The reference board, which the virtual bench models: a W25Q64JV-like NOR on
 * OCTOSPI1 at 40 MHz, modem, WiFi module, a sensor's rail on PA0. Alternate
 * functions: STM32U585xx data sheet (DS13086), table "alternate functions". */
#include "firmware/board/board.h"

const struct board board = {
	.nor = {.registers = BOARD_OCTOSPI1,
		.clock_bit = BOARD_OCTOSPI1_BIT,
		.divider = 4,
		/* JESD216 basic commands; W25Q64JV Rev J, Fast Read */
		.read_3b = 0x0B,
		.read_4b = 0x0C,
		.read_dummy_clocks = 8,
		.pins = {{BOARD_PORT_E, 10, 10},
			 {BOARD_PORT_E, 11, 10},
			 {BOARD_PORT_E, 12, 10},
			 {BOARD_PORT_E, 13, 10},
			 {BOARD_PORT_E, 14, 10},
			 {BOARD_PORT_E, 15, 10}}},
	.uart_out = {BOARD_PORT_B, 0, 0},
	.uart_in = {BOARD_PORT_E, 4, 0},
	.modem = {.fitted = true,
		  .tx = {BOARD_PORT_D, 5, 7},
		  .rx = {BOARD_PORT_D, 6, 7}},
	.wifi = {.fitted = true,
		 .tx = {BOARD_PORT_D, 8, 7},
		 .rx = {BOARD_PORT_D, 9, 7}},
	.rail = {BOARD_PORT_A, 0, 0},
	.rail_channel = 5,
	.led = {BOARD_PORT_A, 5, 0},
};
