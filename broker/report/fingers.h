/* fingers.h - inside broker/report only: a map from texts to numbers that keeps 64 bits of each text.
 *
 * What is counted comes from strangers as well as friends, and there is a lot of it: so a text is only
 * its keyed hash (SipHash-2-4, a fresh key each run), of which nobody can make two alike on purpose, and
 * a map has a cap. Two of a million texts being taken for one by chance: once in 40 million runs. */
#ifndef BROKER_REPORT_FINGERS_H
#define BROKER_REPORT_FINGERS_H

#include "broker/base/bytes.h"

#define FINGER_NONE UINT32_MAX

struct finger_key {
    uint64_t half[2];
};

/* finger_key_fresh - from the kernel; where that cannot be had, from the address space and the clock:
 * a report is no secret. */
struct finger_key finger_key_fresh(void);
/* finger - of text behind what came before (0: nothing), so that lists have one, too. */
uint64_t finger(const struct finger_key *key, uint64_t before, struct slice text);

struct finger_map {
    uint64_t *keys; /* owned; 0: free */
    uint32_t *values;
    size_t num, room;
    size_t cap;
};

enum finger_put { FINGER_OLD, FINGER_NEW, FINGER_FULL };

void finger_map_init(struct finger_map *m, size_t cap);
void finger_map_free(struct finger_map *m);
/* finger_put - *ret: the value that is there (FINGER_OLD) or value, which was put there (FINGER_NEW).
 * FINGER_FULL: the cap is reached, or there is no memory; *ret is FINGER_NONE. */
enum finger_put finger_put(struct finger_map *m, uint64_t key, uint32_t value, uint32_t *ret);
uint32_t finger_get(const struct finger_map *m, uint64_t key);       /* FINGER_NONE: not there */
void finger_set(struct finger_map *m, uint64_t key, uint32_t value); /* of one that is there */

#endif
