#include "controller/line/release.h"

#include <string.h>

static const char *const names[] = {"imported", "approved", "retired"};

const char *release_state_name(enum release_state s)
{
	return (unsigned)s < RELEASE_STATE_COUNT ? names[s] : "";
}

bool release_state_parse(const char *name, enum release_state *s)
{
	for (unsigned i = 0; i < RELEASE_STATE_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*s = (enum release_state)i;
			return true;
		}
	}
	return false;
}

enum err_code release_approve_check(enum release_state s, const char *importer,
				    const char *who, struct err *e)
{
	if (s != RELEASE_IMPORTED)
		return err_set(e, ERR_STATE, "the image is %s already",
			       release_state_name(s));
	if (strcmp(importer, who) != 0)
		return ERR_OK;
	err_set(e, ERR_REFUSED,
		"an image is approved by another person than imported it");
	err_hint(e, "ask a second engineer");
	return ERR_REFUSED;
}

enum err_code release_retire_check(enum release_state s, const char *open_lot,
				   struct err *e)
{
	if (s == RELEASE_RETIRED)
		return err_set(e, ERR_STATE, "the image is retired already");
	if (!open_lot)
		return ERR_OK;
	err_set(e, ERR_STATE, "lot %.32s has this image and is not closed",
		open_lot);
	err_hint(e, "close the lot first");
	return ERR_STATE;
}

enum err_code release_use_check(enum release_state s, struct err *e)
{
	if (s == RELEASE_APPROVED)
		return ERR_OK;
	if (s == RELEASE_RETIRED)
		return err_set(e, ERR_STATE, "the image is retired");
	err_set(e, ERR_STATE, "the image waits for a second person's approval");
	err_hint(e, "see provline image approve");
	return ERR_STATE;
}
