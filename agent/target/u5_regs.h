/* Registers of the STM32U585 that the agent touches. Addresses are the
 * non-secure ones; the secure alias is U5_SECURE_ALIAS higher. RM0456 Rev 6;
 * core registers from the Armv8-M Architecture Reference Manual (DDI 0553B).
 */
#ifndef AGENT_TARGET_U5_REGS_H
#define AGENT_TARGET_U5_REGS_H

#define U5_SECURE_ALIAS	       0x10000000u

/* Core debug, DDI 0553B D1.2 */
#define U5_AIRCR	       0xE000ED0Cu
#define U5_AIRCR_SYSRESETREQ   0x05FA0004u
#define U5_DHCSR	       0xE000EDF0u
#define U5_DHCSR_KEY	       0xA05F0000u
#define U5_DHCSR_C_DEBUGEN     0x00000001u
#define U5_DHCSR_C_HALT	       0x00000002u
#define U5_DHCSR_S_REGRDY      0x00010000u
#define U5_DHCSR_S_HALT	       0x00020000u
#define U5_DHCSR_S_LOCKUP      0x00080000u
#define U5_DCRSR	       0xE000EDF4u
#define U5_DCRSR_WRITE	       0x00010000u
#define U5_DCRDR	       0xE000EDF8u
#define U5_DEMCR	       0xE000EDFCu
#define U5_DEMCR_VC_CORERESET  0x00000001u
#define U5_DEMCR_VC_HARDERR    0x00000400u
#define U5_DEMCR_TRCENA	       0x01000000u
#define U5_REG_SP	       13u
#define U5_REG_LR	       14u
#define U5_REG_PC	       15u
#define U5_REG_XPSR	       16u
#define U5_REG_MASKS	       20u /* CONTROL, FAULTMASK, BASEPRI, PRIMASK */
#define U5_XPSR_THUMB	       0x01000000u

/* Identity */
#define U5_DBGMCU_IDCODE       0xE0044000u
#define U5_UID		       0x0BFA0700u
#define U5_FLASH_SIZE	       0x0BFA07A0u /* KiB, 16 bits */

#define U5_SRAM1	       0x20000000u
#define U5_SRAM1_LAST_KIB      0x2002FC00u

/* FLASH, 7.9 */
#define U5_FLASH	       0x40022000u
#define U5_FLASH_ACR	       0x00u
#define U5_FLASH_ACR_LATENCY   0x0000000Fu
#define U5_FLASH_NSKEYR	       0x08u
#define U5_FLASH_OPTKEYR       0x10u
#define U5_FLASH_NSSR	       0x20u
#define U5_FLASH_NSCR	       0x28u
#define U5_FLASH_OPTR	       0x40u
#define U5_FLASH_SECBOOTADD0R  0x4Cu
#define U5_FLASH_KEY1	       0x45670123u
#define U5_FLASH_KEY2	       0xCDEF89ABu
#define U5_FLASH_OPTKEY1       0x08192A3Bu
#define U5_FLASH_OPTKEY2       0x4C5D6E7Fu
#define U5_FLASH_CR_PG	       0x00000001u
#define U5_FLASH_CR_PER	       0x00000002u
#define U5_FLASH_CR_PNB_SHIFT  3u
#define U5_FLASH_CR_BKER       0x00000800u
#define U5_FLASH_CR_STRT       0x00010000u
#define U5_FLASH_CR_OPTSTRT    0x00020000u
#define U5_FLASH_CR_OBL_LAUNCH 0x08000000u
#define U5_FLASH_CR_OPTLOCK    0x40000000u
#define U5_FLASH_CR_LOCK       0x80000000u
#define U5_FLASH_SR_EOP	       0x00000001u
#define U5_FLASH_SR_ERRORS                                                  \
	0x000020FAu			     /* OPERR PROGERR WRPERR PGAERR \
					      * SIZERR PGSERR OPTWERR */
#define U5_FLASH_SR_BUSY	 0x00030000u /* BSY, WDW */
#define U5_OPTR_RDP		 0x000000FFu
#define U5_OPTR_TZEN		 0x80000000u
#define U5_RDP_0		 0xAAu
#define U5_RDP_0_5		 0x55u
#define U5_RDP_2		 0xCCu

/* RCC, 11.8; GPIO, 13.4 */
#define U5_RCC			 0x46020C00u
#define U5_RCC_CR		 0x00u
#define U5_RCC_CR_MSISRDY	 0x00000004u
#define U5_RCC_CR_PLL1ON	 0x01000000u
#define U5_RCC_CR_PLL1RDY	 0x02000000u
#define U5_RCC_ICSCR1		 0x08u
#define U5_RCC_ICSCR1_MSIRGSEL	 0x00800000u
#define U5_RCC_ICSCR1_24MHZ	 0x10000000u /* MSISRANGE = 1 */
#define U5_RCC_ICSCR1_RANGE	 0xF0000000u
#define U5_RCC_CFGR1		 0x1Cu
#define U5_RCC_CFGR1_SW_PLL	 0x00000003u
#define U5_RCC_CFGR1_SWS	 0x0000000Cu
#define U5_RCC_CFGR1_SWS_PLL	 0x0000000Cu
#define U5_RCC_PLL1CFGR		 0x28u
#define U5_RCC_PLL1CFGR_MSIS	 0x00000001u
#define U5_RCC_PLL1CFGR_M_SHIFT	 8u
#define U5_RCC_PLL1CFGR_MBOOST_2 0x00001000u /* booster: source / 2 */
#define U5_RCC_PLL1CFGR_REN	 0x00040000u
#define U5_RCC_PLL1DIVR		 0x34u /* N - 1 in bits 8:0 */
#define U5_RCC_PLL1DIVR_P_SHIFT	 9u
#define U5_RCC_PLL1DIVR_Q_SHIFT	 16u
#define U5_RCC_PLL1DIVR_R_SHIFT	 24u
#define U5_RCC_AHB2ENR1		 0x8Cu
#define U5_RCC_AHB2ENR1_HASH	 0x00020000u
#define U5_RCC_AHB2ENR1_OCTOSPIM 0x00200000u
#define U5_RCC_AHB2ENR2		 0x90u
#define U5_RCC_AHB2ENR2_OCTOSPI1 0x00000010u
#define U5_RCC_AHB2ENR2_OCTOSPI2 0x00000100u
#define U5_RCC_AHB3ENR		 0x94u
#define U5_RCC_AHB3ENR_PWR	 0x00000004u
#define U5_RCC_APB1ENR1		 0x9Cu
#define U5_RCC_APB1ENR1_TIM2	 0x00000001u
#define U5_GPIOA		 0x42020000u
#define U5_GPIO_STRIDE		 0x400u
#define U5_GPIO_MODER		 0x00u
#define U5_GPIO_OSPEEDR		 0x08u
#define U5_GPIO_PUPDR		 0x0Cu
#define U5_GPIO_AFRL		 0x20u
#define U5_GPIO_AFRH		 0x24u

/* OCTOSPI, 28.7 */
#define U5_OCTOSPI1		 0x420D1400u
#define U5_OCTOSPI1_MAP		 0x90000000u
#define U5_OCTOSPI2		 0x420D2400u
#define U5_OCTOSPI2_MAP		 0x70000000u
#define U5_OSPI_CR		 0x000u
#define U5_OSPI_CR_EN		 0x00000001u
#define U5_OSPI_CR_ABORT	 0x00000002u
#define U5_OSPI_CR_APMS		 0x00400000u
#define U5_OSPI_CR_WRITE	 0x00000000u /* FMODE */
#define U5_OSPI_CR_READ		 0x10000000u
#define U5_OSPI_CR_POLL		 0x20000000u
#define U5_OSPI_CR_MAP		 0x30000000u
#define U5_OSPI_DCR1		 0x008u
#define U5_OSPI_DCR1_STANDARD	 0x02000000u /* MTYP */
#define U5_OSPI_DCR1_CSHT_SHIFT	 8u
#define U5_OSPI_DCR1_SIZE_SHIFT	 16u
#define U5_OSPI_DCR2		 0x00Cu
#define U5_OSPI_SR		 0x020u
#define U5_OSPI_SR_TEF		 0x00000001u
#define U5_OSPI_SR_TCF		 0x00000002u
#define U5_OSPI_SR_SMF		 0x00000008u
#define U5_OSPI_SR_BUSY		 0x00000020u
#define U5_OSPI_FCR		 0x024u
#define U5_OSPI_FCR_ALL		 0x0000001Bu
#define U5_OSPI_DLR		 0x040u
#define U5_OSPI_AR		 0x048u
#define U5_OSPI_DR		 0x050u
#define U5_OSPI_PSMKR		 0x080u
#define U5_OSPI_PSMAR		 0x088u
#define U5_OSPI_PIR		 0x090u
#define U5_OSPI_CCR		 0x100u
#define U5_OSPI_CCR_I1		 0x00000001u /* instruction on one line */
#define U5_OSPI_CCR_A1		 0x00000100u /* address on one line */
#define U5_OSPI_CCR_A24		 0x00002000u
#define U5_OSPI_CCR_A32		 0x00003000u
#define U5_OSPI_CCR_D1		 0x01000000u /* data on one line */
#define U5_OSPI_CCR_D4		 0x03000000u /* data on four lines */
#define U5_OSPI_TCR		 0x108u
#define U5_OSPI_TCR_SSHIFT	 0x40000000u /* sample half a clock later */
#define U5_OSPI_IR		 0x110u

/* PWR, 10.10 */
#define U5_PWR			 0x46020800u
#define U5_PWR_VOSR		 0x0Cu
#define U5_PWR_VOSR_BOOSTRDY	 0x00004000u
#define U5_PWR_VOSR_VOSRDY	 0x00008000u
#define U5_PWR_VOSR_RANGE1	 0x00030000u
#define U5_PWR_VOSR_BOOSTEN	 0x00040000u

/* HASH; offsets and bits as in ST's stm32u585xx.h */
#define U5_HASH			 0x420C0400u
#define U5_HASH_CR		 0x000u
#define U5_HASH_CR_INIT		 0x00000004u
#define U5_HASH_CR_BYTES	 0x00000020u /* DATATYPE */
#define U5_HASH_CR_SHA256	 0x00060000u /* ALGO */
#define U5_HASH_DIN		 0x004u
#define U5_HASH_STR		 0x008u /* bits of the last word */
#define U5_HASH_STR_DCAL	 0x00000100u
#define U5_HASH_SR		 0x024u
#define U5_HASH_SR_DCIS		 0x00000002u
#define U5_HASH_HR		 0x310u

/* TIM2, general-purpose timers; DWT, DDI 0553B D1.2 */
#define U5_TIM2			 0x40000000u
#define U5_TIM_CR1		 0x00u
#define U5_TIM_CR1_CEN		 0x00000001u
#define U5_TIM_CR1_OPM		 0x00000008u
#define U5_TIM_SR		 0x10u
#define U5_TIM_SR_UIF		 0x00000001u
#define U5_TIM_EGR		 0x14u
#define U5_TIM_EGR_UG		 0x00000001u
#define U5_TIM_PSC		 0x28u
#define U5_TIM_ARR		 0x2Cu
#define U5_DWT_CTRL		 0xE0001000u
#define U5_DWT_CTRL_CYCCNTENA	 0x00000001u
#define U5_DWT_CYCCNT		 0xE0001004u

#endif
