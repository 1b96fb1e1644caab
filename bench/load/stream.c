/*
 * One-way streams over one connection, in pieces of `message_bytes`; a piece counts as a request.
 *
 * Received by the server: it counts, and once it has `total_bytes` it answers with that number and a line end. Only then
 * the turn is over: bytes that wait in the system's buffers were not received.
 * Sent by the server: `total_bytes` and the end of the stream, every byte STREAM_BYTE. To drain such a stream is to let the
 * system discard most of it: who sends may then be faster than anybody receives, and how much so is what is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "program.h"
#include "server.h"
#include "socket.h"

#define STREAM_BYTE 's'
#define RECEIVE_BYTES (256 * 1024)
/* Longer than any turn: a server that hangs must not hang the benchmark. */
#define PATIENCE_SECONDS 60
/* When a stream is drained, one of so many receives takes the bytes and looks at them. */
#define DRAINED_BEFORE_A_LOOK 64

/* Blocking is the simplest, and the fastest for one connection. */
static int blocking_socket(uint16_t port) {
  struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
  int socket = connected_socket(port);
  if (fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) & ~O_NONBLOCK) != 0) problem_of("fcntl");
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return socket;
}

static char *buffer_of(size_t bytes) {
  char *buffer = malloc(bytes);
  if (buffer == NULL) problem_of("malloc");
  memset(buffer, STREAM_BYTE, bytes);
  return buffer;
}

static void finish(const struct options *options, struct result *result, const struct window *window) {
  result->seconds = (double)(now_nanos() - window->begin_nanos) / NANOS_PER_SECOND;
  result->cpu_micros = window_cpu_micros(window, options->server);
  result->rss_bytes = server_rss_bytes(options->server);
  result->requests = options->total_bytes / options->message_bytes;
}

static void send_all(int socket, const char *piece, const struct options *options) {
  for (uint64_t rest = options->total_bytes; rest > 0;) {
    size_t part = rest < options->message_bytes ? rest : options->message_bytes;
    ssize_t sent = send(socket, piece, part, MSG_NOSIGNAL);
    if (sent < 0) problem_of("connection lost: send");
    rest -= (uint64_t)sent;
  }
}

static uint64_t receive_count(int socket) {
  char line[32] = "";
  size_t have = 0;
  while (memchr(line, '\n', have) == NULL) {
    if (have == sizeof line - 1) problem("the server's count is no line: %s", line);
    ssize_t got = recv(socket, line + have, sizeof line - 1 - have, 0);
    if (got < 0) problem_of("connection lost: recv");
    if (got == 0) problem("connection lost: the server ended it before it told its count");
    have += (size_t)got;
  }
  return strtoull(line, NULL, 10);
}

void run_receive(const struct options *options, struct result *result) {
  struct window window;
  char *piece = buffer_of(options->message_bytes);
  int socket = blocking_socket(options->port);
  server_settle(options->server);
  window_open(&window, options->server, 0);
  send_all(socket, piece, options);
  uint64_t count = receive_count(socket);
  finish(options, result, &window);
  if (count != options->total_bytes)
    problem("the server received %" PRIu64 " of %" PRIu64 " bytes", count, options->total_bytes);
  reset_socket(socket);
  free(piece);
  server_settle(options->server);
}

static uint64_t receive_all(int socket, char *buffer, bool is_drained) {
  uint64_t total = 0;
  for (uint64_t calls = 0;; calls++) {
    bool is_discarded = is_drained && calls % DRAINED_BEFORE_A_LOOK != 0;
    /* On a TCP socket that flag discards the bytes (tcp(7)). */
    ssize_t got = recv(socket, buffer, RECEIVE_BYTES, is_discarded ? MSG_TRUNC : 0);
    if (got < 0) problem_of("connection lost: recv");
    if (got == 0) return total;
    total += (uint64_t)got;
    if (is_discarded) continue;
    if (buffer[0] != STREAM_BYTE || buffer[got - 1] != STREAM_BYTE) problem("the stream is not what was agreed");
  }
}

static void take_stream(const struct options *options, struct result *result, bool is_drained) {
  struct window window;
  char *buffer = buffer_of(RECEIVE_BYTES);
  /* The server starts when it accepts. */
  window_open(&window, options->server, 0);
  int socket = blocking_socket(options->port);
  uint64_t count = receive_all(socket, buffer, is_drained);
  finish(options, result, &window);
  if (count != options->total_bytes)
    problem("the server sent %" PRIu64 " of %" PRIu64 " bytes", count, options->total_bytes);
  reset_socket(socket);
  free(buffer);
  server_settle(options->server);
}

void run_send(const struct options *options, struct result *result) { take_stream(options, result, false); }

void run_drain(const struct options *options, struct result *result) { take_stream(options, result, true); }
