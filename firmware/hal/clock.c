/* Clocks, and time by two timers: TIM2 counts every cycle and its compare
 * flags are what waits look at; TIM5 counts tenths of a millisecond.
 *
 * A wait loop only reads flags, so that nothing but the flags' own moments
 * matters to it. */
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"

#define TICKS_PER_US (HAL_CLOCK_HZ / 1000000u)
#define CLOCK_ROUNDS 100000u /* before there is a timer: 4 MHz, >= 75 ms */

#define PORT_A	     0u
#define PORT_B	     1u
#define PORT_D	     3u
#define PORT_E	     4u

/* A wait at reset, when no timer runs yet. */
static bool wait_rounds(uintptr_t reg, uint32_t mask, uint32_t value)
{
	for (uint32_t i = 0; i < CLOCK_ROUNDS; i++)
		if ((REG(reg) & mask) == value)
			return true;
	return false;
}

/* MSI 4 MHz x 80 / 2 = 160 MHz; range 1 with the booster, 4 wait states
 * (RM0456 7.3.3, 10.5.4, 11.4.6). Programs start each other, so it may run
 * like this already. */
static bool clock_start(void)
{
	RCC_AHB3ENR |= 1u << 2; /* PWR */
	if ((RCC_CFGR1 & (3u << 2)) == 3u << 2)
		return true;
	PWR_VOSR |= PWR_VOSR_RANGE1;
	if (!wait_rounds((uintptr_t)&PWR_VOSR, PWR_VOSR_VOSRDY,
			 PWR_VOSR_VOSRDY))
		return false;
	/* source MSIS, M = 1, R output on; N = 80, R = 2 */
	RCC_PLL1CFGR = 1u | 1u << 18;
	RCC_PLL1DIVR = (80u - 1u) | 1u << 24 | 1u << 16 | 1u << 9;
	PWR_VOSR |= PWR_VOSR_BOOSTEN;
	if (!wait_rounds((uintptr_t)&PWR_VOSR, PWR_VOSR_BOOSTRDY,
			 PWR_VOSR_BOOSTRDY))
		return false;
	RCC_CR |= RCC_CR_PLL1ON;
	if (!wait_rounds((uintptr_t)&RCC_CR, RCC_CR_PLL1RDY, RCC_CR_PLL1RDY))
		return false;
	FLASH_ACR = (FLASH_ACR & ~15u) | 4u;
	RCC_CFGR1 |= 3u;
	return wait_rounds((uintptr_t)&RCC_CFGR1, 3u << 2, 3u << 2);
}

static void timers_start(void)
{
	RCC_APB1ENR1 |= 1u << 0 | 1u << 3; /* TIM2, TIM5 */
	(void)RCC_APB1ENR1;
	if ((TIM5(TIM_CR1) & 1u) != 0)
		return;
	TIM2(TIM_PSC) = 0;
	TIM2(TIM_ARR) = UINT32_MAX;
	TIM2(TIM_EGR) = 1;
	TIM2(TIM_CR1) = 1;
	TIM5(TIM_PSC) = HAL_CLOCK_HZ / 10000u - 1u;
	TIM5(TIM_ARR) = UINT32_MAX;
	TIM5(TIM_EGR) = 1;
	TIM5(TIM_CR1) = 1;
}

/* mode: 0 in, 1 out, 2 alternate, 3 analogue */
static void pin_mode(unsigned port, unsigned pin, uint32_t mode)
{
	GPIO(port, GPIO_MODER) =
		(GPIO(port, GPIO_MODER) & ~(3u << 2 * pin)) | mode << 2 * pin;
}

static void pin_alternate(unsigned port, unsigned pin, uint32_t function)
{
	uint32_t off = pin < 8 ? GPIO_AFRL : GPIO_AFRH;
	unsigned shift = 4 * (pin & 7u);

	GPIO(port, off) =
		(GPIO(port, off) & ~(15u << shift)) | function << shift;
	GPIO(port, GPIO_OSPEEDR) |= 3u << 2 * pin;
	pin_mode(port, pin, 2);
}

static void pins_start(void)
{
	/* GPIOA, B, D, E and OCTOSPIM */
	RCC_AHB2ENR1 |= 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 21;
	(void)RCC_AHB2ENR1;
	/* provisioning UART: PB0 out, high before it is an output; PE4 in */
	GPIO(PORT_B, GPIO_BSRR) = 1u << 0;
	pin_mode(PORT_B, 0, 1);
	GPIO(PORT_E, GPIO_PUPDR) =
		(GPIO(PORT_E, GPIO_PUPDR) & ~(3u << 8)) | 1u << 8;
	pin_mode(PORT_E, 4, 0);
	/* NOR on OCTOSPIM port 1: PE10 CLK, PE11 NCS, PE12..15 IO0..3, AF10 */
	for (unsigned pin = 10; pin <= 15; pin++)
		pin_alternate(PORT_E, pin, 10);
	/* modem on USART2: PD5, PD6; WiFi on USART3: PD8, PD9; AF7 */
	pin_alternate(PORT_D, 5, 7);
	pin_alternate(PORT_D, 6, 7);
	pin_alternate(PORT_D, 8, 7);
	pin_alternate(PORT_D, 9, 7);
	pin_mode(PORT_A, 0, 3); /* ADC1 channel 5 */
}

bool hal_init(void)
{
	if (!clock_start())
		return false;
	timers_start();
	pins_start();
	return true;
}

uint32_t hal_ms(void)
{
	return TIM5(TIM_CNT) / 10u;
}

uint32_t hal_ticks(void)
{
	return TIM2(TIM_CNT);
}

void hal_wait_tick(uint32_t tick)
{
	TIM2(TIM_CCR1) = tick;
	TIM2(TIM_SR) = ~TIM_SR_CC1IF;
	if ((int32_t)(TIM2(TIM_CNT) - tick) >= 0)
		return;
	while ((TIM2(TIM_SR) & TIM_SR_CC1IF) == 0)
		;
}

void hal_budget_start(uint32_t budget_us)
{
	TIM2(TIM_CCR2) = TIM2(TIM_CNT) + budget_us * TICKS_PER_US;
	TIM2(TIM_SR) = ~TIM_SR_CC2IF;
}

bool hal_wait_flag(uintptr_t reg, uint32_t mask, uint32_t value,
		   uint32_t budget_us)
{
	if ((REG(reg) & mask) == value)
		return true;
	hal_budget_start(budget_us);
	do {
		if ((REG(reg) & mask) == value)
			return true;
	} while (!HAL_BUDGET_OVER());
	return (REG(reg) & mask) == value;
}

void hal_wait_ms(uint32_t wait_ms)
{
	hal_wait_tick(hal_ticks() + wait_ms * 1000u * TICKS_PER_US);
}
