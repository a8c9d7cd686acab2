/* USART2 (modem) and USART3 (WiFi) with their FIFOs (RM0456 66.5). */
#include "firmware/board/board.h"
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"

#define ISR_RXNE       (1u << 5)
#define ISR_TXE	       (1u << 7)
#define ICR_ERRORS     0x0Fu
#define SEND_BUDGET_US 2000u

bool hal_port_fitted(enum hal_port port)
{
	return port == HAL_MODEM ? board.modem.fitted : board.wifi.fitted;
}

void hal_port_open(enum hal_port port)
{
	RCC_APB1ENR1 |= 1u << (17u + (unsigned)port);
	(void)RCC_APB1ENR1;
	USART(port, USART_CR1) = 0;
	USART(port, USART_BRR) = (HAL_CLOCK_HZ + 57600u) / 115200u;
	/* FIFO, transmitter, receiver, on */
	USART(port, USART_CR1) = 1u << 29 | 1u << 3 | 1u << 2 | 1u;
}

void hal_port_send(enum hal_port port, const char *bytes, size_t len)
{
	uintptr_t isr = (uintptr_t)&USART(port, USART_ISR);

	/* a module that never takes a byte is one that never answers */
	for (size_t i = 0; i < len; i++)
		if (hal_wait_flag(isr, ISR_TXE, ISR_TXE, SEND_BUDGET_US))
			USART(port, USART_TDR) = (uint8_t)bytes[i];
}

int hal_port_byte(enum hal_port port, uint32_t wait_ms)
{
	uintptr_t isr = (uintptr_t)&USART(port, USART_ISR);

	USART(port, USART_ICR) = ICR_ERRORS;
	if (!hal_wait_flag(isr, ISR_RXNE, ISR_RXNE, wait_ms * 1000u))
		return -1;
	return (int)(USART(port, USART_RDR) & 0xFFu);
}
