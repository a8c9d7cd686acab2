/* Which of two releases is older. */
#include "proto/image/compare.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Does the version's text end here? */
static bool at_end(const char *s)
{
	return *s == '\0' || *s == '+';
}

/* Numbers of any length; both moved behind. */
static int compare_numbers(const char **a, const char **b)
{
	size_t n, m;
	int order;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	n = strspn(*a, "0123456789");
	m = strspn(*b, "0123456789");
	order = n != m ? (n < m ? -1 : 1) : memcmp(*a, *b, n);
	*a += n;
	*b += m;
	return order;
}

/* How a version that ends compares with one that goes on at s: "-" and "~"
 * begin what comes before a release. */
static int end_against(const char *s)
{
	if (at_end(s))
		return 0;
	return *s == '-' || *s == '~' ? 1 : -1;
}

int image_version_compare(const char *a, const char *b)
{
	a += *a == 'v' && is_digit(a[1]);
	b += *b == 'v' && is_digit(b[1]);
	while (!at_end(a) && !at_end(b)) {
		if (is_digit(*a) && is_digit(*b)) {
			int order = compare_numbers(&a, &b);

			if (order != 0)
				return order;
			continue;
		}
		if (*a != *b) {
			/* "1.2-rc1" against "1.2.1" */
			bool pre_a = *a == '-' || *a == '~';
			bool pre_b = *b == '-' || *b == '~';

			if (pre_a != pre_b)
				return pre_a ? -1 : 1;
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		}
		a++;
		b++;
	}
	return at_end(a) ? end_against(b) : -end_against(a);
}

/* -------- downgrades -------- */

#define OLDER_HINT "do not use it; take a release that is not older"

enum err_code image_not_older_than(const struct image *after,
				   const char *version, struct err *e)
{
	if (image_version_compare(after->version, version) >= 0)
		return ERR_OK;
	err_set(e, ERR_INTEGRITY,
		"image at 0x%08x (header): release %s is older than %s",
		IMAGE_AT_VERSION, after->version, version);
	return err_hint(e, OLDER_HINT);
}

static enum err_code compare_part(const struct image_part *after,
				  const struct image_part *before,
				  struct err *e)
{
	/* the others carry a program's version, or the release's */
	if (!before || after->type > LAYOUT_PROGRAM_APP ||
	    image_version_compare(after->version, before->version) >= 0)
		return ERR_OK;
	err_set(e, ERR_INTEGRITY,
		"image at 0x%08x (%s): version %s is older than %s",
		after->offset, image_part_name(after->type), after->version,
		before->version);
	return err_hint(e, OLDER_HINT);
}

enum err_code image_not_older(const struct image *after,
			      const struct image *before, struct err *e)
{
	enum err_code rc;

	if (strcmp(after->product, before->product) != 0)
		return err_set(e, ERR_INTEGRITY,
			       "image at 0x%08x (header): product %s instead "
			       "of %s",
			       IMAGE_AT_PRODUCT, after->product,
			       before->product);
	rc = image_not_older_than(after, before->version, e);
	for (uint32_t i = 0; i < after->part_count && !rc; i++)
		rc = compare_part(&after->parts[i],
				  image_part(before, after->parts[i].type), e);
	return rc;
}
