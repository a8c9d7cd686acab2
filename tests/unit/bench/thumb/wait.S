@ At 160 MHz, wait one second for TIM2's update flag; then the number of
@ waits done goes to RESULT.
	.include "start.inc"
	run_at_160_mhz
	enable	0x9C, 1
	ldi	r4, RESULT
	ldi	r0, 0x40000000
	ldi	r1, 159999
	ldi	r2, 15999
	str	r2, [r0, #0x28]
	movw	r1, #9999
	str	r1, [r0, #0x2C]
	movs	r1, #1
	str	r1, [r0, #0x14]
	movs	r5, #0
	str	r5, [r0, #0x10]
	str	r1, [r0, #0]
1:	ldr	r1, [r0, #0x10]
	tst	r1, #1
	beq	1b
	movs	r1, #0
	str	r1, [r0, #0x10]
	adds	r5, r5, #1
	str	r5, [r4]
	b	1b
