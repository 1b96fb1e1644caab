/* What an idle connection costs: the growth of the server's memory (RSS) by `idle` connections that nothing is sent on. */
#include "idle.h"
#include "program.h"
#include "server.h"
#include "socket.h"

/* A runtime's first requests grow its memory for reasons of their own. */
#define WARM_CONNECTIONS 8
#define WARM_REQUESTS 500
#define SETTLE_NANOS NANOS_PER_SECOND

void run_hold(const struct options *options, struct result *result) {
  int warm[WARM_CONNECTIONS];
  for (int i = 0; i < WARM_CONNECTIONS; i++) warm[i] = connected_socket(options->port);
  for (int request = 0; request < WARM_REQUESTS; request++)
    for (int i = 0; i < WARM_CONNECTIONS; i++) round_trip(warm[i]);
  sleep_nanos(SETTLE_NANOS);
  result->rss_before_bytes = server_rss_bytes(options->server);

  int *idle = open_idle(options->port, options->idle, warm[0]);
  round_trip(warm[0]);
  sleep_nanos(SETTLE_NANOS);
  result->rss_bytes = server_rss_bytes(options->server);

  close_idle(idle, options->idle);
  for (int i = 0; i < WARM_CONNECTIONS; i++) reset_socket(warm[i]);
}
