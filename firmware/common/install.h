/* From a part of the image in the NOR to a program in flash. */
#ifndef FIRMWARE_COMMON_INSTALL_H
#define FIRMWARE_COMMON_INSTALL_H

#include "proto/image/image.h"
#include "proto/rules.h"

/* Open the image in the NOR and see that it is the one that the loader has
 * accepted. Anything else is FAIL code (does not return). */
void install_open_image(struct image *im, enum failure code);

/* The size of the NOR: SFDP's, else what the JEDEC id says; 0 for none. */
uint32_t install_nor_bytes(void);

/* Erase the program's place and copy its (unencrypted) part there, with STAGE
 * sentences; then hash what the flash holds. Anything wrong is FAIL code.
 * The caller appends the boot record and says INSTALLED. */
void install_copy(const struct image *im, enum layout_program program,
		  enum failure code);

/* SHA-256 over the installed program against the image; FAIL code otherwise.
 * Also checks the program's header. */
void install_verify(const struct image *im, enum layout_program program,
		    enum failure code);

/* Append the boot record, say INSTALLED, reset. */
_Noreturn void install_finish(const struct image *im,
			      enum layout_program program, enum failure code);

#endif
