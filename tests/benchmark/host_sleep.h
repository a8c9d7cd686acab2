/* A host that sleeps in modelled time. On a patient bench (bench/daemon/
 * worker.h) silence takes no time, so who sleeps on purpose has to say so:
 * these take the place of the C library's usleep(), nanosleep() and
 * clock_nanosleep(), tell the bench, and return at once. So a run needs neither
 * the wall's time nor a machine that does nothing else.
 *
 * As a library under LD_PRELOAD (libhost-sleep.so, for openocd) they work from
 * the start, with PROVLINE_HOST_SLEEPS (the bench's control socket) and
 * PROVLINE_HOST_SLEEPS_PROBE set. In a program that links them they work on the
 * thread and for as long as host_sleep_probe() says.
 */
#ifndef TESTS_BENCHMARK_HOST_SLEEP_H
#define TESTS_BENCHMARK_HOST_SLEEP_H

/* This thread sleeps in modelled time of that probe from now on; NULL: on the
 * wall again. serial is borrowed until then. */
void host_sleep_probe(const char *serial);

#endif
