/* Any bytes as the answer of an EST server to any request: two bytes of length,
 * the request (DER) of that length, the answer's body. A body that begins as
 * DER does is put into base64 first. */
#include "proto/base/openssl_names.h"

#include "controller/enrol/est_reply.h"
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>
#include <string.h>

struct input {
	const uint8_t *csr;
	size_t csr_len;
	const char *body;
	size_t len;
};

static void ask_for_certificate(const struct input *in)
{
	struct enrol_reply reply = {0};
	struct err e = {0};
	struct dbuf cert;
	enum err_code rc;

	dbuf_init(&cert, ENROL_CERT_MAX_BYTES);
	rc = est_reply_certificate(in->body, in->len, in->csr, in->csr_len,
				   &cert, &reply, &e);
	CHECK(rc == ERR_OK || (rc == ERR_CLOUD && e.text[0] && !cert.len));
	if (!rc) {
		CHECK(cert.len > 0 && cert.len <= ENROL_CERT_MAX_BYTES);
		CHECK(strspn(reply.cert_sha256, "0123456789abcdef") == 64);
		CHECK(reply.cert_serial[0] && reply.cert_issuer[0]);
		CHECK(!reply.cert_serial[strspn(reply.cert_serial,
						"0123456789abcdef")]);
		for (const char *p = reply.cert_issuer; *p; p++)
			CHECK(*p >= 0x20 && *p < 0x7f);
	}
	dbuf_fini(&cert);
}

static void ask_for_ca(const struct input *in)
{
	struct err e = {0};
	struct dbuf pem;
	enum err_code rc;

	dbuf_init(&pem, ENROL_REPLY_MAX_BYTES);
	rc = est_reply_ca_certs(in->body, in->len, &pem, &e);
	CHECK(rc ? e.text[0]
		 : strstr(dbuf_text(&pem), "BEGIN CERTIFICATE") != NULL);
	dbuf_fini(&pem);
}

static void ask_when(const struct input *in)
{
	char value[64];
	int s;

	snprintf(value, sizeof value, "%.*s", (int)(in->len & 63), in->body);
	s = est_retry_after_s(value, 1767225600000);
	CHECK(s >= -1 && s <= 3600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.csr = data + 2};
	char *body;

	if (size < 2 || (size_t)(data[0] << 8 | data[1]) > size - 2)
		return 0;
	in.csr_len = (size_t)(data[0] << 8 | data[1]);
	data += 2 + in.csr_len;
	size -= 2 + in.csr_len;
	body = malloc(2 * size + 8);
	CHECK(body);
	if (size > 1 && data[0] == 0x30 && data[1] >= 0x80)
		size = (size_t)EVP_EncodeBlock((uint8_t *)body, data,
					       (int)size);
	else
		memcpy(body, data, size);
	in.body = body;
	in.len = size;
	ask_for_certificate(&in);
	ask_for_ca(&in);
	ask_when(&in);
	free(body);
	return 0;
}
