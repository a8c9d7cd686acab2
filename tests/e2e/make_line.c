/* A controller's folder and a small but true image, for the REST scenario:
 *
 *   make-line DATA_DIR IMAGE RELEASE_KEY ATTEST_KEY SFI_KEY
 *
 * The programs in the image are headers and filling: nobody runs them here. */
#include "controller/controller_init.h"
#include "proto/base/file.h"
#include "proto/board/layout.h"
#include "proto/image/image_build.h"

#include <stdio.h>
#include <string.h>

static enum err_code make_program(const char *path, enum layout_program kind,
				  struct err *e)
{
	static uint8_t bytes[8192];
	struct layout_program_header head = {
		.magic = LAYOUT_HEADER_MAGIC,
		.program = (uint32_t)kind,
		.length_bytes = sizeof(bytes),
		.version = "1.0.0",
	};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + kind);
	memset(head.attest_key, 0xff, sizeof(head.attest_key));
	memcpy(bytes + LAYOUT_HEADER_OFFSET, &head, sizeof(head));
	return file_write(path, bytes, sizeof(bytes), 0644, e);
}

int main(int argc, char **argv)
{
	struct controller_init_options init = {0};
	struct image_build image = {
		.product = "gateway-u5",
		.version = "1.0.0",
		.firmware_id = "gw-1.0.0",
		.test_path = "test.bin",
		.kernel_path = "kernel.bin",
		.app_test_path = "app-test.bin",
		.app_path = "app.bin",
	};
	struct err e;

	if (argc != 6)
		return 2;
	init.dir = argv[1];
	image.release_key_path = argv[3];
	image.attest_key_path = argv[4];
	image.sfi_key_path = argv[5];
	if (controller_init(&init, &e) ||
	    make_program(image.test_path, LAYOUT_PROGRAM_TEST, &e) ||
	    make_program(image.kernel_path, LAYOUT_PROGRAM_KERNEL, &e) ||
	    make_program(image.app_test_path, LAYOUT_PROGRAM_APP_TEST, &e) ||
	    make_program(image.app_path, LAYOUT_PROGRAM_APP, &e) ||
	    image_build_file(&image, argv[2], NULL, &e))
		return err_print(stderr, "make-line", &e);
	return 0;
}
