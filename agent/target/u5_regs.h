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
#define U5_RCC_ICSCR1		 0x08u
#define U5_RCC_ICSCR1_MSIRGSEL	 0x00800000u
#define U5_RCC_ICSCR1_24MHZ	 0x10000000u /* MSISRANGE = 1 */
#define U5_RCC_ICSCR1_RANGE	 0xF0000000u
#define U5_RCC_AHB2ENR1		 0x8Cu
#define U5_RCC_AHB2ENR1_OCTOSPIM 0x00200000u
#define U5_RCC_AHB2ENR2		 0x90u
#define U5_RCC_AHB2ENR2_OCTOSPI1 0x00000010u
#define U5_GPIOA		 0x42020000u
#define U5_GPIO_STRIDE		 0x400u
#define U5_GPIO_MODER		 0x00u
#define U5_GPIO_OSPEEDR		 0x08u
#define U5_GPIO_PUPDR		 0x0Cu
#define U5_GPIO_AFRL		 0x20u

/* OCTOSPI, 28.7 */
#define U5_OCTOSPI1		 0x420D1400u
#define U5_OCTOSPI1_MAP		 0x90000000u
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
#define U5_OSPI_TCR		 0x108u
#define U5_OSPI_IR		 0x110u

#endif
