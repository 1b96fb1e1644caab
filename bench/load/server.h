/*
 * What the server's process costs, read from outside.
 *
 * Its CPU time is that of its CPU-time clock: the sum of user and system time of all its threads, also of those that
 * ended, as /proc/<pid>/stat has it, but in nanoseconds instead of ticks of 10 ms.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdint.h>
#include <sys/types.h>

/* 0 and -1 where no server was named. */
int64_t server_cpu_nanos(pid_t server);
double server_rss_bytes(pid_t server);

/*
 * Waits until the server has nothing more to do, at most a few seconds: what it does after a turn, such as closing
 * thousands of connections, must not fall into the next turn, which is another server's.
 */
void server_settle(pid_t server);

/* A window of time over which the server's CPU time is counted. */
struct window {
  int64_t begin_nanos;
  int64_t end_nanos;
  int64_t cpu_at_begin_nanos;
};

void window_open(struct window *window, pid_t server, double seconds);
double window_cpu_micros(const struct window *window, pid_t server);

#endif
