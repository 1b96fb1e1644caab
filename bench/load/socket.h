/* Sockets to the server, which is always on 127.0.0.1, and waiting for them. */
#ifndef SOCKET_H
#define SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Lets this process have so many descriptors; says what to do if the system does not. */
void allow_descriptors(uint32_t count);

/* A connected, non-blocking socket without Nagle's delay. */
int connected_socket(uint16_t port);

/* The same, its connecting perhaps still under way. */
int connecting_socket(uint16_t port);

/* Ends the program if the connecting failed. */
void check_connected(int socket);

/* By a reset: no TIME_WAIT holds the port afterwards, or a benchmark would soon run out of ports. */
void reset_socket(int socket);

int new_poller(void);
/* `data` comes back with the events of the socket. */
void watch(int poller, int socket, uint32_t events, void *data);
void rewatch(int poller, int socket, uint32_t events, void *data);

/* As epoll_wait(2), until a time of the monotonic clock, to the nanosecond. */
int wait_until(int poller, struct epoll_event *events, int room, int64_t until_nanos);

#endif
