/* What every part of the load generator uses: how it fails, what time it is, what it was asked for, what it found. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "histogram.h"

#define NANOS_PER_SECOND 1000000000LL
#define NANOS_PER_MILLI 1000000LL

struct options {
  uint16_t port;
  uint32_t connections;     /* busy ones */
  uint32_t idle;            /* held open and silent meanwhile */
  uint32_t message_bytes;   /* of one request */
  uint32_t depth;           /* requests in flight on a connection */
  uint64_t total_bytes;     /* of a stream */
  double rate;              /* requests per second of an open load */
  double seconds;           /* the measured window */
  pid_t server;             /* whose CPU time and memory is read; 0: nobody's */
};

/* Negative: the figure has no meaning here. */
struct result {
  uint64_t requests;
  double seconds;
  double unanswered;
  double cpu_micros;
  double rss_bytes;
  double rss_before_bytes;
  struct histogram latency; /* nanoseconds */
};

/* Tells on stderr what went wrong, and ends the program. `problem_of` adds the system's reason (errno). */
_Noreturn void problem(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void problem_of(const char *what);

/* Monotonic. */
int64_t now_nanos(void);
void sleep_nanos(int64_t nanos);

/* The modes. */
void run_echo(const struct options *options, struct result *result);
void run_open(const struct options *options, struct result *result);
void run_churn(const struct options *options, struct result *result);
void run_receive(const struct options *options, struct result *result);
void run_send(const struct options *options, struct result *result);
void run_drain(const struct options *options, struct result *result);
void run_hold(const struct options *options, struct result *result);
void run_udp(const struct options *options, struct result *result);

#endif
