/*
 * The floor of UDP: an echo in C, with one thread and level-triggered epoll. Up to 32 datagrams are taken by one call, and
 * sent back by one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "epollUdp.h"

#define BATCH 32
#define MOST_BYTES 65535

static char buffers[BATCH][MOST_BYTES];
static struct sockaddr_in names[BATCH];
static struct iovec pieces[BATCH];
static struct mmsghdr messages[BATCH];

_Noreturn static void problem(const char *what) {
  perror(what);
  exit(1);
}

static int bind_to(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) problem("socket");
  if (bind(descriptor, (struct sockaddr *)&address, size) != 0) problem("bind");
  if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) problem("getsockname");
  printf("listening %u\n", ntohs(address.sin_port));
  fflush(stdout);
  return descriptor;
}

/* What the socket does not take is lost, as datagrams are. */
static void echo(int descriptor) {
  for (int i = 0; i < BATCH; i++) {
    pieces[i] = (struct iovec){buffers[i], MOST_BYTES};
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
  }
  int count = recvmmsg(descriptor, messages, BATCH, 0, NULL);
  for (int i = 0; i < count; i++) pieces[i].iov_len = messages[i].msg_len;
  for (int sent = 0; sent < count;) {
    int now_sent = sendmmsg(descriptor, messages + sent, (unsigned)(count - sent), 0);
    sent += now_sent > 0 ? now_sent : 1;
  }
}

void serve_udp(uint16_t port) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = bind_to(port)};
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) problem("epoll_create1");
  if (epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event) != 0) problem("epoll_ctl");
  /* Fails where standard input is a file, of which no end can be waited for. */
  struct epoll_event ending = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &ending) != 0 && errno != EPERM) problem("epoll_ctl");
  for (;;) {
    int ready = epoll_wait(poller, &event, 1, -1);
    if (ready < 0 && errno != EINTR) problem("epoll_wait");
    if (ready <= 0) continue;
    if (event.data.fd == STDIN_FILENO) return;
    echo(event.data.fd);
  }
}
