/* peers.h - how many connections each peer address has: a small fixed table.
 *
 * An IPv6 peer is its /64, the smallest block that is handed out to one party. The table is made
 * for a known number of connections and never grows. Single-threaded. */
#ifndef BROKER_EDGE_PEERS_H
#define BROKER_EDGE_PEERS_H

#include "broker/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define PEER_TEXT_MAX 64 /* "[v6 address]:port" and NUL */

struct peer_key {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d; a /64's second half is zero */
    bool is_counted;   /* false: a local (Unix) peer, which has no address to count by */
};

struct peers; /* opaque */

/* peers_new - NULL when out of memory. room: the most connections there will ever be at once. */
struct peers *peers_new(unsigned room);
void peers_free(struct peers *p); /* NULL ok */

/* peers_add - count one more connection of key unless it has max already: then false. */
bool peers_add(struct peers *p, const struct peer_key *key, unsigned max);
/* peers_remove - one less; only after a peers_add that was true. */
void peers_remove(struct peers *p, const struct peer_key *key);

/* peer_describe - key and printable text ("192.0.2.7:40112", "[2001:db8::1]:40112", "unix"). */
void peer_describe(const struct sockaddr *addr, struct peer_key *ret_key,
                   char ret_text[PEER_TEXT_MAX]);

#endif
