@ Program a quad-word of flash and read it back; then store without unlocking
@ again. RESULT: status, the four words, status of the second try.
	.include "start.inc"
	ldi	r4, RESULT
	ldi	r0, 0x40022000
	ldi	r1, 0x45670123
	str	r1, [r0, #8]
	ldi	r1, 0xCDEF89AB
	str	r1, [r0, #8]
	movs	r1, #1
	str	r1, [r0, #0x28]
	ldi	r2, 0x08040000
	ldi	r3, 0x11111111
	str	r3, [r2, #0]
	ldi	r3, 0x22222222
	str	r3, [r2, #4]
	ldi	r3, 0x33333333
	str	r3, [r2, #8]
	ldi	r3, 0x44444444
	str	r3, [r2, #12]
1:	ldr	r1, [r0, #0x20]
	tst	r1, #0x10000
	bne	1b
	str	r1, [r4, #0]
	ldr	r1, [r2, #0]
	str	r1, [r4, #4]
	ldr	r1, [r2, #4]
	str	r1, [r4, #8]
	ldr	r1, [r2, #8]
	str	r1, [r4, #12]
	ldr	r1, [r2, #12]
	str	r1, [r4, #16]
	ldi	r1, 0x80000000
	str	r1, [r0, #0x28]
	str	r3, [r2, #16]
	nop
	b	2f
2:	ldr	r1, [r0, #0x20]
	str	r1, [r4, #20]
	ldr	r1, [r2, #16]
	str	r1, [r4, #24]
	bkpt	#0
