/*
 * The load generator: one thread, epoll, one mode a run.
 *
 *     load echo|open|churn|receive|send|drain|hold|udp --port P [--connections N] [--idle N] [--message-bytes B] [--depth D]
 *          [--total-bytes B] [--rate R] [--seconds S] [--server-pid PID]
 *
 * It prints one line of JSON. A connection that is lost, or bytes that are not what was sent, end it with exit code 1.
 * Ends with its parent.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include "program.h"
#include "socket.h"
#include "talk.h"

_Noreturn void problem(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

_Noreturn void problem_of(const char *what) { problem("%s: %s", what, strerror(errno)); }

int64_t now_nanos(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * NANOS_PER_SECOND + time.tv_nsec;
}

void sleep_nanos(int64_t nanos) {
  struct timespec time = {.tv_sec = nanos / NANOS_PER_SECOND, .tv_nsec = nanos % NANOS_PER_SECOND};
  nanosleep(&time, NULL);
}

static const struct {
  const char *name;
  void (*run)(const struct options *, struct result *);
} modes[] = {{"echo", run_echo},       {"open", run_open}, {"churn", run_churn},
             {"receive", run_receive}, {"send", run_send}, {"drain", run_drain},
             {"hold", run_hold},       {"udp", run_udp}};

static void run_mode(const char *name, const struct options *options, struct result *result) {
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (strcmp(modes[i].name, name) == 0) return modes[i].run(options, result);
  problem("no mode is called %s", name);
}

static double number(const char *name, const char *text, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (*text == '\0' || *end != '\0' || !(value >= least && value <= most))
    problem("--%s is a number, %.0f to %.0f", name, least, most);
  return value;
}

static struct options read_options(int count, char **arguments) {
  static const struct option names[] = {
      {"port", 1, NULL, 'p'},   {"connections", 1, NULL, 'c'}, {"idle", 1, NULL, 'i'},
      {"depth", 1, NULL, 'd'},  {"message-bytes", 1, NULL, 'm'}, {"total-bytes", 1, NULL, 't'},
      {"rate", 1, NULL, 'r'},   {"seconds", 1, NULL, 's'},     {"server-pid", 1, NULL, 'v'},
      {NULL, 0, NULL, 0}};
  struct options options = {.connections = 1, .message_bytes = 64, .depth = 1, .seconds = 1};
  int which = 0;
  for (int option; (option = getopt_long(count, arguments, "", names, &which)) != -1;) {
    if (option == '?') exit(1);
    const char *name = names[which].name;
    switch (option) {
      case 'p': options.port = (uint16_t)number(name, optarg, 1, UINT16_MAX); break;
      case 'c': options.connections = (uint32_t)number(name, optarg, 1, 100000); break;
      case 'i': options.idle = (uint32_t)number(name, optarg, 0, 100000); break;
      case 'd': options.depth = (uint32_t)number(name, optarg, 1, 1000); break;
      case 'm': options.message_bytes = (uint32_t)number(name, optarg, HEADER_BYTES, 1 << 24); break;
      case 't': options.total_bytes = (uint64_t)number(name, optarg, 1, 1e15); break;
      case 'r': options.rate = number(name, optarg, 1, 1e8); break;
      case 's': options.seconds = number(name, optarg, 0.01, 3600); break;
      case 'v': options.server = (pid_t)number(name, optarg, 1, INT32_MAX); break;
    }
  }
  if (options.port == 0) problem("--port is missing");
  return options;
}

static void print_number(const char *name, double value) {
  if (value < 0 || !isfinite(value)) printf(",\"%s\":null", name);
  else printf(",\"%s\":%.9g", name, value);
}

static void print_quantile(const char *name, const struct histogram *latency, double share) {
  double nanos = histogram_quantile(latency, share);
  print_number(name, nanos < 0 ? nanos : nanos / 1000);
}

static void print_result(const struct result *result) {
  printf("{\"requests\":%ju", (uintmax_t)result->requests);
  print_number("seconds", result->seconds);
  print_number("cpuMicros", result->cpu_micros);
  print_number("rssBytes", result->rss_bytes);
  print_number("rssBeforeBytes", result->rss_before_bytes);
  print_number("unanswered", result->unanswered);
  print_quantile("p50Micros", &result->latency, 0.5);
  print_quantile("p99Micros", &result->latency, 0.99);
  print_quantile("p999Micros", &result->latency, 0.999);
  printf("}\n");
}

int main(int count, char **arguments) {
  /* Too large for the stack. */
  static struct result result = {.cpu_micros = -1, .rss_bytes = -1, .rss_before_bytes = -1, .unanswered = -1};
  if (count < 2) problem("the mode is missing");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* The system may wake us later than asked for, by 50 us unless told otherwise: too late for an open load. */
  prctl(PR_SET_TIMERSLACK, 1);
  struct options options = read_options(count - 1, arguments + 1);
  allow_descriptors(options.connections + options.idle);
  run_mode(arguments[1], &options, &result);
  print_result(&result);
  return 0;
}
