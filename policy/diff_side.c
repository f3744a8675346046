/* diff_side.c - see diff_parts.h: the rules of one client in one of the two policies. */
#include "policy/diff_parts.h"

const struct rule_digest *side_digest(const struct diff_side *side, const struct rule *rule)
{
    return &side->digests[rule - side->policy->rules];
}

struct slice side_digest_key(const struct diff_side *side, const struct rule *rule)
{
    return (struct slice){(const char *)side_digest(side, rule)->bytes, SHA256_LEN};
}

/* index_refs - of rules that mean the same the first counts. */
static bool index_refs(const struct diff_side *side, const struct rule_refs *refs,
                       struct table *ret)
{
    size_t seen = 0;
    for (size_t i = 0; i < refs->num; i++) {
        const struct slice key = side_digest_key(side, refs->items[i]);
        if ((!table_get(ret, SIDE_BY_DIGEST, key, &seen) &&
             !table_put(ret, SIDE_BY_DIGEST, key, i)) ||
            !table_put(ret, SIDE_BY_ID, slice_of(refs->items[i]->id), i)) {
            return false;
        }
    }
    return true;
}

bool side_index(struct diff *d, struct diff_side *side)
{
    if (side->client != NULL && (!index_refs(side, &side->client->allow, &side->allow) ||
                                 !index_refs(side, &side->client->deny, &side->deny))) {
        d->no_memory = true;
    }
    return !d->no_memory;
}

void side_free(struct diff_side *side)
{
    table_free(&side->allow);
    table_free(&side->deny);
}

const struct grant_list *side_grants(struct diff *d, struct diff_side *side)
{
    const size_t num_rules = side->client == NULL ? 0 : side->client->allow.num;
    if (side->has_grants) {
        return &side->grants;
    }
    side->grants.items =
        arena_array(&d->scratch, num_rules * POLICY_ACTION_COUNT + 1, sizeof(struct grant));
    d->no_memory = d->no_memory || side->grants.items == NULL;
    for (size_t i = 0; i < num_rules && !d->no_memory; i++) {
        size_t num = 0;
        (void)grants_of(d, side->policy, side->client, side->client->allow.items[i],
                        side->grants.items + side->grants.num, &num);
        side->grants.num += num;
    }
    side->has_grants = true;
    return &side->grants;
}

#define PASSES 4U /* over the candidates, for a grant that is not covered */

struct grant_list side_candidates(struct diff *d, struct diff_side *side, const struct rule *rule)
{
    const struct grant_list *all = side_grants(d, side);
    size_t at = 0;
    if (PASSES * all->num <= d->comparisons_left) {
        return *all;
    }
    struct grant_list own = {arena_array(&d->scratch, POLICY_ACTION_COUNT, sizeof(struct grant)),
                             0};
    if (own.items == NULL) {
        d->no_memory = true;
    } else if (table_get(&side->allow, SIDE_BY_ID, slice_of(rule->id), &at)) {
        (void)grants_of(d, side->policy, side->client, side->client->allow.items[at], own.items,
                        &own.num);
    }
    return own;
}

static bool refs_equal(const struct diff_side *a, const struct rule_refs *x,
                       const struct diff_side *b, const struct rule_refs *y)
{
    for (size_t i = 0; i < x->num && x->num == y->num; i++) {
        if (memcmp(side_digest(a, x->items[i]), side_digest(b, y->items[i]),
                   sizeof(struct rule_digest)) != 0) {
            return false;
        }
    }
    return x->num == y->num;
}

bool sides_equal(const struct diff_side *a, const struct diff_side *b)
{
    return refs_equal(a, &a->client->allow, b, &b->client->allow) &&
           refs_equal(a, &a->client->deny, b, &b->client->deny);
}
