@ Copies PE4 to PB0 for ever: waits for an edge by EXTI's pending flags.
	.include "start.inc"
	run_at_160_mhz
	enable	0x8C, 0x12
	ldi	r0, 0x42020400
	ldr	r1, [r0, #0]
	bic	r1, r1, #3
	orr	r1, r1, #1
	movs	r2, #1
	str	r2, [r0, #0x18]
	str	r1, [r0, #0]
	ldi	r3, 0x42021000
	ldr	r1, [r3, #0]
	bic	r1, r1, #0x300
	str	r1, [r3, #0]
	ldi	r6, 0x46022000
	movs	r1, #4
	str	r1, [r6, #0x64]
	movs	r1, #0x10
	str	r1, [r6, #0]
	str	r1, [r6, #4]
1:	ldr	r1, [r6, #0x0C]
	ldr	r2, [r6, #0x10]
	orrs	r1, r1, r2
	tst	r1, #0x10
	beq	1b
	movs	r1, #0x10
	str	r1, [r6, #0x0C]
	str	r1, [r6, #0x10]
	ldr	r1, [r3, #0x10]
	lsrs	r1, r1, #4
	ands	r1, r1, #1
	str	r1, [r0, #0x14]
	b	1b
