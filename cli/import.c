#include "cli/import.h"

#include "cli/image/image_cli.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/mono.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (1u << 20)
#define AGAIN_MS    250

struct import {
	struct rest *rest;
	const struct import_options *options;
	struct import_result *result;
	struct image_file file;
	uint64_t offset; /* what the controller has */
	size_t chunk_bytes;
	bool reached; /* the controller answered once */
	struct mono patience;
	uint8_t *chunk;
};

static enum err_code cannot_read(const struct import *im, struct err *e)
{
	return err_set(e, ERR_IO, "%s: it cannot be read", im->options->path);
}

/* ---- the file ---- */

/* What the controller would refuse at the end is refused before the start. */
static enum err_code check_file(struct import *im, struct err *e)
{
	struct import_result *r = im->result;
	uint8_t hash[IMAGE_HASH_BYTES];
	enum err_code rc = image_cli_open(&im->file, im->options->path,
					  im->options->release_key, e);

	if (rc)
		return rc;
	r->len_bytes = im->file.len_bytes;
	if (!image_window_sha256(&im->file.window, 0,
				 im->file.image.image_bytes, hash))
		return cannot_read(im, e);
	hex_encode(r->sha256, hash, sizeof hash);
	return ERR_OK;
}

/* ---- the way there ---- */

/* Where it is: anything further is worth more patience. */
static void got_to(struct import *im, uint64_t offset)
{
	if (!im->reached || offset != im->offset)
		im->patience = mono_after_ms(IMPORT_PATIENCE_MS);
	im->reached = true;
	im->offset = offset;
	if (im->options->progress)
		im->options->progress(im->options->arg, offset,
				      im->result->len_bytes);
}

static enum err_code take_offset(struct import *im, const json_t *reply,
				 struct err *e)
{
	json_int_t offset =
		json_integer_value(json_object_get(reply, "offset"));

	if (offset < 0 || (uint64_t)offset > im->result->len_bytes)
		return err_set(e, ERR_MALFORMED,
			       "the controller's answer: no offset");
	got_to(im, (uint64_t)offset);
	return ERR_OK;
}

static void take_limit(struct import *im, const json_t *reply)
{
	json_int_t most =
		json_integer_value(json_object_get(reply, "chunk_max_bytes"));

	im->chunk_bytes = CHUNK_BYTES;
	if (most > 0 && most < CHUNK_BYTES)
		im->chunk_bytes = (size_t)most;
}

static enum err_code begin(struct import *im, struct err *e)
{
	struct import_result *r = im->result;
	json_t *body = json_pack("{ss sI}", "sha256", r->sha256, "len_bytes",
				 (json_int_t)r->len_bytes);
	json_t *reply = NULL;
	enum err_code rc =
		rest_call(im->rest, "POST", "/images/uploads", body, &reply, e);

	json_decref(body);
	if (!rc)
		rc = take_offset(im, reply, e);
	if (!rc && json_is_true(json_object_get(reply, "known"))) {
		/* also when an earlier try was cut off behind its end */
		r->known = r->sent_bytes == 0;
		r->image = json_incref(json_object_get(reply, "image"));
	}
	if (!rc)
		take_limit(im, reply);
	json_decref(reply);
	return rc;
}

static enum err_code send_chunk(struct import *im, struct err *e)
{
	struct import_result *r = im->result;
	uint64_t left = r->len_bytes - im->offset;
	size_t n = left < im->chunk_bytes ? (size_t)left : im->chunk_bytes;
	json_t *reply = NULL;
	enum err_code rc;
	char path[160];

	if (!file_read_at(im->file.window.fd, im->offset, im->chunk, n))
		return cannot_read(im, e);
	snprintf(path, sizeof path, "/images/uploads/%s?offset=%" PRIu64,
		 r->sha256, im->offset);
	rc = rest_patch(im->rest, path, im->chunk, n, &reply, e);
	if (!rc) {
		r->sent_bytes += n;
		rc = take_offset(im, reply, e);
	}
	json_decref(reply);
	return rc;
}

static enum err_code finish(struct import *im, struct err *e)
{
	char path[160];

	snprintf(path, sizeof path, "/images/uploads/%s/finish",
		 im->result->sha256);
	return rest_call(im->rest, "POST", path, NULL, &im->result->image, e);
}

/* Once from where the controller is to the end. */
static enum err_code attempt(struct import *im, struct err *e)
{
	enum err_code rc = begin(im, e);

	if (rc || im->result->image)
		return rc;
	while (!rc && im->offset < im->result->len_bytes)
		rc = send_chunk(im, e);
	return rc ? rc : finish(im, e);
}

/* May the same again help? The controller is away or busy, another client
 * sends the same image (conflict), or it has just finished (not-found). */
static bool worth_another(const struct import *im, enum err_code rc)
{
	if (!im->reached || mono_passed(im->patience))
		return false;
	return rc == ERR_UNREACHABLE || rc == ERR_CONFLICT ||
	       rc == ERR_NOT_FOUND || rc == ERR_CANCELLED;
}

static enum err_code send_file(struct import *im, struct err *e)
{
	enum err_code rc = attempt(im, e);

	while (rc && worth_another(im, rc)) {
		mono_sleep_ms(AGAIN_MS);
		rc = attempt(im, e);
	}
	if (rc && im->reached && im->offset && err_retryable(rc))
		err_hint(e, "import it again: it goes on at byte %" PRIu64,
			 im->offset);
	return rc;
}

enum err_code import_file(struct rest *r, const struct import_options *o,
			  struct import_result *out, struct err *e)
{
	struct import im = {.rest = r, .options = o, .result = out};
	enum err_code rc;

	*out = (struct import_result){0};
	im.chunk = malloc(CHUNK_BYTES);
	if (!im.chunk)
		return err_set(e, ERR_NO_MEMORY, "import");
	im.file.window.fd = -1;
	rc = check_file(&im, e);
	if (!rc)
		rc = send_file(&im, e);
	image_file_close(&im.file);
	free(im.chunk);
	return rc;
}
