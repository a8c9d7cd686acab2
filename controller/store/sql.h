/* The SQL of schema/, compiled in (schema/embed.awk). Private to the store. */
#ifndef CONTROLLER_STORE_SQL_H
#define CONTROLLER_STORE_SQL_H

#include "queries.h" /* enum sql_query; generated */

struct sql_named {
	const char *name;
	const char *text;
};

extern const struct sql_named sql_queries[SQL_QUERY_COUNT];
extern const char *const sql_migrations[]; /* 001 first */
extern const unsigned sql_migrations_n;
extern const char *const sql_writer, *const sql_reader;

#endif
