/* The card's file: one JSON object with exactly the fields below. */
#include "bench/card/card_private.h"

#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CARD_FILE_MAX_BYTES 4096
#define FORMAT_NAME	    "provline-sfi-card-2"

static const char *const states[] = {
	[SFI_STATE_BLANK] = "blank",
	[SFI_STATE_OPERATIONAL] = "operational",
	[SFI_STATE_PERSONALISED] = "personalised",
};

static bool printable(const char *text, size_t min, size_t max)
{
	size_t len = strlen(text);

	if (len < min || len > max)
		return false;
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static enum err_code check_blank(const struct card_memory *m, struct err *e)
{
	static const uint8_t zero[SFI_KEY_NONCE_BYTES];

	if (m->fwid[0] || m->maximum || m->counter ||
	    memcmp(m->key_nonce, zero, sizeof zero) != 0)
		return err_set(e, ERR_INPUT, "a blank card holds nothing");
	return ERR_OK;
}

enum err_code card_memory_check(const struct card_memory *m, struct err *e)
{
	if (!printable(m->serial, SFI_CARD_SERIAL_BYTES, SFI_CARD_SERIAL_BYTES))
		return err_set(e, ERR_INPUT,
			       "the serial must be %u printable characters",
			       SFI_CARD_SERIAL_BYTES);
	if (m->state == SFI_STATE_BLANK)
		return check_blank(m, e);
	if (!printable(m->fwid, 1, SFI_FWID_BYTES))
		return err_set(
			e, ERR_INPUT,
			"the firmware id must be 1 to %u printable characters",
			SFI_FWID_BYTES);
	if (m->maximum == 0 || m->counter > m->maximum)
		return err_set(e, ERR_INPUT,
			       "the counter must be within the maximum, and "
			       "the maximum at least 1");
	return ERR_OK;
}

static json_t *memory_to_json(const struct card_memory *m)
{
	char key[2 * SFI_KEY_NONCE_BYTES + 1], maker[2 * SFI_PUBLIC_BYTES + 1];
	json_t *root = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "format",
		FORMAT_NAME, "serial", m->serial, "firmware_id", m->fwid,
		"key_nonce", hex_encode(key, m->key_nonce, sizeof m->key_nonce),
		"maker",
		hex_encode(maker, m->maker_public, sizeof m->maker_public),
		"maximum", (json_int_t)m->maximum, "counter",
		(json_int_t)m->counter, "state", states[m->state]);

	explicit_bzero(key, sizeof key);
	return root;
}

enum err_code card_memory_save(const char *path, const struct card_memory *m,
			       struct err *e)
{
	json_t *root = memory_to_json(m);
	char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	enum err_code rc;

	json_decref(root);
	if (!text)
		return err_set(e, ERR_NO_MEMORY, "%s", path);
	rc = file_write(path, text, strlen(text), 0600, e);
	explicit_bzero(text, strlen(text));
	free(text);
	return rc;
}

static bool take_state(const char *text, uint8_t *state)
{
	for (*state = 0; *state < sizeof states / sizeof *states; ++*state)
		if (strcmp(states[*state], text) == 0)
			return true;
	return false;
}

static bool memory_from_json(json_t *root, struct card_memory *m)
{
	const char *format, *serial, *fwid, *key, *maker, *state;
	json_int_t maximum, counter;

	if (json_unpack(root, "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s !}",
			"format", &format, "serial", &serial, "firmware_id",
			&fwid, "key_nonce", &key, "maker", &maker, "maximum",
			&maximum, "counter", &counter, "state", &state) ||
	    !take_state(state, &m->state) || strcmp(format, FORMAT_NAME) != 0 ||
	    strlen(serial) >= sizeof m->serial ||
	    strlen(fwid) >= sizeof m->fwid || maximum < 0 ||
	    maximum > UINT32_MAX || counter < 0 || counter > UINT32_MAX ||
	    !hex_decode(m->key_nonce, sizeof m->key_nonce, key) ||
	    !hex_decode(m->maker_public, sizeof m->maker_public, maker))
		return false;
	strcpy(m->serial, serial);
	strcpy(m->fwid, fwid);
	m->maximum = (uint32_t)maximum;
	m->counter = (uint32_t)counter;
	return true;
}

enum err_code card_memory_load(const char *path, struct card_memory *m,
			       struct err *e)
{
	struct dbuf text;
	json_t *root = NULL;
	enum err_code rc;

	dbuf_init(&text, CARD_FILE_MAX_BYTES);
	rc = file_read(path, &text, e);
	if (rc)
		goto out;
	root = json_loadb((const char *)dbuf_text(&text), text.len,
			  JSON_REJECT_DUPLICATES, NULL);
	if (!root || !memory_from_json(root, m))
		rc = err_set(e, ERR_INPUT, "%s: not an SFI card file", path);
	else if ((rc = card_memory_check(m, e)))
		err_prefix(e, "%s", path);
out:
	json_decref(root);
	if (text.data)
		explicit_bzero(text.data, text.len);
	dbuf_fini(&text);
	return rc;
}

enum err_code card_make(const char *path, const struct card_memory *m,
			struct err *e)
{
	enum err_code rc = card_memory_check(m, e);

	if (rc)
		return rc;
	if (access(path, F_OK) == 0) {
		rc = err_set(e, ERR_EXISTS, "%s is a card already", path);
		err_hint(e, "choose another file name");
		return rc;
	}
	return card_memory_save(path, m, e);
}
