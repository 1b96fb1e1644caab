#include "talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "program.h"
#include "socket.h"

/* So many requests go out with one call. */
#define BATCH 32
#define RECEIVE_BYTES (256 * 1024)

struct header {
  uint64_t number;
  uint64_t connection;
};
_Static_assert(sizeof(struct header) == HEADER_BYTES, "a header has no padding");

static uint32_t message_bytes;
static char *filling;
static char received[RECEIVE_BYTES];

void talk_prepare(uint32_t bytes) {
  message_bytes = bytes;
  filling = malloc(bytes);
  if (filling == NULL) problem_of("malloc");
  /* No period that divides a buffer's size: bytes that went to the wrong place must not look right. */
  for (uint32_t i = 0; i < bytes; i++) filling[i] = (char)(i % 251);
}

void talk_start(struct talk *talk, uint32_t index, int poller, uint16_t port) {
  memset(talk, 0, sizeof *talk);
  talk->index = index;
  talk->socket = connected_socket(port);
  watch(poller, talk->socket, EPOLLIN, talk);
}

static void set_blocked(struct talk *talk, int poller, bool blocked) {
  if (talk->blocked == blocked) return;
  talk->blocked = blocked;
  rewatch(poller, talk->socket, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, talk);
}

/* The unsent part of the next requests; returns the number of pieces. */
static int gather(const struct talk *talk, struct header *headers, struct iovec *pieces) {
  uint64_t waiting = talk->due - talk->sent;
  int count = 0;
  uint32_t skip = talk->sent_bytes;
  for (uint64_t i = 0; i < waiting && i < BATCH; i++, skip = 0) {
    headers[i] = (struct header){talk->sent + i, talk->index};
    if (skip < HEADER_BYTES)
      pieces[count++] = (struct iovec){(char *)&headers[i] + skip, HEADER_BYTES - skip};
    uint32_t from = skip < HEADER_BYTES ? HEADER_BYTES : skip;
    if (from < message_bytes) pieces[count++] = (struct iovec){filling + from, message_bytes - from};
  }
  return count;
}

void talk_send(struct talk *talk, int poller) {
  struct header headers[BATCH];
  struct iovec pieces[2 * BATCH];
  while (talk->sent < talk->due) {
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)gather(talk, headers, pieces)};
    ssize_t bytes = sendmsg(talk->socket, &message, MSG_NOSIGNAL);
    if (bytes < 0 && errno == EAGAIN) return set_blocked(talk, poller, true);
    if (bytes < 0) problem_of("connection lost: send");
    uint64_t total = talk->sent_bytes + (uint64_t)bytes;
    talk->sent += total / message_bytes;
    talk->sent_bytes = (uint32_t)(total % message_bytes);
  }
  set_blocked(talk, poller, false);
}

static bool is_expected(const struct talk *talk, const char *bytes, uint32_t count) {
  const struct header header = {talk->answered, talk->index};
  uint32_t at = talk->answered_bytes;
  if (at < HEADER_BYTES) {
    uint32_t part = count < HEADER_BYTES - at ? count : HEADER_BYTES - at;
    if (memcmp(bytes, (const char *)&header + at, part) != 0) return false;
    bytes += part, at += part, count -= part;
  }
  return memcmp(bytes, filling + at, count) == 0;
}

uint32_t talk_receive(struct talk *talk) {
  ssize_t got = recv(talk->socket, received, sizeof received, 0);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got < 0) problem_of("connection lost: recv");
  if (got == 0) problem("connection lost: the server ended it");
  uint32_t completed = 0;
  const char *bytes = received;
  for (uint64_t rest = (uint64_t)got; rest > 0;) {
    if (talk->answered == talk->sent && talk->answered_bytes >= talk->sent_bytes)
      problem("the server sent more than it received");
    uint32_t missing = message_bytes - talk->answered_bytes;
    uint32_t part = rest < missing ? (uint32_t)rest : missing;
    if (!is_expected(talk, bytes, part))
      problem("connection %u: the echo is not what was sent, in request %ju", talk->index, (uintmax_t)talk->answered);
    bytes += part, rest -= part;
    talk->answered_bytes += part;
    if (talk->answered_bytes < message_bytes) continue;
    talk->answered_bytes = 0;
    talk->answered++;
    completed++;
  }
  return completed;
}
