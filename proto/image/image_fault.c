#include "proto/image/image_fault.h"

enum err_code image_fault_err(const struct image_fault *f, struct err *e)
{
	enum err_code code = f->error == IMAGE_IO ? ERR_IO : ERR_INTEGRITY;

	return err_set(e, code, "image at 0x%08x (%s): %s", f->offset,
		       image_part_name(f->part), image_error_text(f->error));
}
