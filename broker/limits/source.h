/* source.h - what strangers do, by where it comes from: the first of a kind in ten seconds is worth a
 * record, the rest a number.
 *
 * A source is an IPv4 address or an IPv6 /64 network. In memory, bounded, shared by all workers. */
#ifndef BROKER_LIMITS_SOURCE_H
#define BROKER_LIMITS_SOURCE_H

#include "broker/base/bytes.h"

struct sources; /* opaque */

struct sources *sources_new(void);    /* NULL: out of memory */
void sources_free(struct sources *s); /* NULL ok */

#define SOURCE_PEER_MAX 64U
#define SOURCE_WORD_MAX 40U
#define SOURCES_MAX 4096U

struct source_key {
    unsigned kind;       /* the caller's */
    struct slice peer;   /* "192.0.2.7:40112", "[2001:db8::1]:40112" */
    struct slice via;    /* how it tried to authenticate; absent: not at all */
    struct slice reason; /* why it failed */
};

/* sources_take - true: record this one. False: it is counted, see sources_next_count. Words are cut at
 * SOURCE_WORD_MAX. A new source while the table is full is counted without saying whose. Any thread. */
bool sources_take(struct sources *s, const struct source_key *key, int64_t mono_us);

struct source_count {
    unsigned kind;
    char peer
        [SOURCE_PEER_MAX]; /* without a port; "2001:db8::/64"; "": of those that found no place */
    char via[SOURCE_WORD_MAX + 1];
    char reason[SOURCE_WORD_MAX + 1];
    uint64_t num;              /* without the first, which was recorded */
    int64_t first_us, last_us; /* monotonic, of those counted */
};
/* sources_next_count - take the next count whose ten seconds are over; INT64_MAX as mono_us: all of
 * them. False: there is none. Any thread. */
bool sources_next_count(struct sources *s, int64_t mono_us, struct source_count *ret);

#endif
