#include "controller/store/db.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

enum err_code db_error(struct store_db *db, const char *what, struct err *e)
{
	int code = db->h ? sqlite3_extended_errcode(db->h) : SQLITE_NOMEM;
	const char *text = db->h ? sqlite3_errmsg(db->h) : "out of memory";

	/* the WAL's index cannot grow: only a full volume does that */
	if (code == SQLITE_IOERR_SHMSIZE)
		return err_set(e, ERR_DISK_FULL, "%s: %s", what, text);
	switch (code & 0xff) {
	case SQLITE_FULL:
		return err_set(e, ERR_DISK_FULL, "%s: %s", what, text);
	case SQLITE_NOMEM:
		return err_set(e, ERR_NO_MEMORY, "%s", what);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(e, ERR_INTEGRITY, "%s: %s", what, text);
	case SQLITE_CONSTRAINT:
		if (code == SQLITE_CONSTRAINT_PRIMARYKEY ||
		    code == SQLITE_CONSTRAINT_UNIQUE)
			return err_set(e, ERR_EXISTS, "%s: %s", what, text);
		return err_set(e, ERR_CONFLICT, "%s: %s", what, text);
	default:
		return err_set(e, ERR_IO, "%s: %s (%d)", what, text, code);
	}
}

static void bind_one(sqlite3_stmt *s, int i, char type, va_list *ap)
{
	const char *text;
	const void *bytes;
	size_t len;

	switch (type) {
	case 't':
		text = va_arg(*ap, const char *);
		sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
		break;
	case 'e':
		text = va_arg(*ap, const char *);
		if (*text)
			sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
		break;
	case 'i':
		sqlite3_bind_int64(s, i, va_arg(*ap, int64_t));
		break;
	case 'u':
		sqlite3_bind_int64(s, i, (int64_t)va_arg(*ap, uint64_t));
		break;
	case 'b':
		bytes = va_arg(*ap, const void *);
		len = va_arg(*ap, size_t);
		/* an empty blob, not NULL */
		sqlite3_bind_blob64(s, i, len ? bytes : "", len, SQLITE_STATIC);
		break;
	default:
		assert(!"unknown bind type");
	}
}

static void query_va(struct store_db *db, enum sql_query q, const char *types,
		     va_list *ap)
{
	sqlite3_stmt *s = db->q[q];
	int want = sqlite3_bind_parameter_count(s);

	assert((size_t)want == strlen(types));
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	for (int i = 0; i < want; i++)
		bind_one(s, i + 1, types[i], ap);
}

void db_query(struct store_db *db, enum sql_query q, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	query_va(db, q, types, &ap);
	va_end(ap);
}

enum err_code db_next(struct store_db *db, enum sql_query q, bool *row,
		      struct err *e)
{
	int rv = sqlite3_step(db->q[q]);
	enum err_code rc = ERR_OK;

	*row = rv == SQLITE_ROW;
	if (*row)
		return ERR_OK;
	if (rv != SQLITE_DONE)
		rc = db_error(db, sql_queries[q].name, e);
	db_end(db, q);
	return rc;
}

void db_end(struct store_db *db, enum sql_query q)
{
	/* the error, if any, was reported by the step */
	(void)sqlite3_reset(db->q[q]);
	sqlite3_clear_bindings(db->q[q]);
}

enum err_code db_exec(struct store_db *db, struct err *e, enum sql_query q,
		      const char *types, ...)
{
	enum err_code rc;
	va_list ap;
	bool row;

	va_start(ap, types);
	query_va(db, q, types, &ap);
	va_end(ap);
	rc = db_next(db, q, &row, e);
	assert(rc || !row);
	return rc;
}

enum err_code db_one(struct store_db *db, struct err *e, enum sql_query q,
		     const char *types, ...)
{
	enum err_code rc;
	va_list ap;
	bool row;

	va_start(ap, types);
	query_va(db, q, types, &ap);
	va_end(ap);
	rc = db_next(db, q, &row, e);
	if (!rc && !row)
		rc = err_set(e, ERR_NOT_FOUND, "no such entry");
	return rc;
}

const char *db_text(struct store_db *db, enum sql_query q, int col)
{
	const unsigned char *text = sqlite3_column_text(db->q[q], col);

	return text ? (const char *)text : "";
}

int64_t db_int(struct store_db *db, enum sql_query q, int col)
{
	return sqlite3_column_int64(db->q[q], col);
}

uint64_t db_uint(struct store_db *db, enum sql_query q, int col)
{
	int64_t v = sqlite3_column_int64(db->q[q], col);

	return v > 0 ? (uint64_t)v : 0;
}

const void *db_blob(struct store_db *db, enum sql_query q, int col, size_t *len)
{
	const void *bytes = sqlite3_column_blob(db->q[q], col);

	*len = (size_t)sqlite3_column_bytes(db->q[q], col);
	return bytes;
}

void db_copy(struct store_db *db, enum sql_query q, int col, char *out,
	     size_t out_size)
{
	const char *text = db_text(db, q, col);
	size_t len = strlen(text);

	assert(len < out_size);
	memcpy(out, text, len + 1);
}

unsigned db_changes(struct store_db *db)
{
	return (unsigned)sqlite3_changes(db->h);
}
