/* The provisioning UART, 115200 8N1, on two pins that carry no USART: every
 * edge out is timed by TIM2, every bit in is sampled in its middle. It cannot
 * hear while it speaks. */
#include "firmware/board/board.h"
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"
#include "proto/uart/uart.h"

/* The moment of bit n (in halves) of a frame, in ticks after its start. */
#define HALF_BITS(n)                                           \
	((uint32_t)(((uint64_t)(n)*HAL_CLOCK_HZ + UART_BAUD) / \
		    (2u * UART_BAUD)))

#define SILENCE_US 2000u

static void set_out(bool high)
{
	GPIO(board.uart_out.port, GPIO_BSRR) = 1u << board.uart_out.pin
						  << (high ? 0 : 16);
}

#define IN_IS_HIGH() \
	((GPIO(board.uart_in.port, GPIO_IDR) & 1u << board.uart_in.pin) != 0)

/* Start bit, 8 data bits with the lowest first, stop bit: bit n of frame. */
static void send_byte(uint32_t start, uint8_t byte)
{
	static const uint32_t edge[10] = {
		HALF_BITS(0),  HALF_BITS(2),  HALF_BITS(4),  HALF_BITS(6),
		HALF_BITS(8),  HALF_BITS(10), HALF_BITS(12), HALF_BITS(14),
		HALF_BITS(16), HALF_BITS(18)};
	uint32_t frame = (uint32_t)byte << 1 | 1u << 9;
	bool level = true;

	for (unsigned n = 0; n < 10; n++) {
		bool next = (frame >> n & 1u) != 0;

		if (next == level)
			continue;
		hal_wait_tick(start + edge[n]);
		set_out(next);
		level = next;
	}
}

void hal_uart_send(const char *bytes, size_t len)
{
	/* a whole idle bit first, for a receiver that has lost its place */
	uint32_t start = hal_ticks() + HALF_BITS(2);

	for (size_t i = 0; i < len; i++) {
		send_byte(start, (uint8_t)bytes[i]);
		start += HALF_BITS(20);
	}
	hal_wait_tick(start);
}

/* The rest of a frame whose start bit began at start; -1 when it was none. */
static int receive_frame(uint32_t start)
{
	static const uint32_t middle[10] = {
		HALF_BITS(1),  HALF_BITS(3),  HALF_BITS(5),  HALF_BITS(7),
		HALF_BITS(9),  HALF_BITS(11), HALF_BITS(13), HALF_BITS(15),
		HALF_BITS(17), HALF_BITS(19)};
	uint32_t frame = 0;

	for (unsigned n = 0; n < 10; n++) {
		hal_wait_tick(start + middle[n]);
		if (IN_IS_HIGH())
			frame |= 1u << n;
		if (n == 0 && frame != 0)
			return -1;
	}
	/* without its stop bit it is noise; some byte that ends no line */
	return (frame & 1u << 9) != 0 ? (int)(frame >> 1 & 0xFFu) : 0;
}

/* The next byte, or -1 after budget_us of silence. Noise that is no start bit
 * begins the budget anew, four times at most. */
static int receive_byte(uint32_t budget_us)
{
	int byte = -1;

	for (unsigned tries = 0; byte < 0 && tries < 4; tries++) {
		hal_budget_start(budget_us);
		while (IN_IS_HIGH() && !HAL_BUDGET_OVER())
			;
		if (IN_IS_HIGH())
			break;
		byte = receive_frame(hal_ticks());
	}
	return byte;
}

size_t hal_uart_receive(void *buf, size_t size, uint32_t wait_ms)
{
	uint32_t budget_us = wait_ms * 1000u;
	uint8_t *bytes = buf;
	size_t len = 0;

	while (len < size) {
		int byte = receive_byte(budget_us);

		if (byte < 0)
			break;
		bytes[len++] = (uint8_t)byte;
		budget_us = SILENCE_US;
	}
	return len;
}
