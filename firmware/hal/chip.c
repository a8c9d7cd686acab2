/* UID, random numbers, RSS, ADC, and the ways out of a program. */
#include "firmware/board/board.h"
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"
#include "proto/board/layout.h"
#include "proto/board/sfi.h"

#define READY_BUDGET_US 20000u

void hal_uid(uint8_t uid[12])
{
	for (unsigned i = 0; i < 3; i++) {
		uint32_t word = REG(HAL_UID + 4 * i);

		__builtin_memcpy(uid + 4 * i, &word, 4);
	}
}

/* -------- RNG, on HSI48 (RM0456 48.3.6) -------- */

static bool rng_start(void)
{
	RCC_CR |= RCC_CR_HSI48ON;
	if (!hal_wait_flag((uintptr_t)&RCC_CR, RCC_CR_HSI48RDY, RCC_CR_HSI48RDY,
			   READY_BUDGET_US))
		return false;
	RCC_AHB2ENR1 |= 1u << 18;
	(void)RCC_AHB2ENR1;
	RNG_CR |= 1u << 2;
	return true;
}

/* A word; false on a clock or seed error, and without an answer. */
static bool rng_word(uint32_t *word)
{
	if (!hal_wait_flag((uintptr_t)&RNG_SR, 1u, 1u, READY_BUDGET_US))
		return false;
	*word = RNG_DR;
	return (RNG_SR & (3u << 1 | 3u << 5)) == 0 && *word != 0;
}

bool hal_random(void *out, size_t len)
{
	uint8_t *to = out;

	if (!rng_start())
		return false;
	while (len > 0) {
		uint32_t word;
		size_t n = len < 4 ? len : 4;

		if (!rng_word(&word))
			return false;
		__builtin_memcpy(to, &word, n);
		to += n;
		len -= n;
	}
	return true;
}

/* -------- RSS -------- */

bool hal_rss_unwrap(const uint8_t licence[136], uint8_t key_nonce[28])
{
	typedef uint32_t unwrap_fn(const uint8_t *, uint8_t *);
	uintptr_t entry = REG(SFI_RSS_TABLE + SFI_RSS_UNWRAP);

	/* the vendor's table at this address has other entries */
	if (REG(SFI_RSS_TABLE + SFI_RSS_MARK) != SFI_RSS_MARK_VALUE)
		return false;
	return ((unwrap_fn *)entry)(licence, key_nonce) == SFI_RSS_OK;
}

/* -------- ADC1, 14 bits over 3300 mV (RM0456 33.4) -------- */

#define ADC_ISR	    0x00
#define ADC_CR	    0x08
#define ADC_CFGR1   0x0C
#define ADC_SMPR1   0x14
#define ADC_PCSEL   0x1C
#define ADC_SQR1    0x30
#define ADC_DR	    0x40
#define ADC_ADRDY   (1u << 0)
#define ADC_EOC	    (1u << 2)
#define ADC_LDORDY  (1u << 12)
#define ADC_ADEN    (1u << 0)
#define ADC_ADSTART (1u << 2)
#define ADC_VREGEN  (1u << 28)
#define ADC_CAL	    (1u << 31)

static bool adc_start(void)
{
	uintptr_t isr = (uintptr_t)&ADC1(ADC_ISR);

	PWR_SVMCR |= PWR_SVMCR_ASV;
	RCC_AHB2ENR1 |= 1u << 10;
	(void)RCC_AHB2ENR1;
	if ((ADC1(ADC_CR) & ADC_ADEN) != 0)
		return true;
	ADC12_CCR = 2u << 18; /* HCLK / 4 */
	ADC1(ADC_CR) = 0;     /* out of deep power-down */
	ADC1(ADC_CR) = ADC_VREGEN;
	if (!hal_wait_flag(isr, ADC_LDORDY, ADC_LDORDY, READY_BUDGET_US))
		return false;
	ADC1(ADC_CR) = ADC_VREGEN | ADC_CAL;
	if (!hal_wait_flag((uintptr_t)&ADC1(ADC_CR), ADC_CAL, 0,
			   READY_BUDGET_US))
		return false;
	ADC1(ADC_ISR) = ADC_ADRDY;
	ADC1(ADC_CR) = ADC_VREGEN | ADC_ADEN;
	return hal_wait_flag(isr, ADC_ADRDY, ADC_ADRDY, READY_BUDGET_US);
}

int hal_rail_mv(void)
{
	unsigned channel = board.rail_channel;

	if (!adc_start())
		return -1;
	ADC1(ADC_PCSEL) = 1u << channel;
	ADC1(ADC_SMPR1) = 5u << 3 * channel;
	ADC1(ADC_SQR1) = channel << 6;
	ADC1(ADC_CR) = ADC_VREGEN | ADC_ADEN | ADC_ADSTART;
	if (!hal_wait_flag((uintptr_t)&ADC1(ADC_ISR), ADC_EOC, ADC_EOC,
			   READY_BUDGET_US))
		return -1;
	return (int)((ADC1(ADC_DR) & 0x3FFFu) * 3300u / 16383u);
}

/* -------- ways out -------- */

void hal_reset(void)
{
	SCB_AIRCR = 0x05FA0004u;
	for (;;)
		__asm volatile("dsb\n\twfi");
}

void hal_stop(void)
{
	for (;;)
		__asm volatile("wfi");
}

void hal_start(uint32_t offset)
{
	const uint32_t *vectors = hal_flash(offset);

	SCB_VTOR = (uint32_t)(uintptr_t)vectors;
	__asm volatile("dsb\n\t"
		       "isb\n\t"
		       "msr msp, %0\n\t"
		       "bx %1"
		       :
		       : "r"(vectors[0]), "r"(vectors[1])
		       : "memory");
	__builtin_unreachable();
}
