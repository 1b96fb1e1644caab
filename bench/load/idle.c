#include "idle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "program.h"
#include "socket.h"

/* Fewer than any server's backlog. */
#define GROUP 64
#define REQUEST_BYTES 64
#define PATIENCE_NANOS (10 * NANOS_PER_SECOND)

void round_trip(int socket) {
  char request[REQUEST_BYTES], answer[REQUEST_BYTES];
  struct epoll_event event;
  memset(request, 'i', sizeof request);
  if (send(socket, request, sizeof request, MSG_NOSIGNAL) != sizeof request) problem_of("send");
  int poller = new_poller();
  watch(poller, socket, EPOLLIN, NULL);
  for (size_t have = 0; have < sizeof answer;) {
    if (wait_until(poller, &event, 1, now_nanos() + PATIENCE_NANOS) == 0) problem("the server does not answer");
    ssize_t got = recv(socket, answer + have, sizeof answer - have, 0);
    if (got == 0) problem("connection lost: the server ended it");
    if (got < 0 && errno != EAGAIN) problem_of("connection lost: recv");
    if (got > 0) have += (size_t)got;
  }
  close(poller);
  if (memcmp(request, answer, sizeof answer) != 0) problem("the echo is not what was sent");
}

int *open_idle(uint16_t port, uint32_t count, int pacer) {
  int *sockets = calloc(count + 1, sizeof *sockets);
  if (sockets == NULL) problem_of("calloc");
  for (uint32_t i = 0; i < count; i++) {
    sockets[i] = connected_socket(port);
    if (i % GROUP == GROUP - 1) round_trip(pacer);
  }
  return sockets;
}

void close_idle(int *sockets, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) reset_socket(sockets[i]);
  free(sockets);
}
