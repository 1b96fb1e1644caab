#define _GNU_SOURCE
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "program.h"

/* Standard streams, the poller, and a few to spare. */
#define OTHER_DESCRIPTORS 32

void allow_descriptors(uint32_t count) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) problem_of("getrlimit");
  rlim_t wanted = (rlim_t)count + OTHER_DESCRIPTORS;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  if (limit.rlim_max < wanted) limit.rlim_max = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    problem("%u descriptors are not allowed here; raise the limit (ulimit -Hn %ju)", count, (uintmax_t)wanted);
}

int connecting_socket(uint16_t port) {
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) problem_of("socket");
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(socket_, (struct sockaddr *)&server, sizeof server) != 0 && errno != EINPROGRESS)
    problem_of("connect");
  return socket_;
}

void check_connected(int socket_) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) return;
  errno = error;
  problem_of("connect");
}

int connected_socket(uint16_t port) {
  const int64_t patience_nanos = 10 * NANOS_PER_SECOND;
  int socket_ = connecting_socket(port);
  int poller = new_poller();
  struct epoll_event event;
  watch(poller, socket_, EPOLLOUT, NULL);
  if (wait_until(poller, &event, 1, now_nanos() + patience_nanos) == 0)
    problem("the server accepts no connection");
  close(poller);
  check_connected(socket_);
  return socket_;
}

void reset_socket(int socket_) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(socket_);
}

int new_poller(void) {
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) problem_of("epoll_create1");
  return poller;
}

static void control(int poller, int operation, int socket_, uint32_t events, void *data) {
  struct epoll_event event = {.events = events, .data.ptr = data};
  if (epoll_ctl(poller, operation, socket_, &event) != 0) problem_of("epoll_ctl");
}

void watch(int poller, int socket_, uint32_t events, void *data) {
  control(poller, EPOLL_CTL_ADD, socket_, events, data);
}

void rewatch(int poller, int socket_, uint32_t events, void *data) {
  control(poller, EPOLL_CTL_MOD, socket_, events, data);
}

int wait_until(int poller, struct epoll_event *events, int room, int64_t until_nanos) {
  int64_t rest = until_nanos - now_nanos();
  if (rest < 0) rest = 0;
  struct timespec time = {.tv_sec = rest / NANOS_PER_SECOND, .tv_nsec = rest % NANOS_PER_SECOND};
  /* By its number: the C library has a function for it since a short time only. */
  long count = syscall(SYS_epoll_pwait2, poller, events, room, &time, NULL, (size_t)0);
  if (count < 0 && errno == EINTR) return 0;
  if (count < 0) problem_of("epoll_pwait2 (Linux 5.11 or later)");
  return (int)count;
}
