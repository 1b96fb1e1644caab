/*
 * The open load: requests become due at a fixed rate, in turn on every connection, whether or not earlier ones were
 * answered. Latency counts from the moment a request was due, not from when it could be sent: a server that stalls
 * cannot hide what waited meanwhile (no "coordinated omission").
 */
#include <stdlib.h>
#include "program.h"
#include "server.h"
#include "socket.h"
#include "talk.h"

#define EVENTS 512
#define LEAD_NANOS (200 * NANOS_PER_MILLI)
/* How long answers may be late after the window. A server that needs longer is overloaded. */
#define PATIENCE_NANOS (1 * NANOS_PER_SECOND)

struct open {
  const struct options *options;
  struct result *result;
  int poller;
  struct talk *talks;
  int64_t start_nanos;
  uint64_t issued;         /* requests that became due, on all connections */
  struct window window;
  uint64_t due_in_window;
  uint64_t answered_in_time; /* answers that came within the window, to whichever request */
};

/* The request of this number on all connections; its connection is the number modulo their count. */
static int64_t due_at(const struct open *open, uint64_t request) {
  return open->start_nanos + (int64_t)((double)request / open->options->rate * NANOS_PER_SECOND);
}

static bool in_window(const struct open *open, int64_t nanos) {
  return nanos >= open->window.begin_nanos && nanos < open->window.end_nanos;
}

/* What became due on a connection since the last time goes out together. */
static void issue(struct open *open, int64_t now) {
  uint32_t connections = open->options->connections;
  uint64_t first = open->issued;
  for (; due_at(open, open->issued) <= now; open->issued++) {
    open->talks[open->issued % connections].due++;
    if (in_window(open, due_at(open, open->issued))) open->due_in_window++;
  }
  for (uint64_t i = first; i < open->issued && i < first + connections; i++) {
    struct talk *talk = &open->talks[i % connections];
    if (!talk->blocked) talk_send(talk, open->poller);
  }
}

static void receive(struct open *open, struct talk *talk) {
  uint32_t completed = talk_receive(talk);
  int64_t now = now_nanos();
  if (in_window(open, now)) open->answered_in_time += completed;
  for (uint64_t nth = talk->answered - completed; nth < talk->answered; nth++) {
    int64_t due = due_at(open, nth * open->options->connections + talk->index);
    if (in_window(open, due)) histogram_add(&open->result->latency, now - due);
  }
}

/* One wait, and what came of it. */
static void step(struct open *open, int64_t until_nanos) {
  struct epoll_event events[EVENTS];
  int count = wait_until(open->poller, events, EVENTS, until_nanos);
  for (int i = 0; i < count; i++) {
    struct talk *talk = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) talk_send(talk, open->poller);
    if (events[i].events & ~(uint32_t)EPOLLOUT) receive(open, talk);
  }
}

static void run_until(struct open *open, int64_t end_nanos) {
  for (int64_t now = now_nanos(); now < end_nanos; now = now_nanos()) {
    issue(open, now);
    int64_t next = due_at(open, open->issued);
    step(open, next < end_nanos ? next : end_nanos);
  }
}

static void drain(struct open *open) {
  int64_t end_nanos = now_nanos() + PATIENCE_NANOS;
  while (open->result->latency.count < open->due_in_window && now_nanos() < end_nanos) step(open, end_nanos);
}

static void measure(struct open *open) {
  const struct options *options = open->options;
  struct result *result = open->result;
  open->start_nanos = now_nanos();
  run_until(open, open->start_nanos + LEAD_NANOS);
  window_open(&open->window, options->server, options->seconds);
  run_until(open, open->window.end_nanos);
  result->cpu_micros = window_cpu_micros(&open->window, options->server);
  result->rss_bytes = server_rss_bytes(options->server);
  result->seconds = options->seconds;
  issue(open, open->window.end_nanos - 1);
  drain(open);
  result->requests = open->answered_in_time;
  result->unanswered = (double)(open->due_in_window - result->latency.count);
}

void run_open(const struct options *options, struct result *result) {
  uint32_t count = options->connections;
  struct open open = {.options = options, .result = result, .poller = new_poller()};
  open.talks = calloc(count, sizeof *open.talks);
  if (open.talks == NULL) problem_of("calloc");
  talk_prepare(options->message_bytes);
  for (uint32_t i = 0; i < count; i++) talk_start(&open.talks[i], i, open.poller, options->port);
  server_settle(options->server);
  measure(&open);
  for (uint32_t i = 0; i < count; i++) reset_socket(open.talks[i].socket);
  server_settle(options->server);
}
