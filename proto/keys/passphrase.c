/* Passphrases: from files, from standard input, or from a person at the
 * terminal. OpenSSL's prompt turns the echo off, and on again whatever signal
 * comes. */
#include "proto/base/openssl_names.h"

#include "proto/keys/key_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS 3

static enum err_code first_line(struct secret *s, const char *what,
				struct err *e)
{
	const uint8_t *end = memchr(s->bytes, '\n', s->len);

	if (end)
		s->len = (size_t)(end - s->bytes);
	if (s->len && s->bytes[s->len - 1] == '\r')
		s->len--;
	if (!s->len || s->len > KEY_PASSPHRASE_MAX_CHARS) {
		secret_fini(s);
		return err_set(e, ERR_INPUT,
			       "%s: no passphrase of 1 to %d characters", what,
			       KEY_PASSPHRASE_MAX_CHARS);
	}
	return ERR_OK;
}

/* One line, and not a byte more of what follows. */
static enum err_code read_stdin(struct secret *s, struct err *e)
{
	ssize_t n = 1;

	while (s->len < sizeof s->bytes) {
		n = read(STDIN_FILENO, s->bytes + s->len, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || s->bytes[s->len] == '\n')
			break;
		s->len++;
	}
	if (n < 0)
		return err_set_errno(e, ERR_IO, errno, "standard input");
	return ERR_OK;
}

enum err_code key_unlock_add(struct key_unlock *u, const char *path,
			     struct err *e)
{
	struct secret *s;
	enum err_code rc;

	if (u->count == KEY_PASSPHRASES_MAX)
		return err_set(e, ERR_USAGE, "more than %u passphrases",
			       KEY_PASSPHRASES_MAX);
	s = &u->passphrases[u->count];
	secret_fini(s);
	if (strcmp(path, "-") == 0) {
		path = "standard input";
		rc = read_stdin(s, e);
	} else
		rc = secret_load(s, path, e);
	if (!rc)
		rc = first_line(s, path, e);
	if (!rc)
		u->count++;
	return rc;
}

void key_unlock_fini(struct key_unlock *u)
{
	explicit_bzero(u, sizeof *u);
}

/* -------- the terminal -------- */

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static enum err_code ask(struct secret *s, const char *prompt, bool twice,
			 struct err *e)
{
	char text[KEY_PASSPHRASE_MAX_CHARS + 2];
	enum err_code rc;

	if (EVP_read_pw_string_min(text, 0, KEY_PASSPHRASE_MAX_CHARS + 1,
				   prompt, twice) != 0)
		rc = err_set(e, ERR_CANCELLED,
			     twice ? "no passphrase, or not the same twice"
				   : "nothing was typed");
	else
		rc = secret_set(s, text, strlen(text), e);
	explicit_bzero(text, sizeof text);
	return rc;
}

enum err_code key_ask(struct secret *s, const char *prompt, const char *hint,
		      struct err *e)
{
	if (has_terminal())
		return ask(s, prompt, false, e);
	err_set(e, ERR_UNAUTHORISED, "there is no terminal to ask on");
	err_hint(e, "%s", hint);
	return ERR_UNAUTHORISED;
}

/* Of UTF-8: two pictures of four bytes each are no eight characters. */
static int characters(const struct secret *s)
{
	int n = 0;

	for (size_t i = 0; i < s->len; i++)
		n += (s->bytes[i] & 0xC0) != 0x80;
	return n;
}

static enum err_code check_new(const struct secret *s, struct err *e)
{
	if (characters(s) >= KEY_PASSPHRASE_MIN_CHARS)
		return ERR_OK;
	err_set(e, ERR_INPUT, "the passphrase has fewer than %d characters",
		KEY_PASSPHRASE_MIN_CHARS);
	err_hint(e, "take several words");
	return ERR_INPUT;
}

enum err_code key_passphrase_new(struct secret *s, const struct key_unlock *u,
				 const char *path, struct err *e)
{
	char prompt[300];
	enum err_code rc;

	if (u->count)
		rc = secret_set(s, u->passphrases[0].bytes,
				u->passphrases[0].len, e);
	else if (has_terminal()) {
		snprintf(prompt, sizeof prompt,
			 "New passphrase for %s: ", path);
		rc = ask(s, prompt, true, e);
	} else {
		err_set(e, ERR_UNAUTHORISED, "%s: needs a passphrase", path);
		err_hint(e, "give --passphrase-file, or --no-passphrase "
			    "for a trial");
		return ERR_UNAUTHORISED;
	}
	if (!rc)
		rc = check_new(s, e);
	return rc;
}

static enum err_code wrong(const char *path, struct err *e)
{
	err_set(e, ERR_UNAUTHORISED, "%s: the passphrase does not open it",
		path);
	err_hint(e, "check the passphrase; a damaged file looks the same");
	return ERR_UNAUTHORISED;
}

static enum err_code try_terminal(const char *path, key_try_fn *fn, void *arg,
				  struct err *e)
{
	struct secret s = {0};
	char prompt[300];
	enum err_code rc;
	bool fits = false;

	snprintf(prompt, sizeof prompt, "Passphrase for %s: ", path);
	for (int i = 0; i < ATTEMPTS && !fits; i++) {
		rc = ask(&s, prompt, false, e);
		if (rc)
			return rc;
		fits = fn(arg, &s);
		secret_fini(&s);
	}
	return fits ? ERR_OK : wrong(path, e);
}

enum err_code key_try_all(const char *path, const struct key_unlock *u,
			  key_try_fn *fn, void *arg, struct err *e)
{
	if (u && !u->count && has_terminal())
		return try_terminal(path, fn, arg, e);
	if (!u || !u->count) {
		err_set(e, ERR_UNAUTHORISED, "%s: needs a passphrase", path);
		err_hint(e, "give --passphrase-file");
		return ERR_UNAUTHORISED;
	}
	for (unsigned i = 0; i < u->count; i++)
		if (fn(arg, &u->passphrases[i]))
			return ERR_OK;
	return wrong(path, e);
}
