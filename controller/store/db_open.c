#include "controller/store/db.h"

#include <string.h>

/* Releases before this one lack STRICT tables. Those before 3.51.3 have the
 * WAL-reset race between two connections that write or checkpoint; here only
 * one ever does (store.h). */
#define SQLITE_NEEDED 3037000

static enum err_code run_text(struct store_db *db, const char *text,
			      const char *what, struct err *e)
{
	if (sqlite3_exec(db->h, text, NULL, NULL, NULL) == SQLITE_OK)
		return ERR_OK;
	return db_error(db, what, e);
}

static enum err_code prepare(struct store_db *db, int q, struct err *e)
{
	if (db->q[q])
		return ERR_OK;
	if (sqlite3_prepare_v3(db->h, sql_queries[q].text, -1,
			       SQLITE_PREPARE_PERSISTENT, &db->q[q],
			       NULL) == SQLITE_OK &&
	    db->q[q])
		return ERR_OK;
	return db_error(db, sql_queries[q].name, e);
}

static enum err_code schema_version(struct store_db *db, int64_t *version,
				    struct err *e)
{
	enum err_code rc = prepare(db, Q_schema_version, e);

	if (!rc)
		rc = db_one(db, e, Q_schema_version, "");
	if (rc)
		return rc;
	*version = db_int(db, Q_schema_version, 0);
	db_end(db, Q_schema_version);
	if (*version > (int64_t)sql_migrations_n) {
		err_set(e, ERR_STATE,
			"the database's schema is version %lld, this program "
			"knows %u",
			(long long)*version, sql_migrations_n);
		return err_hint(e, "run the newer program, or restore a "
				   "backup of this one's");
	}
	return ERR_OK;
}

static enum err_code migrate_once(struct store_db *db, int64_t version,
				  struct err *e)
{
	enum err_code rc = run_text(db, sql_queries[Q_begin].text, "begin", e);

	if (rc)
		return rc;
	rc = run_text(db, sql_migrations[version], "schema migration", e);
	if (!rc)
		rc = run_text(db, sql_queries[Q_commit].text, "commit", e);
	if (rc)
		sqlite3_exec(db->h, sql_queries[Q_rollback].text, NULL, NULL,
			     NULL);
	return rc;
}

static enum err_code migrate(struct store_db *db, struct err *e)
{
	int64_t version = 0, before;
	enum err_code rc = schema_version(db, &version, e);

	while (!rc && version < (int64_t)sql_migrations_n) {
		before = version;
		rc = migrate_once(db, version, e);
		if (!rc)
			rc = schema_version(db, &version, e);
		if (!rc && version != before + 1)
			rc = err_set(e, ERR_BUG,
				     "migration %lld sets no version",
				     (long long)before + 1);
	}
	return rc;
}

static enum err_code open_handle(struct store_db *db, const char *path,
				 struct err *e)
{
	int flags = db->writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
			       : SQLITE_OPEN_READONLY;

	if (sqlite3_libversion_number() < SQLITE_NEEDED)
		return err_set(e, ERR_CONFIG, "SQLite %s is too old",
			       sqlite3_libversion());
	if (sqlite3_open_v2(path, &db->h,
			    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			    NULL) != SQLITE_OK)
		return db_error(db, path, e);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(db->h, 2000);
	return ERR_OK;
}

enum err_code db_open(struct store_db *db, const char *path, bool writer,
		      struct err *e)
{
	enum err_code rc;
	int64_t version;

	*db = (struct store_db){.writer = writer};
	rc = open_handle(db, path, e);
	if (!rc)
		rc = run_text(db, writer ? sql_writer : sql_reader, path, e);
	if (!rc)
		rc = writer ? migrate(db, e) : schema_version(db, &version, e);
	for (int i = 0; !rc && i < SQL_QUERY_COUNT; i++)
		rc = prepare(db, i, e);
	if (rc)
		db_close(db);
	return rc;
}

void db_close(struct store_db *db)
{
	db_forget_refusal(db);
	for (int i = 0; i < SQL_QUERY_COUNT; i++) {
		sqlite3_finalize(db->q[i]);
		db->q[i] = NULL;
	}
	/* all statements are finalized: this cannot be busy */
	sqlite3_close(db->h);
	db->h = NULL;
}
