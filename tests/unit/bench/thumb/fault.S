@ Reads where nothing is.
	.include "start.inc"
	ldi	r0, 0x60000000
	ldr	r1, [r0, #4]
	b	.
