/* list_parts.h - inside policy/ only: what the two forms of policy_list share. */
#ifndef POLICY_LIST_PARTS_H
#define POLICY_LIST_PARTS_H

#include "policy/review.h"
#include "policy/rule.h"

/* Per client: which credentials and groups are its own. items[first[c] .. first[c + 1] - 1]. */
struct by_client {
    size_t *first;
    size_t *items;
};

struct listing {
    const struct policy *policy;
    int64_t now_s;
    struct by_client creds;  /* indexes in policy->creds */
    struct by_client wide;   /* indexes in policy->wide */
    struct by_client groups; /* indexes in policy->groups */
    size_t *mark;            /* per client: 1 + the last rule of which a group holds it */
    bool is_short;           /* the width is limited */
    struct buf *out;
};

enum list_state { LIST_ACTIVE, LIST_ENDS_SOON, LIST_ENDED };
enum list_state list_state(const struct listing *l, int64_t until_s);
/* list_mark_groups - mark the clients that rule number r names by a group. */
void list_mark_groups(const struct listing *l, size_t r);

void list_json(struct listing *l);

#endif
