@ Counts for ever: a busy CPU, and a place for breakpoints.
	.include "start.inc"
	ldi	r4, RESULT
	movs	r5, #0
1:	adds	r5, r5, #1
	str	r5, [r4]
	b	1b
