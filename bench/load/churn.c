/*
 * Churn: connect, one request and its echo, reset; and again. `connections` of these cycles go on at a time, and each
 * counts as a request.
 */
#include <stdlib.h>
#include "program.h"
#include "server.h"
#include "socket.h"
#include "talk.h"

#define EVENTS 128
#define LEAD_NANOS (100 * NANOS_PER_MILLI)

struct cycle {
  struct talk talk;
  int64_t started_nanos;
};

static void start(struct cycle *cycle, int poller, const struct options *options, uint32_t index) {
  cycle->started_nanos = now_nanos();
  cycle->talk = (struct talk){.index = index, .socket = connecting_socket(options->port), .blocked = true};
  watch(poller, cycle->talk.socket, EPOLLIN | EPOLLOUT, &cycle->talk);
}

/* Returns whether the cycle is complete. */
static bool go_on(struct cycle *cycle, int poller, uint32_t events) {
  struct talk *talk = &cycle->talk;
  if (talk->due == 0) {
    if (!(events & EPOLLOUT)) return false;
    check_connected(talk->socket);
    talk->due = 1;
  }
  talk_send(talk, poller);
  return (events & EPOLLIN) != 0 && talk_receive(talk) == 1;
}

static int64_t run_until(int poller, const struct options *options, int64_t end_nanos,
                         struct result *result) {
  struct epoll_event events[EVENTS];
  int64_t now = now_nanos();
  while (now < end_nanos) {
    int count = wait_until(poller, events, EVENTS, end_nanos);
    for (int i = 0; i < count; i++) {
      /* The talk is the first member. */
      struct cycle *cycle = events[i].data.ptr;
      if (events[i].events & (EPOLLERR | EPOLLHUP)) {
        check_connected(cycle->talk.socket);
        problem("connection lost: the server ended it");
      }
      if (!go_on(cycle, poller, events[i].events)) continue;
      reset_socket(cycle->talk.socket);
      if (result != NULL) {
        histogram_add(&result->latency, now_nanos() - cycle->started_nanos);
        result->requests++;
      }
      start(cycle, poller, options, cycle->talk.index);
    }
    now = now_nanos();
  }
  return now;
}

void run_churn(const struct options *options, struct result *result) {
  struct window window;
  int poller = new_poller();
  struct cycle *cycles = calloc(options->connections, sizeof *cycles);
  if (cycles == NULL) problem_of("calloc");
  talk_prepare(options->message_bytes);
  for (uint32_t i = 0; i < options->connections; i++) start(&cycles[i], poller, options, i);

  run_until(poller, options, now_nanos() + LEAD_NANOS, NULL);
  window_open(&window, options->server, options->seconds);
  int64_t stopped_nanos = run_until(poller, options, window.end_nanos, result);
  result->cpu_micros = window_cpu_micros(&window, options->server);
  result->rss_bytes = server_rss_bytes(options->server);
  result->seconds = (double)(stopped_nanos - window.begin_nanos) / NANOS_PER_SECOND;
  if (result->requests == 0) problem("the server completed no connection");

  for (uint32_t i = 0; i < options->connections; i++) reset_socket(cycles[i].talk.socket);
  server_settle(options->server);
}
