/* One connection with its prepared statements, and the few lines that every
 * store function needs. Private to the store: nothing else knows SQLite.
 *
 * A statement belongs to one caller at a time: from db_query to the db_next
 * that finds no more, or db_end.
 */
#ifndef CONTROLLER_STORE_DB_H
#define CONTROLLER_STORE_DB_H

#include "controller/store/sql.h"
#include "controller/store/store.h"

#include <jansson.h>
#include <sqlite3.h>

struct db_refusal {
	bool set;
	struct store_actor who;
	char kind[33];
	char lot[STORE_NAME_SIZE];
	char *body; /* malloc'ed; NULL with set: out of memory */
};

struct store_db {
	sqlite3 *h;
	sqlite3_stmt *q[SQL_QUERY_COUNT];
	bool writer;
	int64_t now_ms;
	bool seal_wanted; /* this transaction is to end with a checkpoint */
	struct db_refusal refusal;
};

/* Opens, sets up, migrates (writer only), prepares all statements. */
enum err_code db_open(struct store_db *db, const char *path, bool writer,
		      struct err *e);
void db_close(struct store_db *db);

/* The error that SQLite just reported on db, in our terms. */
enum err_code db_error(struct store_db *db, const char *what, struct err *e);

/* Bind and start a statement. Each character of types takes arguments:
 *   t text (not NULL)  e text, "" becomes NULL  i int64_t  u uint64_t
 *   b bytes, size_t length (const void *, size_t)  d double
 * Text and bytes must live until the statement ends. */
void db_query(struct store_db *db, enum sql_query q, const char *types, ...);

/* The next row: *row tells whether there is one; without, it has ended. */
enum err_code db_next(struct store_db *db, enum sql_query q, bool *row,
		      struct err *e);
void db_end(struct store_db *db, enum sql_query q);

/* Bind and run a statement that returns nothing. ERR_EXISTS when a key is
 * there already. */
enum err_code db_exec(struct store_db *db, struct err *e, enum sql_query q,
		      const char *types, ...);

/* Bind and fetch one row: ERR_NOT_FOUND (ended) when there is none; on ERR_OK
 * read the columns, then db_end. */
enum err_code db_one(struct store_db *db, struct err *e, enum sql_query q,
		     const char *types, ...);

/* Columns of the current row. Text is never NULL. */
const char *db_text(struct store_db *db, enum sql_query q, int col);
int64_t db_int(struct store_db *db, enum sql_query q, int col);
uint64_t db_uint(struct store_db *db, enum sql_query q, int col);
const void *db_blob(struct store_db *db, enum sql_query q, int col,
		    size_t *len);

/* Copy a text column into a char array; what does not fit is a bug of the
 * schema and asserts. */
void db_copy(struct store_db *db, enum sql_query q, int col, char *out,
	     size_t out_size);
#define DB_COPY(db, q, col, array) db_copy(db, q, col, array, sizeof(array))

/* Rows changed by the last db_exec. */
unsigned db_changes(struct store_db *db);

/* Append a leaf; body is taken (and freed) whatever happens. *seq and hash may
 * be NULL. */
enum err_code db_record(struct store_db *db, const struct store_actor *who,
			const char *kind, const char *lot, json_t *body,
			uint64_t *seq, char hash[STORE_HASH_SIZE],
			struct err *e);

/* Like store_note_refusal, with a body as JSON value, which is taken. */
void db_note_refusal(struct store_db *db, const struct store_actor *who,
		     const char *kind, const char *lot, json_t *body);

/* For the writer thread: append what was noted, or nothing. Forgets it. */
enum err_code db_record_refusal(struct store_db *db, struct err *e);
void db_forget_refusal(struct store_db *db);

/* A random token and its SHA-256, both hex. */
enum err_code db_token_new(char token[STORE_TOKEN_SIZE],
			   char sha256[STORE_HASH_SIZE], struct err *e);
void db_sha256_hex(char out[STORE_HASH_SIZE], const void *data, size_t len);

#endif
