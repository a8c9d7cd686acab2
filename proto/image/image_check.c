/* The reader over bytes in memory, with errors for people. Host only. */
#include "proto/image/image_build.h"

#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

static bool read_bytes(void *arg, uint32_t offset, void *buf, size_t len)
{
	const struct bytes *b = arg;

	if (offset > b->len || len > b->len - offset)
		return false;
	memcpy(buf, b->data + offset, len);
	return true;
}

enum err_code image_fault_err(const struct image_fault *f, struct err *e)
{
	enum err_code code = f->error == IMAGE_IO ? ERR_IO : ERR_INTEGRITY;

	return err_set(e, code, "image at 0x%08x (%s): %s", f->offset,
		       image_part_name(f->part), image_error_text(f->error));
}

enum err_code image_check_bytes(struct image *im, const uint8_t *bytes,
				size_t len, struct err *e)
{
	struct bytes b = {bytes, len};
	struct image_fault f = {IMAGE_OK, 0, 0};
	enum image_error error = image_open(im, read_bytes, &b, len, &f);

	if (error == IMAGE_OK && len != im->image_bytes)
		return err_set(e, ERR_INTEGRITY,
			       "image at 0x%08x: %zu bytes behind its end",
			       im->image_bytes, len - im->image_bytes);
	if (error == IMAGE_OK)
		error = image_verify_all(im, &f);
	/* the reader's argument ends with this call */
	im->read = NULL;
	im->read_arg = NULL;
	return error == IMAGE_OK ? ERR_OK : image_fault_err(&f, e);
}
