/* Connections that are open and silent. */
#ifndef IDLE_H
#define IDLE_H

#include <stdint.h>

/* One request and its answer on a connection, waited for. */
void round_trip(int socket);

/*
 * Opens silent connections at the pace at which the server accepts them: now and then it waits for an answer on
 * `pacer`, a connection to the same server. A backlog that overflows costs a second, until the SYN is sent again.
 */
int *open_idle(uint16_t port, uint32_t count, int pacer);

void close_idle(int *sockets, uint32_t count);

#endif
