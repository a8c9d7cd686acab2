@ Sleeps with WFI for ever.
	.include "start.inc"
	movs	r5, #0
1:	wfi
	adds	r5, r5, #1
	b	1b
