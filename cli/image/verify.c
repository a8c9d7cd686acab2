/* image verify: every byte, who signed it, and that it is no downgrade. */
#include "cli/image/image_cli.h"
#include "proto/image/compare.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

struct wish {
	const char *release_key;
	const char *not_older; /* an image or a version */
};

static enum err_code take_option(void *arg, int val, const char *value,
				 struct err *e)
{
	struct wish *w = arg;

	(void)e;
	if (val == IMAGE_OPT_NOT_OLDER)
		w->not_older = value;
	else
		w->release_key = value;
	return ERR_OK;
}

/* A version begins with a digit, a file need not. */
static bool is_version(const char *text)
{
	return access(text, F_OK) != 0 && !strchr(text, '/') &&
	       isdigit((unsigned char)text[*text == 'v']) &&
	       strlen(text) < IMAGE_TEXT_BYTES;
}

static enum err_code check_age(const struct image_file *f, const struct wish *w,
			       struct err *e)
{
	struct image_file before;
	enum err_code rc;

	if (!w->not_older)
		return ERR_OK;
	if (is_version(w->not_older)) {
		rc = image_not_older_than(&f->image, w->not_older, e);
		return rc ? err_prefix(e, "%s", f->path) : ERR_OK;
	}
	rc = image_cli_open(&before, w->not_older, w->release_key, e);
	if (rc) {
		image_file_close(&before);
		return err_prefix(e, "--not-older-than");
	}
	rc = image_not_older(&f->image, &before.image, e);
	image_file_close(&before);
	return rc ? err_prefix(e, "%s", f->path) : ERR_OK;
}

static void report(const struct cli *c, const struct image_file *f,
		   const struct wish *w)
{
	json_t *reply;

	if (!c->json) {
		printf("%s: every byte is as it was built%s%s%s\n", f->path,
		       w->release_key ? ", and signed by that key"
				      : "; signed, but --release-key did not "
					"say by whom it must be",
		       w->not_older ? "; not older than " : "",
		       w->not_older ? w->not_older : "");
		return;
	}
	reply = json_pack("{ss ss ss ss ss?}", "file", f->path, "product",
			  f->image.product, "release", f->image.version,
			  "signature",
			  w->release_key ? "verified" : "not checked",
			  "not_older_than", w->not_older);
	cli_print_json(reply);
	json_decref(reply);
}

enum err_code cmd_image_verify(struct cli *c, int argc, char **argv,
			       struct err *e)
{
	static const struct option own[] = {
		{"release-key", required_argument, NULL, IMAGE_OPT_RELEASE_KEY},
		{"not-older-than", required_argument, NULL,
		 IMAGE_OPT_NOT_OLDER},
		{0}};
	struct wish w = {0};
	struct image_file f;
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_option, &w, &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one FILE.pli");
	rc = image_cli_open(&f, argv[first], w.release_key, e);
	if (!rc)
		rc = check_age(&f, &w, e);
	if (!rc)
		report(c, &f, &w);
	image_file_close(&f);
	return rc;
}
