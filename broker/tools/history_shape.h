/* history_shape.h - inside broker/tools only: what the requests of a client have in common, gathered
 * from the log: which names, keys, profiles and so on a rule must allow to cover them all. */
#ifndef BROKER_TOOLS_HISTORY_SHAPE_H
#define BROKER_TOOLS_HISTORY_SHAPE_H

#include "broker/base/arena.h"
#include "broker/history/history.h"

#define SEEN_MAX 20000U /* different texts of one kind: more than anybody reads as a rule */

struct seen { /* one text, and how often it was asked for */
    struct slice text;
    uint64_t count, denied;
    int64_t first_us, last_us;
};

struct seen_set {
    struct seen *items;
    size_t num, room;
    size_t *slots; /* open addressing: 1 + index in items, 0: free */
    size_t num_slots;
};

/* seen_add - once more; the text is copied into the arena when it is new. CB_ELIMIT: there are too
 * many different ones; CB_ENOMEM. */
enum cb_code seen_add(struct seen_set *set, struct arena *arena, struct slice text,
                      const struct history_ask *ask, struct cb_err *err) CB_MUST_USE;
void seen_sort(struct seen_set *set); /* by text; nothing may be added any more */
void seen_free(struct seen_set *set); /* zeroed is fine */

struct shape {
    uint64_t count, denied;
    int64_t first_us, last_us;
    uint64_t actions[POLICY_ACTION_COUNT];
    struct seen_set names[NAME_KIND_COUNT];
    size_t max_names;
    bool any_wildcard;
    bool any_without_host;
    struct seen_set common_names;
    bool all_cn_in_names; /* as far as there was one */
    struct seen_set subject[SUBJECT_ATTR_COUNT];
    size_t subject_max[SUBJECT_ATTR_COUNT];        /* in one request */
    uint64_t subject_requests[SUBJECT_ATTR_COUNT]; /* that had any */
    struct seen_set keys;                          /* "ecdsa-256" */
    struct seen_set profiles;
    struct seen_set parties; /* clients for whom it was asked */
};

void shape_init(struct shape *s);
void shape_free(struct shape *s);
/* shape_add - one more request. CB_ELIMIT and CB_ENOMEM as seen_add. */
enum cb_code shape_add(struct shape *s, struct arena *arena, const struct history_ask *ask,
                       struct cb_err *err) CB_MUST_USE;
void shape_sort(struct shape *s);

/* shape_client - the client's id in a principal. */
struct slice shape_client(struct slice principal);

#endif
