@ The same second by polling TIM2's counter at 1 MHz, with a difference.
	.include "start.inc"
	run_at_160_mhz
	enable	0x9C, 1
	ldi	r4, RESULT
	ldi	r0, 0x40000000
	movs	r2, #159
	str	r2, [r0, #0x28]
	movs	r1, #1
	str	r1, [r0, #0x14]
	str	r1, [r0, #0]
	ldi	r3, 1000000
	movs	r5, #0
2:	ldr	r2, [r0, #0x24]
1:	ldr	r1, [r0, #0x24]
	subs	r1, r1, r2
	cmp	r1, r3
	blo	1b
	adds	r5, r5, #1
	str	r5, [r4]
	b	2b
