/*
 * The closed load: every connection always has `depth` requests in flight, and sends the next one when an answer has
 * come. Beside it, if asked for, connections that are open and silent.
 */
#include <stdlib.h>
#include "idle.h"
#include "program.h"
#include "server.h"
#include "socket.h"
#include "talk.h"

#define EVENTS 512
/* The connections' first requests are not measured. */
#define LEAD_NANOS (100 * NANOS_PER_MILLI)

struct closed {
  const struct options *options;
  struct result *result;
  int poller;
  struct talk *talks;
  int64_t *sent_at_nanos; /* of the requests in flight: `depth` for every connection, a ring */
};

static int64_t *sent_at(const struct closed *closed, const struct talk *talk, uint64_t request) {
  uint32_t depth = closed->options->depth;
  return &closed->sent_at_nanos[talk->index * depth + request % depth];
}

/* Lets the connection have its `depth` requests in flight again. */
static void refill(const struct closed *closed, struct talk *talk, int64_t now) {
  uint64_t due = talk->answered + closed->options->depth;
  for (uint64_t request = talk->due; request < due; request++) *sent_at(closed, talk, request) = now;
  talk->due = due;
  talk_send(talk, closed->poller);
}

/* Runs until a time; records what was answered if `measured`. Returns when it really stopped. */
static int64_t run_until(struct closed *closed, int64_t end_nanos, bool measured) {
  struct epoll_event events[EVENTS];
  int64_t now = now_nanos();
  while (now < end_nanos) {
    int count = wait_until(closed->poller, events, EVENTS, end_nanos);
    for (int i = 0; i < count; i++) {
      struct talk *talk = events[i].data.ptr;
      if (events[i].events == EPOLLOUT) {
        talk_send(talk, closed->poller);
        continue;
      }
      uint32_t completed = talk_receive(talk);
      now = now_nanos();
      for (uint64_t request = talk->answered - completed; measured && request < talk->answered; request++)
        histogram_add(&closed->result->latency, now - *sent_at(closed, talk, request));
      if (measured) closed->result->requests += completed;
      refill(closed, talk, now);
    }
    now = now_nanos();
  }
  /* With nothing heard in a whole window the server hangs, and a figure would hide that. */
  if (measured && closed->result->requests == 0) problem("the server answered no request");
  return now;
}

static void measure(struct closed *closed) {
  const struct options *options = closed->options;
  struct window window;
  run_until(closed, now_nanos() + LEAD_NANOS, false);
  window_open(&window, options->server, options->seconds);
  int64_t stopped_nanos = run_until(closed, window.end_nanos, true);
  closed->result->cpu_micros = window_cpu_micros(&window, options->server);
  closed->result->seconds = (double)(stopped_nanos - window.begin_nanos) / NANOS_PER_SECOND;
  closed->result->rss_bytes = server_rss_bytes(options->server);
}

void run_echo(const struct options *options, struct result *result) {
  uint32_t count = options->connections;
  struct closed closed = {.options = options, .result = result, .poller = new_poller()};
  closed.talks = calloc(count, sizeof *closed.talks);
  closed.sent_at_nanos = calloc((size_t)count * options->depth, sizeof *closed.sent_at_nanos);
  if (closed.talks == NULL || closed.sent_at_nanos == NULL) problem_of("calloc");
  talk_prepare(options->message_bytes);

  int pacer = connected_socket(options->port);
  int *idle = open_idle(options->port, options->idle, pacer);
  reset_socket(pacer);
  server_settle(options->server);
  for (uint32_t i = 0; i < count; i++) talk_start(&closed.talks[i], i, closed.poller, options->port);
  for (uint32_t i = 0; i < count; i++) refill(&closed, &closed.talks[i], now_nanos());
  measure(&closed);

  for (uint32_t i = 0; i < count; i++) reset_socket(closed.talks[i].socket);
  close_idle(idle, options->idle);
  server_settle(options->server);
}
