/* diff.c - see review.h: what two policies differ in, client by client. Drives; what is compared how is
 * in the other diff_*.c.
 *
 * Clients whose rules are the same, by digest and in order, cost next to nothing, and so do the same
 * rules of those that differ: work is in proportion to what has changed. */
#include "policy/diff_parts.h"
#include "policy/review_text.h"

#include <stdlib.h>

#define COMPARISONS_MAX 50000000U /* of grants, and of pairs of rules, in one run */
#define SCRATCH_CAP ((size_t)2 << 30)
#define SAID_MAX ((size_t)1 << 20)
#define PATTERNS_SAID 8U

/* ---- what is said ---- */

/* make_room - in the arena: what is outgrown stays behind in it. */
static bool make_room(struct diff *d)
{
    if (d->ret->num < d->room) {
        return true;
    }
    const size_t room = d->room == 0 ? 64 : d->room * 2;
    struct policy_change *items = arena_array(d->arena, room, sizeof(*items));
    if (items == NULL) {
        return false;
    }
    if (d->ret->num > 0) {
        memcpy(items, d->ret->items, d->ret->num * sizeof(*items));
    }
    d->ret->items = items;
    d->room = room;
    return true;
}

/* keep - "rule\ntext" in the arena: what is said once for each rule of a client. */
static struct slice keep(struct diff *d, const char *rule_id, struct buf *text)
{
    const struct slice rule = slice_of(rule_id == NULL ? "" : rule_id);
    struct slice kept = {NULL, rule.len + 1 + text->len};
    char *copy = buf_ok(text) ? arena_alloc(d->arena, kept.len + 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, rule.ptr, rule.len);
        copy[rule.len] = '\n';
        memcpy(copy + rule.len + 1, buf_slice(text).ptr, text->len);
        copy[kept.len] = '\0';
        kept.ptr = copy;
    }
    buf_free(text);
    return kept;
}

void diff_say(struct diff *d, const char *rule_id, const char *what, struct buf *text)
{
    const unsigned tag = d->gains ? 1U : 0U;
    const struct slice kept = keep(d, rule_id, text);
    size_t at = 0;
    d->num_said++;
    if (kept.ptr != NULL && table_get(&d->said, tag, kept, &at)) {
        return;
    }
    if (kept.ptr == NULL || !make_room(d) || !table_put(&d->said, tag, kept, d->ret->num)) {
        d->no_memory = true;
        return;
    }
    const char *said = memchr(kept.ptr, '\n', kept.len);
    CB_CHECK(said != NULL);
    d->ret->items[d->ret->num++] = (struct policy_change){
        .gains = d->gains, .client = d->client, .rule_id = rule_id, .what = what, .text = said + 1};
}

static void say_text(struct diff *d, const char *what, const char *text)
{
    struct buf copy;
    buf_init(&copy, SAID_MAX);
    buf_add_str(&copy, text);
    diff_say(d, NULL, what, &copy);
}

static void say_deny(struct diff *d, const struct rule *rule)
{
    struct buf text;
    buf_init(&text, SAID_MAX);
    buf_printf(&text, "%s ", d->gains ? "no longer refused:" : "refused:");
    review_what(&text, rule, PATTERNS_SAID);
    diff_say(d, rule->id, "deny", &text);
}

/* ---- one client: what it had on one side and has not on the other ---- */

static void missing_allow(struct diff *d, struct diff_side *from, struct diff_side *to)
{
    const struct rule_refs *rules = &from->client->allow;
    for (size_t i = 0; i < rules->num && !d->no_memory; i++) {
        struct grant grants[POLICY_ACTION_COUNT];
        size_t num = 0;
        size_t at = 0;
        const struct slice key = side_digest_key(from, rules->items[i]);
        if (table_get(&to->allow, SIDE_BY_DIGEST, key, &at) ||
            !grants_of(d, from->policy, from->client, rules->items[i], grants, &num)) {
            continue;
        }
        const struct grant_list others = side_candidates(d, to, rules->items[i]);
        for (size_t k = 0; k < num && !d->no_memory; k++) {
            const struct grant *by = NULL;
            if (cover_grant(d, &grants[k], &others, &by)) {
                order_say_covered(d, from, to, &grants[k], by);
            } else {
                cover_say(d, &grants[k], &others);
            }
        }
    }
}

/* added_deny - deny rules of to that from does without: what they refuse is lost. */
static void added_deny(struct diff *d, const struct diff_side *from, const struct diff_side *to)
{
    const struct rule_refs *rules = &to->client->deny;
    for (size_t i = 0; i < rules->num && !d->no_memory; i++) {
        size_t at = 0;
        const struct slice key = side_digest_key(to, rules->items[i]);
        if (!table_get(&from->deny, SIDE_BY_DIGEST, key, &at) &&
            !deny_covered(rules->items[i], &from->client->deny, &from->policy->deny_everybody)) {
            say_deny(d, rules->items[i]);
        }
    }
}

static void missing(struct diff *d, struct diff_side *from, struct diff_side *to, bool gains)
{
    d->gains = gains;
    missing_allow(d, from, to);
    if (to->client != NULL) {
        added_deny(d, from, to);
        order_say(d, from, to);
    }
}

static void compare_client(struct diff *d, struct diff_side *before, struct diff_side *after)
{
    if (before->client != NULL && after->client != NULL && sides_equal(before, after)) {
        return;
    }
    if (!side_index(d, before) || !side_index(d, after)) {
        return;
    }
    if (before->client != NULL) {
        missing(d, before, after, false);
    }
    if (after->client != NULL && !d->no_memory) {
        missing(d, after, before, true);
    }
}

/* ---- deny rules that are about everybody ---- */

struct everybody {
    const struct policy *from, *to;
    const struct rule_digest *from_digests, *to_digests;
};

/* covered_for_all - by deny rules of the clients' own, where there are none for everybody. */
static bool covered_for_all(const struct rule *rule, const struct policy *policy)
{
    for (size_t i = 0; i < policy->num_clients; i++) {
        if (!deny_covered(rule, &policy->clients[i].deny, &policy->deny_everybody)) {
            return false;
        }
    }
    return true;
}

static void added_deny_everybody(struct diff *d, const struct everybody *e, bool gains)
{
    static const struct rule_refs none;
    struct table had = {0};
    const struct diff_side from = {.policy = e->from, .digests = e->from_digests};
    const struct diff_side to = {.policy = e->to, .digests = e->to_digests};
    size_t at = 0;
    d->gains = gains;
    for (size_t i = 0; i < e->from->deny_everybody.num && !d->no_memory; i++) {
        const struct slice key = side_digest_key(&from, e->from->deny_everybody.items[i]);
        d->no_memory = !table_get(&had, 0, key, &at) && !table_put(&had, 0, key, i);
    }
    for (size_t i = 0; i < e->to->deny_everybody.num && !d->no_memory; i++) {
        const struct rule *rule = e->to->deny_everybody.items[i];
        if (!table_get(&had, 0, side_digest_key(&to, rule), &at) &&
            !deny_covered(rule, &none, &e->from->deny_everybody) &&
            !covered_for_all(rule, e->from)) {
            say_deny(d, rule);
        }
    }
    table_free(&had);
}

/* ---- all clients ---- */

static int compare_ids(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* all_ids - of both policies, sorted, each once; to be freed. */
static const char **all_ids(const struct policy *before, const struct policy *after,
                            size_t *ret_num)
{
    const size_t most = before->num_clients + after->num_clients;
    const char **ids = calloc(most + 1, sizeof(*ids));
    size_t num = 0;
    if (ids == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < before->num_clients; i++) {
        ids[num++] = before->clients[i].id;
    }
    for (size_t i = 0; i < after->num_clients; i++) {
        if (policy_client_by_id(before, slice_of(after->clients[i].id)) == NULL) {
            ids[num++] = after->clients[i].id;
        }
    }
    qsort(ids, num, sizeof(*ids), compare_ids);
    *ret_num = num;
    return ids;
}

static bool own_client_name(struct diff *d, const char *id)
{
    const char *copy = arena_dup(d->arena, slice_of(id));
    if (copy == NULL) {
        d->no_memory = true;
        return false;
    }
    d->client = copy;
    return true;
}

/* keep_rule_ids - of what was said: the result must not borrow from a policy. */
static void keep_rule_ids(struct diff *d)
{
    for (size_t i = d->first_change; i < d->ret->num && !d->no_memory; i++) {
        struct policy_change *change = &d->ret->items[i];
        if (change->rule_id != NULL) {
            change->rule_id = arena_dup(d->arena, slice_of(change->rule_id));
            d->no_memory = change->rule_id == NULL;
        }
    }
}

/* losses_first - of one client; the rest stays in its order. */
static void losses_first(struct diff *d)
{
    const size_t num = d->ret->num - d->first_change;
    struct policy_change *from = d->ret->items + d->first_change;
    struct policy_change *sorted = arena_array(&d->scratch, num + 1, sizeof(*sorted));
    size_t at = 0;
    if (sorted == NULL) {
        d->no_memory = true;
        return;
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < num; i++) {
            if (from[i].gains == (pass == 1)) {
                sorted[at++] = from[i];
            }
        }
    }
    memcpy(from, sorted, num * sizeof(*sorted));
}

struct digests {
    struct rule_digest *before, *after;
};

static void compare_one(struct diff *d, const char *id, const struct digests *digests,
                        const struct credential_changes *creds, size_t *next_cred)
{
    struct diff_side before = {.policy = d->before,
                               .client = policy_client_by_id(d->before, slice_of(id)),
                               .digests = digests->before};
    struct diff_side after = {.policy = d->after,
                              .client = policy_client_by_id(d->after, slice_of(id)),
                              .digests = digests->after};
    d->client = id;
    d->first_change = d->ret->num;
    if (before.client == NULL || after.client == NULL) {
        d->gains = before.client == NULL;
        say_text(d, "client", d->gains ? "the client is new" : "the client is gone");
    }
    for (; *next_cred < creds->num && strcmp(creds->items[*next_cred].client, id) == 0;
         (*next_cred)++) {
        credential_say(d, &creds->items[*next_cred]);
    }
    compare_client(d, &before, &after);
    side_free(&before);
    side_free(&after);
    if (d->ret->num > d->first_change && own_client_name(d, id)) {
        for (size_t i = d->first_change; i < d->ret->num; i++) {
            d->ret->items[i].client = d->client;
        }
        losses_first(d);
        keep_rule_ids(d);
    }
    table_free(&d->said);
    arena_free(&d->scratch);
}

static void compare_everybody(struct diff *d, const struct digests *digests)
{
    const struct everybody losses = {d->before, d->after, digests->before, digests->after};
    const struct everybody gains = {d->after, d->before, digests->after, digests->before};
    d->client = "*";
    added_deny_everybody(d, &losses, false);
    added_deny_everybody(d, &gains, true);
    keep_rule_ids(d);
    table_free(&d->said);
}

static void compare_clients(struct diff *d, const struct digests *digests)
{
    struct credential_changes creds = {0};
    size_t num = 0;
    size_t next_cred = 0;
    const char **ids = all_ids(d->before, d->after, &num);
    d->no_memory = ids == NULL || !credential_changes(d->before, d->after, &creds);
    if (!d->no_memory) {
        compare_everybody(d, digests);
    }
    for (size_t i = 0; i < num && !d->no_memory; i++) {
        compare_one(d, ids[i], digests, &creds, &next_cred);
    }
    free(creds.items);
    free(ids);
}

/* count_ids - rules of one policy whose id the other does not have. */
static bool count_ids(const struct policy *policy, const struct policy *other, size_t *ret)
{
    struct table ids = {0};
    size_t at = 0;
    bool good = true;
    for (size_t i = 0; i < other->num_rules && good; i++) {
        good = table_put(&ids, 0, slice_of(other->rules[i].id), i);
    }
    for (size_t i = 0; i < policy->num_rules && good; i++) {
        *ret += table_get(&ids, 0, slice_of(policy->rules[i].id), &at) ? 0 : 1;
    }
    table_free(&ids);
    return good;
}

enum cb_code policy_diff(const struct policy *before, const struct policy *after,
                         struct arena *arena, struct policy_changes *ret, struct cb_err *err)
{
    struct policy_changes changes = {0};
    struct diff d = {.before = before,
                     .after = after,
                     .arena = arena,
                     .comparisons_left = COMPARISONS_MAX,
                     .pairs_left = COMPARISONS_MAX,
                     .ret = &changes};
    struct digests digests = {digest_rules(before), digest_rules(after)};
    arena_init(&d.scratch, SCRATCH_CAP);
    d.no_memory = digests.before == NULL || digests.after == NULL ||
                  !count_ids(before, after, &changes.rules_removed) ||
                  !count_ids(after, before, &changes.rules_added) ||
                  !settings_note(before, after, arena, &changes);
    if (!d.no_memory) {
        compare_clients(&d, &digests);
    }
    arena_free(&d.scratch);
    free(digests.before);
    free(digests.after);
    if (d.no_memory) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    *ret = changes;
    return CB_OK;
}
