/* The control socket: one JSON object a line, one JSON object a line back.
 * Replies have "ok": true, or "ok": false with "code" (proto/base/errors.def)
 * and "text". Unknown commands and members are errors.
 *
 * BOARD is {"serial": S} and, when the board is new, optionally "faults":
 * [names out of bench/faults.def], "uid": 24 hex digits, "wiring" and
 * "nor_part" (config.h). Without a UID it follows from the bench's seed and the
 * serial; without the others the board is as the bench's configuration says. A
 * board keeps flash and NOR between insertions.
 *
 *  {"cmd":"insert","probe":P,"board":BOARD}   -> uid
 *  {"cmd":"remove","probe":P}                 the board, at once
 *  {"cmd":"unplug","probe":P} {"cmd":"plug","probe":P}    the USB cable
 *  {"cmd":"state"}  -> probes: [{serial, plugged, time_ns, lights: {red,
 *      yellow, green}, swd: {transfers, waits, faults, protocol_errors,
 *      contentions}, uart: {framing_errors, overruns}, account, board: null
 *      or {serial, uid, chip, account}}], feed as below. board.chip is the
 *      chip's own description: power, pc, rdp, tzen. account: where modelled
 *      time went since the last account-reset; a probe's has the rows of
 *      bench/probe/account.def (wire_ns, swclk_edge_count, usb_out_bytes
 *      ...), a board's has those for the time that it was in a harness, and
 *      in "chip" the rows of bench/chip/account.def (nor_erase_ns, ...).
 *  {"cmd":"account","board":SERIAL}  -> account, also of a board in no harness
 *  {"cmd":"account-reset"}  all counters from 0; with "probe":P those of this
 *      harness and the board in it
 *  {"cmd":"sleep","probe":P,"us":N}   the host sleeps, 0 to 10 s: modelled time
 *      passes at once; for a patient bench (config.h)
 *  {"cmd":"nor","board":SERIAL,"file":PATH}   write what the NOR holds; also
 *  {"cmd":"flash","board":SERIAL,"file":PATH} of a board in no harness -> bytes
 *  {"cmd":"card-insert","reader":R,"file":PATH}   made by `provline-bench
 *      card-new`
 *  {"cmd":"card-remove","reader":R}
 *  {"cmd":"card-state"} -> readers: [{name, alive, present, apdus, counter,
 *      serial}]
 *  {"cmd":"card-fault","reader":R,"fault":"lose-command"|"lose-reply"|"none",
 *      "apdu":N}
 *  {"cmd":"feed","boards":[BOARD...]}   the operator starts; see feeder.h
 *  {"cmd":"feed-state"} -> total, remaining (not ended yet), done: [{serial,
 *      uid, probe, light: "green"|"red"|"none", insertions}]
 *  {"cmd":"faults"} -> faults: [{name, kind, what}]
 */
#ifndef BENCH_DAEMON_CONTROL_H
#define BENCH_DAEMON_CONTROL_H

#include "bench/daemon/bench.h"

#define CONTROL_LINE_MAX (1024u * 1024u)

/* One line without its end; the reply without one: malloc'ed, NULL when out of
 * memory. Blocks for as long as the harness needs to stop for it: ms. */
char *control_handle(struct bench *b, const char *line, size_t len);

#endif
