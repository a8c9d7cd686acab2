/* Believes nothing in the file but what the signature covers: every part is
 * read, checked, spelled anew, and the whole must have the same SHA-256. */
#include "controller/audit/evidence.h"
#include "controller/audit/evidence_tar.h"
#include "proto/base/hex.h"

#include <archive_entry.h>
#include <errno.h>
#include <mbedtls/pem.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_MAX_BYTES 16384
#define LINE_MAX_BYTES	(256u << 10)

struct checking {
	struct archive *in;
	struct evidence_tar out; /* spelled anew, into the hash */
	mbedtls_sha256_context anew;
	struct chain_key *key;
	const char *trusted_pem;
	struct follow follow;
	struct evidence_summary summary;
	json_t *certs; /* UID -> SHA-256, as the record has them */
	uint64_t cp_seq;
	char cp_hash[65], cp_signature[2 * CHAIN_SIGNATURE_BYTES + 1];
	bool has_records, has_summary;
};

static enum err_code bad(struct err *e, const char *part, const char *what)
{
	return err_set(e, ERR_INTEGRITY, "%.64s: %s", part, what);
}

/* A whole small part. */
static enum err_code read_part(struct checking *c, const char *name,
			       struct dbuf *out, struct err *e)
{
	char chunk[4096];
	la_ssize_t n;

	while ((n = archive_read_data(c->in, chunk, sizeof chunk)) > 0) {
		if (dbuf_add(out, chunk, (size_t)n))
			return bad(e, name, "too long");
	}
	return n == 0 ? ERR_OK : bad(e, name, "cannot be read");
}

static enum err_code put_part(struct checking *c, const char *name,
			      const struct dbuf *text, struct err *e)
{
	enum err_code rc = evidence_tar_part(&c->out, name, text->len, e);

	return rc ? rc : evidence_tar_data(&c->out, text->data, text->len, e);
}

/* ---- checkpoint.pem, checkpoint.json ---- */

static enum err_code take_key(struct checking *c, const char *name,
			      struct dbuf *text, struct err *e)
{
	char pem[CHAIN_KEY_PEM_SIZE];
	uint8_t hash[32];

	if (chain_key_public(&c->key, dbuf_text(text), text->len, NULL) ||
	    chain_key_pem(c->key, pem, e) || strcmp(pem, dbuf_text(text)) != 0)
		return bad(e, name, "not a public key");
	if (c->trusted_pem && strcmp(c->trusted_pem, pem) != 0)
		return bad(e, name, "not the key that is trusted");
	mbedtls_sha256_ret(text->data, text->len, hash, 0);
	hex_encode(c->summary.key_sha256, hash, sizeof hash);
	return ERR_OK;
}

static enum err_code take_checkpoint(struct checking *c, const char *name,
				     struct dbuf *text, struct err *e)
{
	json_t *j = json_loadb(dbuf_text(text), text->len, 0, NULL);
	const char *hash = "", *signature = "";
	json_int_t seq = 0;
	enum err_code rc = ERR_OK;

	if (json_unpack(j, "{sI ss ss!}", "seq", &seq, "hash", &hash,
			"signature", &signature) ||
	    seq < 1 || strlen(hash) != 64 ||
	    strlen(signature) >= sizeof c->cp_signature)
		rc = bad(e, name, "not a checkpoint");
	if (!rc) {
		c->cp_seq = (uint64_t)seq;
		strcpy(c->cp_hash, hash);
		strcpy(c->cp_signature, signature);
		dbuf_clear(text);
		rc = evidence_checkpoint_text(text, c->cp_seq, c->cp_hash,
					      c->cp_signature, e);
	}
	json_decref(j);
	return rc;
}

/* ---- records.jsonl ---- */

static enum err_code take_line(struct checking *c, const char *line, size_t len,
			       struct err *e)
{
	json_t *j = json_loadb(line, len, 0, NULL);
	const char *kind, *body, *prev, *hash;
	struct chain_leaf leaf = {0};
	json_int_t seq, at;
	struct dbuf anew;
	enum err_code rc;

	dbuf_init(&anew, LINE_MAX_BYTES);
	if (json_unpack(j, "{sI sI ss ss ss ss!}", "seq", &seq, "at", &at,
			"kind", &kind, "body", &body, "prev", &prev, "hash",
			&hash) ||
	    seq < 1) {
		json_decref(j);
		return err_set(e, ERR_INTEGRITY, "record %llu: not a record",
			       (unsigned long long)c->follow.seq + 1);
	}
	leaf = (struct chain_leaf){(uint64_t)seq, at, kind, body, strlen(body)};
	rc = follow_leaf(&c->follow, &leaf, prev, hash, e);
	if (!rc)
		rc = evidence_count(&c->summary, c->summary.lot, &leaf,
				    c->certs, e);
	if (!rc)
		rc = evidence_leaf_text(&anew, &leaf, prev, hash, e);
	if (!rc && (anew.len != len || memcmp(anew.data, line, len) != 0))
		rc = err_set(e, ERR_INTEGRITY, "record %llu: spelled otherwise",
			     (unsigned long long)seq);
	if (!rc)
		rc = evidence_tar_data(&c->out, line, len, e);
	dbuf_fini(&anew);
	json_decref(j);
	return rc;
}

static enum err_code take_lines(struct checking *c, struct dbuf *pending,
				struct err *e)
{
	const uint8_t *end;
	enum err_code rc = ERR_OK;

	while (!rc && pending->len &&
	       (end = memchr(pending->data, '\n', pending->len)) != NULL) {
		size_t len = (size_t)(end - pending->data) + 1;

		rc = take_line(c, dbuf_text(pending), len, e);
		dbuf_eat(pending, len);
	}
	return rc;
}

static enum err_code take_records(struct checking *c, const char *name,
				  uint64_t size, struct err *e)
{
	struct dbuf pending;
	char chunk[16384];
	la_ssize_t n = 0;
	enum err_code rc = evidence_tar_part(&c->out, name, size, e);

	dbuf_init(&pending, LINE_MAX_BYTES);
	while (!rc && (n = archive_read_data(c->in, chunk, sizeof chunk)) > 0) {
		rc = dbuf_add(&pending, chunk, (size_t)n);
		if (rc)
			rc = bad(e, name, "a line is too long");
		else
			rc = take_lines(c, &pending, e);
	}
	if (!rc && (n < 0 || pending.len))
		rc = bad(e, name, "cut short");
	dbuf_fini(&pending);
	c->has_records = true;
	return rc;
}

/* ---- certificates, summary ---- */

static enum err_code take_cert(struct checking *c, const char *name,
			       struct dbuf *text, struct err *e)
{
	mbedtls_pem_context pem;
	const char *want = NULL;
	char uid[64], sha256[65];
	uint8_t hash[32];
	size_t used;
	enum err_code rc = ERR_OK;

	snprintf(uid, sizeof uid, "%.24s", name + strlen("certificates/"));
	want = json_string_value(json_object_get(c->certs, uid));
	mbedtls_pem_init(&pem);
	if (mbedtls_pem_read_buffer(&pem, "-----BEGIN CERTIFICATE-----",
				    "-----END CERTIFICATE-----",
				    (const uint8_t *)dbuf_text(text), NULL, 0,
				    &used)) {
		rc = bad(e, name, "not a certificate");
	} else {
		mbedtls_sha256_ret(pem.buf, pem.buflen, hash, 0);
		hex_encode(sha256, hash, sizeof hash);
		if (!want || strcmp(want, sha256) != 0)
			rc = bad(e, name, "not the one on record");
		dbuf_clear(text);
		if (!rc)
			rc = evidence_cert_text(text, pem.buf, pem.buflen, e);
	}
	mbedtls_pem_free(&pem);
	json_object_del(c->certs, uid);
	return rc;
}

static enum err_code take_summary(struct checking *c, const char *name,
				  struct dbuf *text, struct err *e)
{
	struct dbuf anew;
	enum err_code rc;

	dbuf_init(&anew, SMALL_MAX_BYTES);
	rc = evidence_summary_text(&anew, &c->summary, e);
	if (!rc && (anew.len != text->len ||
		    memcmp(anew.data, text->data, anew.len) != 0))
		rc = bad(e, name, "does not follow from the records");
	dbuf_fini(&anew);
	c->has_summary = true;
	return rc;
}

/* ---- the file ---- */

static enum err_code take_part(struct checking *c, struct archive_entry *entry,
			       struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	struct dbuf text;
	enum err_code rc;

	if (!name || archive_entry_filetype(entry) != AE_IFREG)
		return bad(e, "evidence", "a part that is no file");
	if (strcmp(name, "records.jsonl") == 0 && c->key && c->cp_seq)
		return take_records(c, name,
				    (uint64_t)archive_entry_size(entry), e);
	dbuf_init(&text, SMALL_MAX_BYTES);
	rc = read_part(c, name, &text, e);
	if (rc)
		goto out;
	if (strcmp(name, "checkpoint.pem") == 0 && !c->key)
		rc = take_key(c, name, &text, e);
	else if (strcmp(name, "checkpoint.json") == 0 && !c->cp_seq)
		rc = take_checkpoint(c, name, &text, e);
	else if (strncmp(name, "certificates/", 13) == 0 && c->has_records)
		rc = take_cert(c, name, &text, e);
	else if (strcmp(name, "summary.json") == 0 && c->has_records)
		rc = take_summary(c, name, &text, e);
	else
		rc = bad(e, name, "a part that does not belong here");
	if (!rc)
		rc = put_part(c, name, &text, e);
out:
	dbuf_fini(&text);
	return rc;
}

/* The lot's name stands in the summary, the last part, but counting needs it
 * from the first record on. */
static enum err_code find_lot(struct checking *c, const char *path,
			      struct err *e)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	char text[1024] = "";
	json_t *j = NULL;
	const char *lot = NULL;

	archive_read_support_format_tar(a);
	if (archive_read_open_filename(a, path, 65536) == ARCHIVE_OK) {
		while (archive_read_next_header(a, &entry) == ARCHIVE_OK) {
			const char *name = archive_entry_pathname(entry);

			if (name && strcmp(name, "summary.json") == 0)
				(void)archive_read_data(a, text,
							sizeof text - 1);
		}
	}
	archive_read_free(a);
	j = json_loads(text, 0, NULL);
	lot = json_string_value(json_object_get(j, "lot"));
	if (lot)
		snprintf(c->summary.lot, sizeof c->summary.lot, "%s", lot);
	json_decref(j);
	return lot ? ERR_OK
		   : err_set(e, ERR_MALFORMED, "%s: no evidence of a lot",
			     path);
}

static enum err_code take_all(struct checking *c, struct err *e)
{
	uint8_t signature[CHAIN_SIGNATURE_BYTES];
	struct archive_entry *entry;
	size_t len;
	int rv;
	enum err_code rc = ERR_OK;

	while (!rc &&
	       (rv = archive_read_next_header(c->in, &entry)) == ARCHIVE_OK)
		rc = take_part(c, entry, e);
	if (rc)
		return rc;
	if (rv != ARCHIVE_EOF || !c->has_records || !c->has_summary)
		return bad(e, "evidence", "incomplete");
	if (json_object_size(c->certs))
		return bad(e, json_object_iter_key(json_object_iter(c->certs)),
			   "the certificate on record is missing");
	len = strlen(c->cp_signature) / 2;
	if (!hex_decode(signature, len, c->cp_signature))
		return bad(e, "checkpoint.json", "no signature");
	return follow_checkpoint(&c->follow, c->key, c->cp_seq, c->cp_hash,
				 signature, len, e);
}

static enum err_code hash_file(const char *path, uint8_t hash[32],
			       struct err *e)
{
	mbedtls_sha256_context c;
	uint8_t chunk[65536];
	FILE *f = fopen(path, "rb");
	size_t n;
	bool ok;

	if (!f)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	mbedtls_sha256_init(&c);
	mbedtls_sha256_starts_ret(&c, 0);
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		mbedtls_sha256_update_ret(&c, chunk, n);
	mbedtls_sha256_finish_ret(&c, hash);
	mbedtls_sha256_free(&c);
	ok = !ferror(f);
	fclose(f);
	return ok ? ERR_OK : err_set(e, ERR_IO, "%s: cannot be read", path);
}

static enum err_code into_hash(void *arg, const void *data, size_t len,
			       struct err *e)
{
	(void)e;
	mbedtls_sha256_update_ret(arg, data, len);
	return ERR_OK;
}

static enum err_code check(struct checking *c, const char *path, struct err *e)
{
	uint8_t whole[32], anew[32];
	enum err_code rc = evidence_tar_open(&c->out, into_hash, &c->anew, e);
	enum err_code rc2;

	if (rc)
		return rc;
	archive_read_support_format_tar(c->in);
	if (archive_read_open_filename(c->in, path, 65536) != ARCHIVE_OK)
		rc = err_set(e, ERR_MALFORMED, "%s: %s", path,
			     archive_error_string(c->in));
	if (!rc)
		rc = take_all(c, e);
	rc2 = evidence_tar_close(&c->out, !rc, rc ? NULL : e);
	rc = rc ? rc : rc2;
	if (!rc)
		rc = hash_file(path, whole, e);
	mbedtls_sha256_finish_ret(&c->anew, anew);
	if (!rc && memcmp(whole, anew, sizeof whole) != 0)
		rc = bad(e, "evidence", "bytes between its parts were changed");
	return rc;
}

enum err_code evidence_verify(const char *path, const char *trusted_pem,
			      struct evidence_summary *out, struct err *e)
{
	struct checking c = {.trusted_pem = trusted_pem};
	uint8_t hash[32];
	enum err_code rc = hash_file(path, hash, e);

	if (!rc)
		rc = find_lot(&c, path, e);
	if (rc)
		return rc;
	c.certs = json_object();
	c.in = archive_read_new();
	mbedtls_sha256_init(&c.anew);
	mbedtls_sha256_starts_ret(&c.anew, 0);
	rc = check(&c, path, e);
	mbedtls_sha256_free(&c.anew);
	archive_read_free(c.in);
	json_decref(c.certs);
	chain_key_close(c.key);
	if (!rc)
		*out = c.summary;
	return rc;
}
