/*
 * The floor: what these servers cost in C, with one thread and level-triggered epoll.
 *
 *     epoll echo|receive|send|udp PORT TOTAL_BYTES
 *
 * As protocol.mjs says. It ends when its standard input does, that is with the runner.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "epollUdp.h"

#define EVENTS 512
#define BACKLOG 511
#define BUFFER_BYTES (64 * 1024)

struct connection {
  int socket;
  uint64_t count;      /* bytes received, or sent, of a stream */
  char *unsent;        /* what the socket did not take at first; NULL: nothing */
  size_t unsent_from;  /* from here on it did not take it yet either */
  size_t unsent_bytes;
};

/* Returns false when the connection is over. */
typedef bool handler(struct connection *, uint32_t events);

static int poller;
static uint64_t total_bytes;
static char buffer[BUFFER_BYTES];

_Noreturn static void problem(const char *what) {
  perror(what);
  exit(1);
}

static void control(int operation, int descriptor, uint32_t events, void *data) {
  struct epoll_event event = {.events = events, .data.ptr = data};
  if (epoll_ctl(poller, operation, descriptor, &event) != 0) problem("epoll_ctl");
}

/* Keeps what the socket did not take, and reads nothing more until it is gone. */
static bool keep(struct connection *connection, const char *bytes, size_t count) {
  connection->unsent = malloc(count);
  if (connection->unsent == NULL) return false;
  memcpy(connection->unsent, bytes, count);
  connection->unsent_from = 0;
  connection->unsent_bytes = count;
  control(EPOLL_CTL_MOD, connection->socket, EPOLLOUT, connection);
  return true;
}

static bool send_unsent(struct connection *connection) {
  const char *bytes = connection->unsent + connection->unsent_from;
  ssize_t sent = send(connection->socket, bytes, connection->unsent_bytes, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN;
  connection->unsent_from += (size_t)sent;
  connection->unsent_bytes -= (size_t)sent;
  if (connection->unsent_bytes > 0) return true;
  free(connection->unsent);
  connection->unsent = NULL;
  control(EPOLL_CTL_MOD, connection->socket, EPOLLIN, connection);
  return true;
}

static bool echo(struct connection *connection, uint32_t events) {
  if (connection->unsent != NULL) return (events & EPOLLERR) == 0 && send_unsent(connection);
  ssize_t got = recv(connection->socket, buffer, sizeof buffer, 0);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  ssize_t sent = send(connection->socket, buffer, (size_t)got, MSG_NOSIGNAL);
  if (sent == got) return true;
  if (sent < 0 && errno != EAGAIN) return false;
  size_t taken = sent < 0 ? 0 : (size_t)sent;
  return keep(connection, buffer + taken, (size_t)got - taken);
}

static bool receive(struct connection *connection, uint32_t events) {
  char line[32];
  (void)events;
  ssize_t got = recv(connection->socket, buffer, sizeof buffer, 0);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  connection->count += (uint64_t)got;
  if (connection->count != total_bytes) return true;
  int length = snprintf(line, sizeof line, "%" PRIu64 "\n", total_bytes);
  return send(connection->socket, line, (size_t)length, MSG_NOSIGNAL) == length;
}

static bool send_stream(struct connection *connection, uint32_t events) {
  if (events & EPOLLERR) return false;
  while (connection->count < total_bytes) {
    uint64_t rest = total_bytes - connection->count;
    ssize_t sent = send(connection->socket, buffer, rest < sizeof buffer ? rest : sizeof buffer, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    connection->count += (uint64_t)sent;
  }
  return false;
}

static int listen_on(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int on = 1;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) problem("socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, size) != 0) problem("bind");
  if (listen(listener, BACKLOG) != 0) problem("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &size) != 0) problem("getsockname");
  printf("listening %u\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static void accept_all(int listener, uint32_t interest) {
  int on = 1;
  for (;;) {
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) problem("calloc");
    connection->socket = socket;
    control(EPOLL_CTL_ADD, socket, interest, connection);
  }
}

static void end(struct connection *connection) {
  close(connection->socket);
  free(connection->unsent);
  free(connection);
}

static void allow_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) problem("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int count, char **arguments) {
  static const struct {
    const char *name;
    handler *handle;
    uint32_t interest;
  } modes[] = {{"echo", echo, EPOLLIN}, {"receive", receive, EPOLLIN}, {"send", send_stream, EPOLLOUT}};
  struct epoll_event events[EVENTS];
  size_t mode = 0;
  if (count < 4) return fprintf(stderr, "epoll echo|receive|send|udp PORT TOTAL_BYTES\n"), 1;
  if (strcmp(arguments[1], "udp") == 0) return serve_udp((uint16_t)strtoul(arguments[2], NULL, 10)), 0;
  while (mode < 3 && strcmp(modes[mode].name, arguments[1]) != 0) mode++;
  if (mode == 3) return fprintf(stderr, "No mode is called %s\n", arguments[1]), 1;
  total_bytes = strtoull(arguments[3], NULL, 10);
  memset(buffer, 's', sizeof buffer);
  allow_descriptors();

  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) problem("epoll_create1");
  int listener = listen_on((uint16_t)strtoul(arguments[2], NULL, 10));
  control(EPOLL_CTL_ADD, listener, EPOLLIN, &listener);
  /* Fails where standard input is a file, of which no end can be waited for. */
  struct epoll_event ending = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &ending) != 0 && errno != EPERM) problem("epoll_ctl");

  for (;;) {
    int ready = epoll_wait(poller, events, EVENTS, -1);
    if (ready < 0 && errno != EINTR) problem("epoll_wait");
    for (int i = 0; i < ready; i++) {
      void *data = events[i].data.ptr;
      if (data == NULL) return 0;
      if (data == &listener) accept_all(listener, modes[mode].interest);
      else if (!modes[mode].handle(data, events[i].events)) end(data);
    }
  }
}
