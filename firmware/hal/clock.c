/* Clocks, and time by two timers: TIM2 counts every cycle and its compare
 * flags are what waits look at; TIM5 counts tenths of a millisecond.
 *
 * A wait loop only reads flags, so that nothing but the flags' own moments
 * matters to it. */
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"

#define TICKS_PER_US (HAL_CLOCK_HZ / 1000000u)
#define CLOCK_ROUNDS 100000u /* before there is a timer: 4 MHz, >= 75 ms */

/* A wait at reset, when no timer runs yet. */
static bool wait_rounds(uintptr_t reg, uint32_t mask, uint32_t value)
{
	for (uint32_t i = 0; i < CLOCK_ROUNDS; i++)
		if ((REG(reg) & mask) == value)
			return true;
	return false;
}

/* Flash keeps up with 160 MHz with 4 wait states in range 1 (RM0456 7.3.3);
 * they count once they read back. */
static bool flash_wait_states(void)
{
	FLASH_ACR = (FLASH_ACR & ~FLASH_ACR_LATENCY) | 4u;
	return wait_rounds((uintptr_t)&FLASH_ACR, FLASH_ACR_LATENCY, 4u);
}

/* Range 1, needed above 110 MHz, and its booster, above 55 MHz. The booster
 * runs on the PLL's input, 4 to 16 MHz: choose that first, or BOOSTRDY never
 * comes (RM0456 10.5.4, 11.4.6). The regulator is the one after reset, the
 * LDO; parts with an SMPS run on it too. */
static bool voltage_start(void)
{
	PWR_VOSR |= PWR_VOSR_RANGE1;
	if (!wait_rounds((uintptr_t)&PWR_VOSR, PWR_VOSR_VOSRDY,
			 PWR_VOSR_VOSRDY))
		return false;
	/* source MSIS 4 MHz, M = 1, MBOOST = 1, R output on; N = 80, R = 2 */
	RCC_PLL1CFGR = 1u | 1u << 18;
	RCC_PLL1DIVR = (80u - 1u) | 1u << 24 | 1u << 16 | 1u << 9;
	PWR_VOSR |= PWR_VOSR_BOOSTEN;
	return wait_rounds((uintptr_t)&PWR_VOSR, PWR_VOSR_BOOSTRDY,
			   PWR_VOSR_BOOSTRDY);
}

/* To the PLL by way of half the bus clock, for at least 1 us, so that the
 * supply's load grows in two steps: what STM32CubeMX generates with the LL
 * drivers for more than 80 MHz. */
static bool clock_switch(void)
{
	RCC_CFGR2 = (RCC_CFGR2 & ~RCC_CFGR2_HPRE) | RCC_HPRE_DIV2;
	RCC_CFGR1 |= 3u;
	if (!wait_rounds((uintptr_t)&RCC_CFGR1, 3u << 2, 3u << 2))
		return false;
	for (unsigned i = 0; i < 80u; i++) /* 12.5 ns each at least */
		__asm volatile("nop");
	RCC_CFGR2 &= ~RCC_CFGR2_HPRE;
	return true;
}

/* MSI 4 MHz x 80 / 2 = 160 MHz. Programs start each other, so it may run like
 * this already. */
static bool clock_start(void)
{
	RCC_AHB3ENR |= 1u << 2; /* PWR */
	(void)RCC_AHB3ENR;
	if ((RCC_CFGR1 & (3u << 2)) == 3u << 2)
		return true;
	if (!voltage_start())
		return false;
	RCC_CR |= RCC_CR_PLL1ON;
	if (!wait_rounds((uintptr_t)&RCC_CR, RCC_CR_PLL1RDY, RCC_CR_PLL1RDY))
		return false;
	return flash_wait_states() && clock_switch();
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

bool hal_init(void)
{
	if (!clock_start())
		return false;
	timers_start();
	hal_pins_start();
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
