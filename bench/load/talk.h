/*
 * One connection's conversation with an echo server: requests go out as they become due, and every byte that comes
 * back is compared with what must come.
 *
 * A request is a header (its number, and the connection's) and a filling that all requests share. What a connection
 * must receive is thus known from two counters, and nothing that was sent is kept.
 */
#ifndef TALK_H
#define TALK_H

#include <stdbool.h>
#include <stdint.h>

#define HEADER_BYTES 16

struct talk {
  int socket;
  uint32_t index;
  uint64_t due;            /* requests that may be sent by now, since the beginning */
  uint64_t sent;           /* whole ones */
  uint32_t sent_bytes;     /* of the one after them */
  uint64_t answered;       /* whole ones */
  uint32_t answered_bytes; /* of the one after them */
  bool blocked;            /* the socket's buffer is full */
};

/* To be called once: the size of every request, at least HEADER_BYTES. */
void talk_prepare(uint32_t message_bytes);

/* Connects, and lets the poller tell of what arrives, and while `blocked` also of room to send. */
void talk_start(struct talk *talk, uint32_t index, int poller, uint16_t port);

/* Sends what is due, as far as the socket takes it. */
void talk_send(struct talk *talk, int poller);

/* Takes what arrived; returns how many requests it completed. They are the ones before `answered`. */
uint32_t talk_receive(struct talk *talk);

#endif
