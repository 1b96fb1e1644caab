#include "server.h"

#include <stdio.h>
#include <time.h>
#include "program.h"

#define SETTLE_STEP_NANOS (50 * NANOS_PER_MILLI)
#define SETTLE_STEPS 60
/* In one step: garbage collectors and timers never rest completely. */
#define QUIET_CPU_NANOS (2 * NANOS_PER_MILLI)

int64_t server_cpu_nanos(pid_t server) {
  clockid_t clock;
  struct timespec time;
  if (server == 0) return 0;
  if (clock_getcpuclockid(server, &clock) != 0 || clock_gettime(clock, &time) != 0)
    problem("the server is gone (process %d)", (int)server);
  return time.tv_sec * NANOS_PER_SECOND + time.tv_nsec;
}

double server_rss_bytes(pid_t server) {
  char path[64], line[256];
  long kibibytes = -1;
  if (server == 0) return -1;
  snprintf(path, sizeof path, "/proc/%d/status", (int)server);
  FILE *status = fopen(path, "r");
  if (status == NULL) problem_of(path);
  while (fgets(line, sizeof line, status) != NULL)
    if (sscanf(line, "VmRSS: %ld kB", &kibibytes) == 1) break;
  fclose(status);
  if (kibibytes < 0) problem("%s does not tell VmRSS", path);
  return (double)kibibytes * 1024;
}

void server_settle(pid_t server) {
  int64_t before = server_cpu_nanos(server);
  for (int step = 0; step < SETTLE_STEPS; step++) {
    sleep_nanos(SETTLE_STEP_NANOS);
    int64_t after = server_cpu_nanos(server);
    if (after - before < QUIET_CPU_NANOS) return;
    before = after;
  }
}

void window_open(struct window *window, pid_t server, double seconds) {
  window->cpu_at_begin_nanos = server_cpu_nanos(server);
  window->begin_nanos = now_nanos();
  window->end_nanos = window->begin_nanos + (int64_t)(seconds * (double)NANOS_PER_SECOND);
}

double window_cpu_micros(const struct window *window, pid_t server) {
  if (server == 0) return -1;
  return (double)(server_cpu_nanos(server) - window->cpu_at_begin_nanos) / 1000;
}
