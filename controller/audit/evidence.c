/* The one spelling of every part of evidence. */
#include "controller/audit/evidence.h"

#include <mbedtls/pem.h>
#include <stdlib.h>
#include <string.h>

static enum err_code add_json(struct dbuf *out, json_t *json, struct err *e)
{
	char *text =
		json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	enum err_code rc;

	json_decref(json);
	if (!text)
		return err_set(e, ERR_NO_MEMORY, "evidence");
	rc = dbuf_addf(out, "%s\n", text);
	free(text);
	return rc ? err_set(e, rc, "evidence") : ERR_OK;
}

enum err_code evidence_leaf_text(struct dbuf *out, const struct chain_leaf *l,
				 const char *prev, const char *hash,
				 struct err *e)
{
	return add_json(out,
			json_pack("{sI sI ss ss ss ss}", "seq",
				  (json_int_t)l->seq, "at",
				  (json_int_t)l->at_ms, "kind", l->kind, "body",
				  l->body, "prev", prev, "hash", hash),
			e);
}

enum err_code evidence_summary_text(struct dbuf *out,
				    const struct evidence_summary *s,
				    struct err *e)
{
	return add_json(out,
			json_pack("{ss sI sI sI sI sI sI sI sI}", "lot", s->lot,
				  "first_seq", (json_int_t)s->first_seq,
				  "last_seq", (json_int_t)s->last_seq,
				  "attempts", (json_int_t)s->attempts, "passed",
				  (json_int_t)s->passed, "failed",
				  (json_int_t)s->failed, "indeterminate",
				  (json_int_t)s->indeterminate, "licences",
				  (json_int_t)s->licences, "certificates",
				  (json_int_t)s->certificates),
			e);
}

enum err_code evidence_checkpoint_text(struct dbuf *out, uint64_t seq,
				       const char *hash,
				       const char *signature_hex, struct err *e)
{
	return add_json(out,
			json_pack("{sI ss ss}", "seq", (json_int_t)seq, "hash",
				  hash, "signature", signature_hex),
			e);
}

enum err_code evidence_cert_text(struct dbuf *out, const uint8_t *der,
				 size_t der_len, struct err *e)
{
	unsigned char pem[8192];
	size_t len = 0;

	if (mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n",
				     "-----END CERTIFICATE-----\n", der,
				     der_len, pem, sizeof pem, &len))
		return err_set(e, ERR_TOO_BIG, "certificate");
	/* len counts the NUL */
	return dbuf_add(out, pem, len - 1) ? err_set(e, ERR_NO_MEMORY, "pem")
					   : ERR_OK;
}

static const char *text_of(const json_t *body, const char *key)
{
	const char *text = json_string_value(json_object_get(body, key));

	return text ? text : "";
}

static void count_result(struct evidence_summary *s, const json_t *body)
{
	const char *outcome = text_of(body, "outcome");

	s->attempts++;
	s->passed += strcmp(outcome, "pass") == 0;
	s->failed += strcmp(outcome, "fail") == 0;
	s->indeterminate += strcmp(outcome, "indeterminate") == 0;
}

enum err_code evidence_count(struct evidence_summary *s, const char *lot,
			     const struct chain_leaf *leaf, json_t *certs,
			     struct err *e)
{
	json_t *body = json_loadb(leaf->body, leaf->body_len, 0, NULL);

	if (!json_is_object(body)) {
		json_decref(body);
		return err_set(e, ERR_INTEGRITY,
			       "record %llu: its body is no object",
			       (unsigned long long)leaf->seq);
	}
	if (!s->first_seq)
		s->first_seq = leaf->seq;
	s->last_seq = leaf->seq;
	if (strcmp(text_of(body, "lot"), lot) == 0) {
		if (strcmp(leaf->kind, "result") == 0)
			count_result(s, body);
		s->licences += strcmp(leaf->kind, "licence") == 0;
		if (strcmp(leaf->kind, "certificate") == 0) {
			s->certificates++;
			if (certs)
				json_object_set(
					certs, text_of(body, "uid"),
					json_object_get(body, "cert_sha256"));
		}
	}
	json_decref(body);
	return ERR_OK;
}
