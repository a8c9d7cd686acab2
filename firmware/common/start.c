/* Vectors and start-up, the same for every program. Without interrupts there
 * is one reason to come to another vector than the first: a fault. The program
 * then rests; its silence tells. */
#include "firmware/common/program.h"

#include <stddef.h>
#include <string.h>

extern uint8_t data_load[], data_start[], data_end[], bss_start[], bss_end[],
	heap_start[], heap_end[], stack_top[];

void reset_handler(const void *argument);
void fault_handler(void);
void *_sbrk(ptrdiff_t increment);

typedef void handler_fn(void);

struct vectors {
	const void *stack;
	handler_fn *handler[15];
};

const struct vectors vectors __attribute__((section(".vectors"), used)) = {
	stack_top,
	{(handler_fn *)reset_handler, fault_handler, fault_handler,
	 fault_handler, fault_handler, fault_handler, fault_handler,
	 fault_handler, fault_handler, fault_handler, fault_handler,
	 fault_handler, fault_handler, fault_handler, fault_handler}};

void fault_handler(void)
{
	for (;;)
		__asm volatile("wfi");
}

/* malloc's memory; mbedTLS's numbers live there. */
void *_sbrk(ptrdiff_t increment)
{
	static uint8_t *top = heap_start;
	uint8_t *old = top;

	if (increment > heap_end - top || increment < heap_start - top)
		return (void *)-1;
	top += increment;
	return old;
}

void reset_handler(const void *argument)
{
	memcpy(data_start, data_load, (size_t)(data_end - data_start));
	memset(bss_start, 0, (size_t)(bss_end - bss_start));
	program_main(argument);
	fault_handler();
}
