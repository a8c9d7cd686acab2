/* Registers of the STM32U585 that the HAL uses, at their secure aliases (RM0456
 * Rev 6; offsets as in ST's stm32u585xx.h v1.4.2). Programs run with TZEN=1 in
 * the secure state. */
#ifndef FIRMWARE_HAL_REG_H
#define FIRMWARE_HAL_REG_H

#include "firmware/board/board.h"

#include <stdint.h>

#define REG(address)	  (*(volatile uint32_t *)(address))
#define REG8(address)	  (*(volatile uint8_t *)(address))

#define HAL_CLOCK_HZ	  160000000u

/* RCC, section 11.8 */
#define RCC(off)	  REG(0x56020C00u + (off))
#define RCC_CR		  RCC(0x00)
#define RCC_CFGR1	  RCC(0x1C)
#define RCC_CFGR2	  RCC(0x20)
#define RCC_PLL1CFGR	  RCC(0x28)
#define RCC_PLL1DIVR	  RCC(0x34)
#define RCC_AHB2ENR1	  RCC(0x8C)
#define RCC_AHB2ENR2	  RCC(0x90)
#define RCC_AHB3ENR	  RCC(0x94)
#define RCC_APB1ENR1	  RCC(0x9C)
#define RCC_CFGR2_HPRE	  15u
#define RCC_HPRE_DIV2	  8u
#define RCC_CR_MSISON	  (1u << 0)
#define RCC_CR_HSI48ON	  (1u << 12)
#define RCC_CR_HSI48RDY	  (1u << 13)
#define RCC_CR_PLL1ON	  (1u << 24)
#define RCC_CR_PLL1RDY	  (1u << 25)

/* PWR, section 10.10 */
#define PWR_VOSR	  REG(0x56020800u + 0x0C)
#define PWR_SVMCR	  REG(0x56020800u + 0x10)
#define PWR_VOSR_BOOSTRDY (1u << 14)
#define PWR_VOSR_VOSRDY	  (1u << 15)
#define PWR_VOSR_RANGE1	  (3u << 16)
#define PWR_VOSR_BOOSTEN  (1u << 18)
#define PWR_SVMCR_ASV	  (1u << 30)

/* FLASH, section 7.9 */
#define FLASH_ACR	  REG(0x50022000u + 0x00)
#define FLASH_ACR_LATENCY 15u
#define FLASH_SECKEYR	  REG(0x50022000u + 0x0C)
#define FLASH_SECSR	  REG(0x50022000u + 0x24)
#define FLASH_SECCR	  REG(0x50022000u + 0x2C)
#define FLASH_SR_ERRORS	  0x000000FAu
#define FLASH_SR_EOP	  (1u << 0)
#define FLASH_SR_BSY	  (1u << 16)
#define FLASH_SR_WDW	  (1u << 17)
#define FLASH_CR_PG	  (1u << 0)
#define FLASH_CR_PER	  (1u << 1)
#define FLASH_CR_BKER	  (1u << 11)
#define FLASH_CR_STRT	  (1u << 16)
#define FLASH_CR_LOCK	  (1u << 31)

/* GPIO, section 13.4; port 0 is A */
#define GPIO(port, off)	  REG(0x52020000u + 0x400u * (port) + (off))
#define GPIO_MODER	  0x00
#define GPIO_OSPEEDR	  0x08
#define GPIO_PUPDR	  0x0C
#define GPIO_IDR	  0x10
#define GPIO_BSRR	  0x18
#define GPIO_AFRL	  0x20
#define GPIO_AFRH	  0x24

/* TIM2 and TIM5, section 55.4 */
#define TIM2(off)	  REG(0x50000000u + (off))
#define TIM5(off)	  REG(0x50000C00u + (off))
#define TIM_CR1		  0x00
#define TIM_SR		  0x10
#define TIM_EGR		  0x14
#define TIM_CNT		  0x24
#define TIM_PSC		  0x28
#define TIM_ARR		  0x2C
#define TIM_CCR1	  0x34
#define TIM_CCR2	  0x38
#define TIM_SR_CC1IF	  (1u << 1)
#define TIM_SR_CC2IF	  (1u << 2)

/* OCTOSPI, section 28.7: the instance that the NOR hangs on */
#define OSPI(off)	  REG(board.nor.registers + (off))
#define OSPI_DR8	  REG8(board.nor.registers + OSPI_DR)
#define OSPI_CR		  0x000
#define OSPI_DCR1	  0x008
#define OSPI_DCR2	  0x00C
#define OSPI_SR		  0x020
#define OSPI_FCR	  0x024
#define OSPI_DLR	  0x040
#define OSPI_AR		  0x048
#define OSPI_DR		  0x050
#define OSPI_CCR	  0x100
#define OSPI_TCR	  0x108
#define OSPI_IR		  0x110
#define OSPI_DCR1_DLYBYP  (1u << 3)
#define OSPI_SR_TEF	  (1u << 0)
#define OSPI_SR_TCF	  (1u << 1)
#define OSPI_SR_FTF	  (1u << 2)
#define OSPI_SR_BUSY	  (1u << 5)

/* USART2 and USART3, section 66.8 */
#define USART(port, off)  REG(0x50004400u + 0x400u * (port) + (off))
#define USART_CR1	  0x00
#define USART_BRR	  0x0C
#define USART_ISR	  0x1C
#define USART_ICR	  0x20
#define USART_RDR	  0x24
#define USART_TDR	  0x28

/* RNG, section 48.7 */
#define RNG_CR		  REG(0x520C0800u + 0x00)
#define RNG_SR		  REG(0x520C0800u + 0x04)
#define RNG_DR		  REG(0x520C0800u + 0x08)

/* ADC1, section 33.6 */
#define ADC1(off)	  REG(0x52028000u + (off))
#define ADC12_CCR	  REG(0x52028308u)

/* Core, Armv8-M ARM D1.2 */
#define SCB_VTOR	  REG(0xE000ED08u)
#define SCB_AIRCR	  REG(0xE000ED0Cu)

#define HAL_UID		  0x0BFA0700u

/* The board's pins into their modes, their ports' clocks on. */
void hal_pins_start(void);

/* Wait until (*reg & mask) == value; false after budget_us (1..20000000). */
#include <stdbool.h>
bool hal_wait_flag(uintptr_t reg, uint32_t mask, uint32_t value,
		   uint32_t budget_us);

/* The moment, in TIM2 ticks, after now. */
uint32_t hal_ticks(void);
/* Wait for a moment that is at most 20 s ahead; past ones return at once. */
void hal_wait_tick(uint32_t tick);
/* Start the budget of a wait, and ask whether it is used up. */
void hal_budget_start(uint32_t budget_us);
#define HAL_BUDGET_OVER() ((TIM2(TIM_SR) & TIM_SR_CC2IF) != 0)

#endif
