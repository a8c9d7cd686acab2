#include "proto/card/personalise.h"

#include "proto/card/card_private.h"

#include <string.h>

#define AT_MAXIMUM SFI_FWID_BYTES
#define AT_KEY	   (SFI_FWID_BYTES + 4u)

_Static_assert(AT_KEY + KEY_SFI_BYTES == SFI_PERSONALISE_BYTES, "PERSONALISE");
_Static_assert(KEY_HASH_BYTES == SFI_FINGERPRINT_BYTES, "CHECK");

enum err_code card_content_name(struct card_content *content, const char *text,
				struct err *e)
{
	size_t len = strlen(text);
	bool fine = len >= 1 && len <= SFI_FWID_BYTES;

	for (size_t i = 0; i < len && fine; i++)
		fine = text[i] > 0x20 && text[i] <= 0x7E;
	if (!fine)
		return err_set(e, ERR_USAGE,
			       "a firmware identifier has 1 to %u printable "
			       "ASCII characters, no spaces",
			       SFI_FWID_BYTES);
	memset(content->firmware_id, 0, sizeof content->firmware_id);
	memcpy(content->firmware_id, text, len);
	return ERR_OK;
}

static enum err_code refused(unsigned sw, const char *what, struct err *e)
{
	switch (sw) {
	case SFI_SW_WRONG_STATE:
		return err_set(e, ERR_STATE,
			       "%s: the card's state does not allow it", what);
	case SFI_SW_WRONG_DATA:
		return err_set(e, ERR_CARD, "%s: the card refuses the content",
			       what);
	case 0x6D00:
		err_set(e, ERR_CARD, "%s: the card does not know the command",
			what);
		err_hint(e, "take a card with the applet of this release");
		return ERR_CARD;
	default:
		return err_set(e, ERR_CARD, "%s: status word %04X", what, sw);
	}
}

enum err_code card_fingerprint(struct card *c, uint8_t out[KEY_HASH_BYTES],
			       struct err *e)
{
	struct card_reply r;
	enum err_code rc = card_command(c, SFI_INS_CHECK, NULL, 0, true, &r, e);

	if (rc)
		return rc;
	if (r.sw != SFI_SW_OK)
		return refused(r.sw, "CHECK", e);
	if (r.len != KEY_HASH_BYTES)
		return err_set(e, ERR_CARD,
			       "CHECK: the card answers %zu bytes instead of "
			       "%u",
			       r.len, KEY_HASH_BYTES);
	memcpy(out, r.data, KEY_HASH_BYTES);
	return ERR_OK;
}

enum err_code card_compare(struct card *c, const struct card_info *info,
			   const struct card_content *content,
			   enum card_match *match, struct err *e)
{
	uint8_t has[KEY_HASH_BYTES], wanted[KEY_HASH_BYTES];
	enum err_code rc;

	*match = CARD_MATCH_NONE;
	if (info->state == CARD_BLANK)
		return ERR_OK;
	rc = card_fingerprint(c, has, e);
	if (rc)
		return rc;
	key_sfi_fingerprint(wanted, content->key);
	*match = memcmp(has, wanted, sizeof has) == 0 &&
				 memcmp(info->firmware_id, content->firmware_id,
					SFI_FWID_BYTES) == 0 &&
				 info->counter_max == content->maximum
			 ? CARD_MATCH_SAME
			 : CARD_MATCH_OTHER;
	return ERR_OK;
}

/* What the card says of itself must be what was asked for. */
static enum err_code check_card(struct card *c,
				const struct card_content *content,
				enum card_state state, struct err *e)
{
	struct card_info info;
	enum card_match match;
	enum err_code rc = card_read_info(c, &info, e);

	if (!rc)
		rc = card_compare(c, &info, content, &match, e);
	if (rc)
		return rc;
	if (match == CARD_MATCH_SAME && info.state == state &&
	    info.counter == content->maximum)
		return ERR_OK;
	err_set(e, ERR_CARD,
		"card %s says that it was done, but does not hold what it was "
		"given",
		info.serial);
	err_hint(e, "destroy the card");
	return ERR_CARD;
}

enum err_code card_write_content(struct card *c,
				 const struct card_content *content,
				 struct err *e)
{
	uint8_t data[SFI_PERSONALISE_BYTES];
	struct card_reply r;
	enum err_code rc;

	memcpy(data, content->firmware_id, SFI_FWID_BYTES);
	for (unsigned i = 0; i < 4; i++)
		data[AT_MAXIMUM + i] =
			(uint8_t)(content->maximum >> (24 - 8 * i));
	memcpy(data + AT_KEY, content->key, KEY_SFI_BYTES);
	rc = card_command(c, SFI_INS_PERSONALISE, data, sizeof data, false, &r,
			  e);
	explicit_bzero(data, sizeof data);
	if (rc)
		err_hint(e, "put the card back and give the same command "
			    "again");
	if (rc)
		return rc;
	if (r.sw != SFI_SW_OK)
		return refused(r.sw, "PERSONALISE", e);
	return check_card(c, content, CARD_PERSONALISED, e);
}

enum err_code card_lock(struct card *c, const struct card_content *content,
			struct err *e)
{
	uint8_t fingerprint[KEY_HASH_BYTES];
	struct card_reply r;
	enum err_code rc;

	key_sfi_fingerprint(fingerprint, content->key);
	rc = card_command(c, SFI_INS_LOCK, fingerprint, sizeof fingerprint,
			  false, &r, e);
	if (rc)
		err_hint(e, "put the card back and see `provline card "
			    "inspect`");
	if (rc)
		return rc;
	if (r.sw != SFI_SW_OK)
		return refused(r.sw, "LOCK", e);
	return check_card(c, content, CARD_OPERATIONAL, e);
}
