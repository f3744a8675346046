/* finish.c - what can be worked out once everything was read: order, and what is shown first. */
#include "broker/report/model.h"

#include <stdlib.h>

static int compare_denials(const void *a, const void *b)
{
    const struct denial *x = a;
    const struct denial *y = b;
    return (x->allowed_us < y->allowed_us) - (x->allowed_us > y->allowed_us);
}

/* keep_allowed - only those that were allowed later, the newest first; the map is void then. */
static void keep_allowed(struct report *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->num_denials; i++) {
        if (r->denials[i].in_period) {
            r->denials[kept++] = r->denials[i];
        }
    }
    r->num_denials = kept;
    if (kept > 1) {
        qsort(r->denials, kept, sizeof(*r->denials), compare_denials);
    }
    finger_map_free(&r->denial_map);
}

/* compare_specials - new ones first, then wildcards, then the newest. */
static int compare_specials(const void *a, const void *b)
{
    const struct special *x = a;
    const struct special *y = b;
    if (x->is_new != y->is_new) {
        return x->is_new ? -1 : 1;
    }
    if (x->is_wildcard != y->is_wildcard) {
        return x->is_wildcard ? -1 : 1;
    }
    return (x->last_us < y->last_us) - (x->last_us > y->last_us);
}

/* compare_holders - who is new here first; then who got few new names: in one that never changes, a
 * single new name says more than the thousandth of one whose names change all day. */
static int compare_holders(const void *a, const void *b, void *ctx)
{
    const struct tally_row *x = a;
    const struct tally_row *y = b;
    const int64_t since_us = *(const int64_t *)ctx;
    const bool x_new = x->ever_us >= since_us;
    const bool y_new = y->ever_us >= since_us;
    if ((x->new_names > 0) != (y->new_names > 0)) {
        return x->new_names > 0 ? -1 : 1;
    }
    if (x_new != y_new) {
        return x_new ? -1 : 1;
    }
    if (x->new_names != y->new_names) {
        return x->new_names < y->new_names ? -1 : 1;
    }
    return (x->last_us < y->last_us) - (x->last_us > y->last_us);
}

static void sort_holders(struct report *r)
{
    if (r->holders.num > 1) {
        qsort_r(r->holders.rows, r->holders.num, sizeof(*r->holders.rows), compare_holders,
                &r->since_us);
    }
}

void report_finish(struct report *r)
{
    struct tally *const tallies[] = {&r->clients,       &r->rules,           &r->owners,
                                     &r->sources,       &r->deny_reasons,    &r->fail_reasons,
                                     &r->authn_reasons, &r->refused_reasons, &r->drop_reasons};
    for (size_t i = 0; i < sizeof(tallies) / sizeof(tallies[0]); i++) {
        tally_sort(tallies[i]);
    }
    certs_finish(&r->certs);
    keep_allowed(r);
    if (r->num_specials > 1) {
        qsort(r->specials, r->num_specials, sizeof(*r->specials), compare_specials);
    }
    sort_holders(r);
}
