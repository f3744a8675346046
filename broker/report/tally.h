/* tally.h - inside broker/report only: how often what happened, by some text: a client, a rule, ...
 *
 * Rows are kept in the order in which they first came. Past the cap, what is new is counted in a row for
 * all others, and the writers say so. */
#ifndef BROKER_REPORT_TALLY_H
#define BROKER_REPORT_TALLY_H

#include "broker/base/arena.h"
#include "broker/report/fingers.h"

enum happening { HAPPENED_ISSUED, HAPPENED_DENIED, HAPPENED_REVOKED, HAPPENED_FAILED };
#define HAPPENING_COUNT 4

#define TALLY_TEXT_MAX 200U /* bytes kept of a text; what follows is left out */
#define TALLY_EXAMPLES 3U
#define TALLY_OTHERS UINT32_MAX

struct tally_row {
    struct slice text; /* as in the log: unescaped, any bytes; owned by the tally */
    uint64_t count[HAPPENING_COUNT];
    uint64_t total;            /* where only one thing is counted */
    int64_t first_us, last_us; /* 0: never, within the period */
    int64_t ever_us;           /* clients: when the first certificate was issued, in all the log */
    uint64_t new_names;        /* clients: first seen in the period */
    struct slice examples[TALLY_EXAMPLES];
};

struct tally {
    const struct finger_key *key; /* borrowed */
    struct finger_map map;
    struct tally_row *rows; /* owned */
    size_t num, room, cap;
    struct tally_row others;
    uint64_t beyond; /* how often something fell to the others */
    struct arena texts;
};

void tally_init(struct tally *t, const struct finger_key *key, size_t cap);
void tally_free(struct tally *t);
/* tally_find - the number of its row, which is made if need be; TALLY_OTHERS past the cap. */
uint32_t tally_find(struct tally *t, struct slice text);
struct tally_row *tally_at(struct tally *t, uint32_t row);
/* tally_add - num more of it, at this time. */
void tally_add(struct tally *t, struct slice text, uint64_t num, int64_t us);
void tally_mark(struct tally_row *row, enum happening what, int64_t us);
struct slice tally_keep_text(struct tally *t,
                             struct slice text); /* a copy, cut; absent: no memory */

/* tally_sort - the rows with the most of it first, then by text; numbers of rows are no longer good. */
void tally_sort(struct tally *t);
/* tally_used - how many rows have anything counted; after tally_sort they come first. */
size_t tally_used(const struct tally *t);

#endif
