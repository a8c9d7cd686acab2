/* For machines that watch: /healthz and /metrics (Prometheus text format
 * 0.0.4). Label values are names of [A-Za-z0-9._-] only, so none needs
 * escaping. */
#include "controller/console/handlers.h"

#include <string.h>

#define METRICS_LOTS_MAX 50

enum err_code run_healthz(struct store_db *db, struct request *rq,
			  struct err *e)
{
	/* Alive means that the database answers. */
	struct store_head head;

	(void)rq;
	return store_record_head(db, &head, e);
}

void finish_healthz(struct request *rq)
{
	(void)dbuf_addf(&rq->reply, "ok\n");
}

struct metrics_arg {
	struct dbuf *out;
	unsigned lots;
};

static enum err_code on_lot(void *arg, const struct store_lot *lot,
			    struct err *e)
{
	struct metrics_arg *a = arg;
	const struct store_lot_counts *n = &lot->counts;
	enum err_code rc;

	if (!strcmp(lot->state, "closed") || a->lots++ >= METRICS_LOTS_MAX)
		return ERR_OK;
	rc = dbuf_addf(a->out,
		       "provline_units{lot=\"%s\",outcome=\"pass\"} %llu\n"
		       "provline_units{lot=\"%s\",outcome=\"fail\"} %llu\n"
		       "provline_units{lot=\"%s\",outcome=\"indeterminate\"} "
		       "%llu\n"
		       "provline_units{lot=\"%s\",outcome=\"in-progress\"} "
		       "%llu\n"
		       "provline_attempts{lot=\"%s\"} %llu\n"
		       "provline_lot_quota_left{lot=\"%s\"} %llu\n",
		       lot->lot, (unsigned long long)n->passed, lot->lot,
		       (unsigned long long)n->failed, lot->lot,
		       (unsigned long long)n->indeterminate, lot->lot,
		       (unsigned long long)n->in_progress, lot->lot,
		       (unsigned long long)n->attempts, lot->lot,
		       (unsigned long long)lot->quota_left);
	return rc ? err_set(e, rc, "metrics") : ERR_OK;
}

enum err_code run_metrics(struct store_db *db, struct request *rq,
			  struct err *e)
{
	struct metrics_arg a = {&rq->reply, 0};
	struct store_head head;
	enum err_code rc = store_record_head(db, &head, e);

	if (rc)
		return rc;
	if (dbuf_addf(a.out,
		      "# HELP provline_record_seq Facts in the record.\n"
		      "# TYPE provline_record_seq counter\n"
		      "provline_record_seq %llu\n"
		      "# HELP provline_units Units of lots not yet closed.\n"
		      "# TYPE provline_units gauge\n"
		      "# TYPE provline_attempts gauge\n"
		      "# TYPE provline_lot_quota_left gauge\n",
		      (unsigned long long)head.seq))
		return err_set(e, ERR_NO_MEMORY, "metrics");
	return store_lots(db, on_lot, &a, e);
}

void finish_metrics(struct request *rq)
{
	struct console *c = rq->c;

	(void)dbuf_addf(&rq->reply,
			"# TYPE provline_stations_online gauge\n"
			"provline_stations_online %u\n"
			"# HELP provline_spooled Results waiting at stations.\n"
			"# TYPE provline_spooled gauge\n"
			"provline_spooled %llu\n"
			"# TYPE provline_store_queue gauge\n"
			"provline_store_queue %u\n"
			"# TYPE provline_store_free_bytes gauge\n"
			"provline_store_free_bytes %llu\n"
			"# TYPE provline_console_connections gauge\n"
			"provline_console_connections %u\n"
			"# TYPE provline_console_readers gauge\n"
			"provline_console_readers %u\n",
			live_online(c), (unsigned long long)live_spooled(c),
			store_queue_len(c->config.store),
			(unsigned long long)store_free_bytes(c->config.store),
			c->connections, c->watchers_n);
}
