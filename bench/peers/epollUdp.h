/* The mode `udp` of the peer in C. */
#ifndef EPOLL_UDP_H
#define EPOLL_UDP_H

#include <stdint.h>

/* Sends back every datagram that comes, until standard input ends. Port 0 lets the system choose. */
void serve_udp(uint16_t port);

#endif
