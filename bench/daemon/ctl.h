/* `provline-bench ctl --socket PATH JSON`: send one command, print the reply.
 * argv[0] is "ctl". Returns the exit code: 0, or that of the reply's error. */
#ifndef BENCH_DAEMON_CTL_H
#define BENCH_DAEMON_CTL_H

int ctl_main(const char *program, int argc, char **argv);

#endif
