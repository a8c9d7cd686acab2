/* Bytes from a job's thread to the loop, for answers that are written while
 * they are read: at most PIPE_MAX_BYTES wait inside; the writer sleeps when it
 * is full and gives up when the reader takes nothing for PIPE_STALL_MS. */
#ifndef CONTROLLER_CONSOLE_PIPE_H
#define CONTROLLER_CONSOLE_PIPE_H

#include "controller/loop.h"
#include "proto/base/dbuf.h"

#include <stdbool.h>
#include <uv.h>

#define PIPE_MAX_BYTES 262144u
#define PIPE_STALL_MS  30000

struct pipe {
	struct loop_letter letter; /* first: see on_letter in pipe.c */
	struct loop_box *box;
	uv_mutex_t lock;
	uv_cond_t room;
	struct dbuf buf;
	bool ended, aborted, posted;
	void (*ready)(void *arg); /* on the loop: something can be read */
	void *arg;
};

/* NULL when out of memory. ready must stay callable until pipe_free. */
struct pipe *pipe_new(struct loop_box *box, void (*ready)(void *arg),
		      void *arg);

/* On the loop, when neither end uses it any more. */
void pipe_free(struct pipe *p);

/* From the job's thread; signature of report_sink. ERR_CANCELLED: the reader
 * is gone. ERR_TIMEOUT: it takes nothing. */
enum err_code pipe_write(void *pipe, const void *data, size_t len,
			 struct err *e);

/* From the loop. Takes up to max bytes; 0 when none are there now. */
size_t pipe_read(struct pipe *p, void *out, size_t max);
/* No more will be written (the job has completed). */
void pipe_end(struct pipe *p);
/* True when all has been read and no more will come. */
bool pipe_done(struct pipe *p);
/* The reader is gone. */
void pipe_abort(struct pipe *p);

#endif
