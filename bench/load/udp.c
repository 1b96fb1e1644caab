/*
 * The closed load over UDP: every socket always has `depth` requests in flight, each in a datagram of its own, and sends
 * the next one when an answer has come.
 *
 * Datagrams may be lost, where a buffer is full: a request without an answer for a while is given up, and counted as
 * unanswered, and another takes its place. An answer to one that was given up is passed over.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "program.h"
#include "server.h"
#include "socket.h"

#define EVENTS 512
#define LEAD_NANOS (100 * NANOS_PER_MILLI)
#define PATIENCE_NANOS (1 * NANOS_PER_SECOND)
/* What one datagram of IPv4 holds. */
#define MOST_BYTES 65507
/* Answers taken, and requests sent, by one call. */
#define BATCH 64

/* The head of a request, and of its answer. */
struct header {
  uint64_t number;
  uint32_t socket;
  uint32_t place;
};

struct request {
  uint64_t number;
  int64_t sent_at_nanos;
};

struct peer {
  int socket;
  uint32_t index;
  uint64_t next;
  struct request *places; /* `depth` of them */
};

struct load {
  const struct options *options;
  struct result *result;
  int poller;
  struct peer *peers;
  char *filling;
  char *received; /* BATCH messages */
  uint64_t lost;
};

static int connected_udp_socket(uint16_t port) {
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) problem_of("socket");
  if (connect(socket_, (struct sockaddr *)&server, sizeof server) != 0) problem_of("connect");
  return socket_;
}

/* Sends a new request in each of these places of a socket. */
static void send_requests(struct load *load, struct peer *peer, const uint32_t *places, uint32_t count, int64_t now) {
  struct header headers[BATCH];
  struct iovec pieces[BATCH][2];
  struct mmsghdr messages[BATCH];
  size_t rest = load->options->message_bytes - sizeof(struct header);
  for (uint32_t i = 0; i < count; i++) {
    peer->places[places[i]] = (struct request){peer->next, now};
    headers[i] = (struct header){peer->next++, peer->index, places[i]};
    pieces[i][0] = (struct iovec){&headers[i], sizeof headers[i]};
    pieces[i][1] = (struct iovec){load->filling, rest};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = pieces[i], .msg_iovlen = rest > 0 ? 2 : 1}};
  }
  for (uint32_t sent = 0; sent < count;) {
    int now_sent = sendmmsg(peer->socket, messages + sent, count - sent, MSG_NOSIGNAL);
    if (now_sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return; /* Lost, and found to be so later. */
    if (now_sent < 0) problem_of("the server is not there: sendmmsg");
    sent += (uint32_t)now_sent;
  }
}

/* Whether it answers a request in flight; ends the program if it is not what was sent. */
static bool is_answer(struct load *load, struct peer *peer, const char *bytes, uint32_t count, struct header *header) {
  if (count != load->options->message_bytes) problem("a datagram of %u bytes came back", count);
  memcpy(header, bytes, sizeof *header);
  if (header->socket != peer->index || header->place >= load->options->depth)
    problem("an answer came to the wrong socket");
  if (memcmp(bytes + sizeof *header, load->filling, count - sizeof *header) != 0)
    problem("an answer is not what was sent");
  return peer->places[header->place].number == header->number;
}

/* Takes answers, and sends the next requests in their places. */
static void receive_answers(struct load *load, struct peer *peer, bool measured) {
  size_t size = load->options->message_bytes;
  struct iovec pieces[BATCH];
  struct mmsghdr messages[BATCH];
  for (int i = 0; i < BATCH; i++) {
    pieces[i] = (struct iovec){load->received + (size_t)i * (size + 1), size + 1};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &pieces[i], .msg_iovlen = 1}};
  }
  int count = recvmmsg(peer->socket, messages, BATCH, 0, NULL);
  if (count < 0 && errno == EAGAIN) return;
  if (count < 0) problem_of("the server is not there: recvmmsg");
  int64_t now = now_nanos();
  uint32_t places[BATCH], answered = 0;
  for (int i = 0; i < count; i++) {
    struct header header;
    if (!is_answer(load, peer, pieces[i].iov_base, messages[i].msg_len, &header)) continue;
    if (measured) histogram_add(&load->result->latency, now - peer->places[header.place].sent_at_nanos);
    places[answered++] = header.place;
  }
  if (measured) load->result->requests += answered;
  send_requests(load, peer, places, answered, now);
}

/* Gives up what has been in flight for too long. */
static void give_up(struct load *load, int64_t now, bool measured) {
  for (uint32_t i = 0; i < load->options->connections; i++) {
    struct peer *peer = &load->peers[i];
    for (uint32_t place = 0; place < load->options->depth; place++) {
      if (now - peer->places[place].sent_at_nanos < PATIENCE_NANOS) continue;
      if (measured) load->lost++;
      send_requests(load, peer, &place, 1, now);
    }
  }
}

/* Runs until a time; returns when it really stopped. */
static int64_t run_until(struct load *load, int64_t end_nanos, bool measured) {
  struct epoll_event events[EVENTS];
  int64_t now = now_nanos();
  int64_t look_nanos = now + PATIENCE_NANOS;
  while (now < end_nanos) {
    int count = wait_until(load->poller, events, EVENTS, look_nanos < end_nanos ? look_nanos : end_nanos);
    for (int i = 0; i < count; i++) receive_answers(load, events[i].data.ptr, measured);
    now = now_nanos();
    if (now < look_nanos) continue;
    give_up(load, now, measured);
    look_nanos = now + PATIENCE_NANOS;
  }
  if (measured && load->result->requests == 0) problem("the server answered no request");
  return now;
}

static void prepare(struct load *load) {
  const struct options *options = load->options;
  size_t size = options->message_bytes;
  if (size > MOST_BYTES) problem("a datagram holds %d bytes", MOST_BYTES);
  if (size < sizeof(struct header)) problem("a request has %zu bytes or more", sizeof(struct header));
  load->peers = calloc(options->connections, sizeof *load->peers);
  load->filling = malloc(size);
  load->received = malloc(BATCH * (size + 1));
  if (load->peers == NULL || load->filling == NULL || load->received == NULL) problem_of("malloc");
  for (size_t i = 0; i < size; i++) load->filling[i] = (char)(i % 251);
  for (uint32_t i = 0; i < options->connections; i++) {
    struct peer *peer = &load->peers[i];
    *peer = (struct peer){.socket = connected_udp_socket(options->port), .index = i};
    peer->places = calloc(options->depth, sizeof *peer->places);
    if (peer->places == NULL) problem_of("calloc");
    watch(load->poller, peer->socket, EPOLLIN, peer);
  }
}

void run_udp(const struct options *options, struct result *result) {
  struct load load = {.options = options, .result = result, .poller = new_poller()};
  struct window window;
  prepare(&load);
  server_settle(options->server);
  for (uint32_t i = 0; i < options->connections; i++)
    for (uint32_t place = 0; place < options->depth; place++)
      send_requests(&load, &load.peers[i], &place, 1, now_nanos());

  run_until(&load, now_nanos() + LEAD_NANOS, false);
  window_open(&window, options->server, options->seconds);
  int64_t stopped_nanos = run_until(&load, window.end_nanos, true);
  result->cpu_micros = window_cpu_micros(&window, options->server);
  result->rss_bytes = server_rss_bytes(options->server);
  result->seconds = (double)(stopped_nanos - window.begin_nanos) / NANOS_PER_SECOND;
  result->unanswered = (double)load.lost;

  for (uint32_t i = 0; i < options->connections; i++) close(load.peers[i].socket);
  server_settle(options->server);
}
