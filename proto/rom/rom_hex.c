/* Intel HEX. Ours, because Debian 12 packages no C library for it: srecord is
 * C++, BFD's reader belongs to binutils and is not for hostile input.
 * Strict: one record a line (LF or CR LF), every checksum, record types 00 to
 * 05 with the length each must have, an end record, nothing behind it.
 * Source: Intel, Hexadecimal Object File Format Specification, rev. A, 1988. */
#include "proto/rom/place.h"

#include <string.h>

enum record_type {
	DATA = 0,
	END = 1,
	SEGMENT_BASE = 2,
	SEGMENT_START = 3,
	LINEAR_BASE = 4,
	LINEAR_START = 5,
};

struct record {
	size_t len;
	uint32_t offset;
	uint8_t type;
	uint8_t data[255];
};

struct reader {
	const uint8_t *text;
	size_t len, at, line;
	uint64_t base;
	bool ended;
};

static enum err_code wrong(const struct reader *r, const char *what,
			   struct err *e)
{
	return err_set(e, ERR_INPUT, "HEX line %zu, offset 0x%zx: %s", r->line,
		       r->at, what);
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next byte, two digits; -1 when there are none. */
static int take_byte(struct reader *r)
{
	int high, low;

	if (r->len - r->at < 2)
		return -1;
	high = digit(r->text[r->at]);
	low = digit(r->text[r->at + 1]);
	if (high < 0 || low < 0)
		return -1;
	r->at += 2;
	return high << 4 | low;
}

/* The bytes of a record: count, offset, type, data, checksum. */
static enum err_code take_record(struct reader *r, struct record *rec,
				 struct err *e)
{
	uint8_t bytes[255 + 5];
	size_t want = 5;
	uint8_t sum = 0;

	if (r->text[r->at] != ':')
		return wrong(r, "a record begins with a colon", e);
	r->at++;
	for (size_t i = 0; i < want; i++) {
		int b = take_byte(r);

		if (b < 0)
			return wrong(r, "two hexadecimal digits are missing",
				     e);
		bytes[i] = (uint8_t)b;
		sum = (uint8_t)(sum + b);
		if (i == 0)
			want += bytes[0];
	}
	if (sum)
		return wrong(r, "the checksum does not match", e);
	rec->len = bytes[0];
	rec->offset = (uint32_t)(bytes[1] << 8 | bytes[2]);
	rec->type = bytes[3];
	memcpy(rec->data, bytes + 4, rec->len);
	return ERR_OK;
}

static enum err_code take_line_end(struct reader *r, struct err *e)
{
	if (r->at < r->len && r->text[r->at] == '\r')
		r->at++;
	if (r->at == r->len)
		return ERR_OK;
	if (r->text[r->at] != '\n')
		return wrong(r, "the record goes on behind its checksum", e);
	r->at++;
	return ERR_OK;
}

static enum err_code use_record(struct reader *r, const struct record *rec,
				struct rom_area *a, struct err *e)
{
	/* of types 1 to 5; data records say their own */
	static const size_t lengths[] = {0, 0, 2, 4, 2, 4};
	uint32_t number;

	if (rec->type > LINEAR_START)
		return wrong(r, "no record type from 00 to 05", e);
	if (rec->type == DATA) {
		if (rec->offset + rec->len > 0x10000)
			return wrong(r, "the record wraps at 64 KiB", e);
		return rom_place(a, r->base + rec->offset, rec->data, rec->len,
				 "HEX line", r->line, e);
	}
	if (rec->len != lengths[rec->type])
		return wrong(r, "wrong length for its record type", e);
	number = (uint32_t)(rec->data[0] << 8 | rec->data[1]);
	if (rec->type == SEGMENT_BASE)
		r->base = (uint64_t)number << 4;
	else if (rec->type == LINEAR_BASE)
		r->base = (uint64_t)number << 16;
	else
		r->ended = rec->type == END;
	return ERR_OK;
}

enum err_code rom_read_hex(struct rom_area *a, const uint8_t *file, size_t len,
			   struct err *e)
{
	struct reader r = {.text = file, .len = len, .line = 1};
	struct record rec = {0};
	enum err_code rc = ERR_OK;

	for (; !rc && r.at < r.len; r.line++) {
		if (r.ended)
			return wrong(&r, "text behind the end record", e);
		rc = take_record(&r, &rec, e);
		if (!rc)
			rc = use_record(&r, &rec, a, e);
		if (!rc)
			rc = take_line_end(&r, e);
	}
	if (!rc && !r.ended)
		rc = wrong(&r, "no end record: the file is cut short", e);
	return rc;
}
