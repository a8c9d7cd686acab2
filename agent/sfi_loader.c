#include "agent/sfi_loader.h"

#include "agent/target/wiring.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "proto/board/layout.h"

#include <mbedtls/sha256.h>
#include <string.h>

static bool is_loader(const struct layout_program_header *h)
{
	return h->magic == LAYOUT_HEADER_MAGIC &&
	       h->program == LAYOUT_PROGRAM_LOADER &&
	       memchr(h->version, '\0', sizeof h->version) != NULL;
}

static enum err_code check(const struct dbuf *b, const char *path,
			   const char *wiring, struct err *e)
{
	struct layout_program_header h = {0};

	if (b->len >= LAYOUT_HEADER_OFFSET + sizeof h)
		memcpy(&h, b->data + LAYOUT_HEADER_OFFSET, sizeof h);
	if (!is_loader(&h))
		return err_set(e, ERR_CONFIG, "%s: no SFI loader", path);
	if (!wiring_has_program(wiring_find(wiring), h.version))
		return err_set(e, ERR_CONFIG,
			       "%s: loader %.31s is not for boards wired as %s",
			       path, h.version, wiring);
	return ERR_OK;
}

static void report(const struct dbuf *b)
{
	uint8_t hash[32];
	char hex[65];

	(void)mbedtls_sha256_ret(b->data, b->len, hash, 0);
	log_info("SFI_LOADER", "len=%zu sha256=%s", b->len,
		 hex_encode(hex, hash, sizeof(hash)));
}

enum err_code sfi_loader_read(struct dbuf *into, const char *path,
			      const char *wiring, struct err *e)
{
	enum err_code rc;

	dbuf_init(into, LAYOUT_LOADER_BYTES);
	rc = file_read(path, into, e);
	if (rc == ERR_OK)
		rc = check(into, path, wiring, e);
	if (rc != ERR_OK)
		return err_prefix(e, "sfi_loader");
	report(into);
	return ERR_OK;
}
