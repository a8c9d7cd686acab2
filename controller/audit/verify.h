/* The database's own record, checked from the first leaf to the last. */
#ifndef CONTROLLER_AUDIT_VERIFY_H
#define CONTROLLER_AUDIT_VERIFY_H

#include "controller/audit/chain.h"
#include "controller/store/store.h"

/* A job, reading or writing; arg: a struct chain_key, private or public.
 * ERR_INTEGRITY names the record or the checkpoint. Some microseconds a
 * leaf. */
enum err_code verify_run(struct store_db *db, void *arg, struct err *e);

#endif
