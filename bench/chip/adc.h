/* ADC1 (RM0456 Rev 6, section 33): single conversions of the regular
 * sequence's first channel, 14 bits or what CFGR1.RES says, 3300 mV full
 * scale. Channel 5 is the divided supply rail of the customer's sensor. */
#ifndef BENCH_CHIP_ADC_H
#define BENCH_CHIP_ADC_H

#include <stdint.h>

struct chip;

struct adc {
	uint32_t isr, ier, cr, cfgr1, cfgr2, smpr1, smpr2, pcsel, sqr1, dr;
	uint64_t ready_ps; /* end of the operation under way, 0: none */
	unsigned noise;	   /* conversions so far: the last bit wanders */
};

void adc_reset(struct chip *c);
uint32_t adc_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void adc_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value);
uint64_t adc_next_event(struct chip *c, uint64_t t_ps);

#endif
