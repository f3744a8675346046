/* diff_grant.c - see diff_parts.h: rules as grants to one client, and their lists of alternatives. */
#include "policy/diff_parts.h"

#include <stdlib.h>

#define TEXT_ROOM ((size_t)2 * NAME_TEXT_MAX)

/* ---- placeholders, as far as the client tells what they stand for ---- */

static bool is_label(struct slice s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool plain = ascii_is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
        if (!plain && !slice_has_byte(slice_of(more), c)) {
            return false;
        }
    }
    return s.len > 0 && s.len <= 63;
}

/* path_segment - number n of the client's URI; ptr NULL: there is none. */
static struct slice path_segment(struct slice uri, uint64_t n)
{
    const char *scheme = uri.ptr == NULL ? NULL : memmem(uri.ptr, uri.len, "://", 3);
    if (scheme == NULL) {
        return (struct slice){NULL, 0};
    }
    const char *const end = uri.ptr + uri.len;
    const char *at = memchr(scheme + 3, '/', (size_t)(end - scheme - 3));
    for (; at != NULL; n--) {
        const char *next = memchr(at + 1, '/', (size_t)(end - at - 1));
        if (n == 0) {
            return (struct slice){at + 1, (size_t)((next == NULL ? end : next) - at - 1)};
        }
        at = next;
    }
    return (struct slice){NULL, 0};
}

/* placeholder_value - of what stands between "${" and "}"; ptr NULL: not known here. */
static struct slice placeholder_value(const struct policy_client *client, struct slice what,
                                      enum name_kind kind)
{
    static const char more[] = "._~ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const struct slice path = SLICE("mtls.uri.path[");
    struct slice value = {NULL, 0};
    uint64_t n = 0;
    if (slice_eq(what, SLICE("client"))) {
        value = slice_of(client->id);
    } else if (slice_has_prefix(what, path) && what.len > path.len + 1 &&
               slice_to_u64((struct slice){what.ptr + path.len, what.len - path.len - 1}, &n)) {
        value = path_segment(client->only_uri, n);
    }
    const bool fits = value.ptr != NULL && is_label(value, kind == NAME_URI ? more : "");
    return fits ? value : (struct slice){NULL, 0};
}

static void fill_in(struct diff *d, const struct policy_client *client, struct pattern *p)
{
    struct buf text;
    struct slice rest = p->text;
    buf_init(&text, TEXT_ROOM);
    while (rest.len > 0) {
        const char *open = memmem(rest.ptr, rest.len, "${", 2);
        const size_t plain = open == NULL ? rest.len : (size_t)(open - rest.ptr);
        const char *close = open == NULL ? NULL : memchr(open, '}', rest.len - plain);
        buf_add(&text, rest.ptr, plain);
        if (close == NULL) {
            break;
        }
        const struct slice what = {open + 2, (size_t)(close - open) - 2};
        const struct slice value = placeholder_value(client, what, p->kind);
        if (value.ptr == NULL) { /* stays a pattern that is compared as it is written */
            buf_free(&text);
            return;
        }
        buf_add_slice(&text, value);
        rest = (struct slice){close + 1, rest.len - plain - (size_t)(close + 1 - open)};
    }
    const struct slice filled = arena_slice(&d->scratch, buf_slice(&text));
    d->no_memory = d->no_memory || filled.ptr == NULL || !buf_ok(&text);
    buf_free(&text);
    p->text = filled;
    p->has_placeholder = false;
    if (p->kind == NAME_URI && p->shape == PATTERN_GLOB && !slice_has_byte(filled, '*')) {
        p->shape = PATTERN_EXACT;
    }
}

static struct pattern_list filled_in(struct diff *d, const struct policy_client *client,
                                     const struct pattern_list *list)
{
    bool any = false;
    for (size_t i = 0; i < list->num; i++) {
        any = any || (list->items[i].has_placeholder && list->items[i].shape != PATTERN_REGEX);
    }
    if (!any) {
        return *list;
    }
    struct pattern_list copy = {arena_array(&d->scratch, list->num, sizeof(*copy.items)),
                                list->num};
    if (copy.items == NULL) {
        d->no_memory = true;
        return *list;
    }
    memcpy(copy.items, list->items, list->num * sizeof(*copy.items));
    for (size_t i = 0; i < copy.num && !d->no_memory; i++) {
        if (copy.items[i].has_placeholder && copy.items[i].shape != PATTERN_REGEX) {
            fill_in(d, client, &copy.items[i]);
        }
    }
    return copy;
}

/* ---- from a rule to grants ---- */

static void take_keys(struct diff *d, const struct key_rule *keys, struct grant *g)
{
    g->keys = arena_array(&d->scratch, keys->num_rsa_sizes + 4, sizeof(*g->keys));
    if (g->keys == NULL) {
        d->no_memory = true;
        return;
    }
    const struct {
        bool allowed;
        unsigned bits;
    } curves[] = {{keys->ecdsa_256, 256}, {keys->ecdsa_384, 384}, {keys->ecdsa_521, 521}};
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (curves[i].allowed) {
            g->keys[g->num_keys++] = (struct key_item){KEY_ECDSA, curves[i].bits, curves[i].bits};
        }
    }
    if (keys->rsa_max != 0) {
        g->keys[g->num_keys++] = (struct key_item){KEY_RSA, keys->rsa_min, keys->rsa_max};
    }
    for (size_t i = 0; i < keys->num_rsa_sizes; i++) {
        g->keys[g->num_keys++] = (struct key_item){KEY_RSA, keys->rsa_sizes[i], keys->rsa_sizes[i]};
    }
}

static int compare_ids(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static void take_parties(struct diff *d, const struct policy *policy, const struct rule *rule,
                         struct grant *g)
{
    g->parties = arena_array(&d->scratch, rule->num_parties + 1, sizeof(*g->parties));
    if (g->parties == NULL) {
        d->no_memory = true;
        return;
    }
    for (size_t i = 0; i < rule->num_parties; i++) {
        g->parties[g->num_parties++] = policy->clients[rule->parties[i]].id;
    }
    qsort(g->parties, g->num_parties, sizeof(*g->parties), compare_ids);
}

static bool is_about(const struct rule *rule, enum policy_action action)
{
    const unsigned wanted = action == ACTION_INFO
                                ? action_bit(ACTION_INFO) | action_bit(ACTION_NEWCERT)
                                : action_bit(action);
    return (rule->actions & wanted) != 0;
}

bool grants_of(struct diff *d, const struct policy *policy, const struct policy_client *client,
               const struct rule *rule, struct grant out[POLICY_ACTION_COUNT], size_t *ret_num)
{
    struct grant all = {.rule = rule,
                        .names = filled_in(d, client, &rule->names),
                        .cn_patterns = filled_in(d, client, &rule->issue->cn_patterns),
                        .profiles = rule->issue->profiles,
                        .num_profiles = rule->issue->num_profiles,
                        .from = rule->from};
    take_keys(d, &rule->issue->keys, &all);
    take_parties(d, policy, rule, &all);
    *ret_num = 0;
    for (unsigned i = 0; i < POLICY_ACTION_COUNT; i++) {
        const enum policy_action action = (enum policy_action)i;
        if (is_about(rule, action)) {
            out[*ret_num] = all;
            out[*ret_num].action = action;
            (*ret_num)++;
        }
    }
    return !d->no_memory;
}

/* ---- lists of alternatives; one that an action does not look at is one item that all allow ---- */

static bool looks_at(const struct grant *g, enum grant_dim dim)
{
    switch (dim) {
    case DIM_PROFILES:
        return g->action != ACTION_REVOKE && g->num_profiles > 0;
    case DIM_KEYS:
        return g->action == ACTION_NEWCERT && g->num_keys > 0;
    case DIM_PARTIES:
        return g->rule->delegates && g->num_parties > 0;
    case DIM_FROM:
        return g->from.num > 0;
    case DIM_NAMES:
        break;
    }
    const bool by_names = g->action == ACTION_NEWCERT ||
                          (g->action == ACTION_REVOKE && g->rule->revoke == REVOKE_SCOPE_NAMES);
    return by_names && g->names.num > 0;
}

size_t grant_dim_num(const struct grant *g, enum grant_dim dim)
{
    if (!looks_at(g, dim)) {
        return 1;
    }
    switch (dim) {
    case DIM_PROFILES:
        return g->num_profiles;
    case DIM_KEYS:
        return g->num_keys;
    case DIM_PARTIES:
        return g->num_parties;
    case DIM_FROM:
        return g->from.num;
    case DIM_NAMES:
        break;
    }
    return g->names.num;
}

struct grant grant_take(const struct grant *g, enum grant_dim dim, size_t i)
{
    struct grant one = *g;
    if (!looks_at(g, dim)) {
        return one;
    }
    switch (dim) {
    case DIM_PROFILES:
        one.profiles += i;
        one.num_profiles = 1;
        break;
    case DIM_KEYS:
        one.keys += i;
        one.num_keys = 1;
        break;
    case DIM_PARTIES:
        one.parties += i;
        one.num_parties = 1;
        break;
    case DIM_FROM:
        one.from = (struct pattern_list){g->from.items + i, 1};
        break;
    case DIM_NAMES:
        one.names = (struct pattern_list){g->names.items + i, 1};
        break;
    }
    return one;
}

/* A certificate with one name meets one pattern; with more, all of them meet one rule's. */
bool grant_shares_out(const struct grant *g, enum grant_dim dim)
{
    return dim != DIM_NAMES ||
           (g->action == ACTION_NEWCERT && (g->rule->issue->max_names == 1 || g->names.num <= 1));
}

bool grant_within_any(const struct pattern *p, const struct pattern_list *list)
{
    for (size_t i = 0; i < list->num; i++) {
        if (pattern_within(p, &list->items[i])) {
            return true;
        }
    }
    return false;
}

static bool lists_equal(const struct pattern_list *a, const struct pattern_list *b)
{
    for (size_t i = 0; i < a->num; i++) {
        if (!grant_within_any(&a->items[i], b)) {
            return false;
        }
    }
    for (size_t i = 0; i < b->num; i++) {
        if (!grant_within_any(&b->items[i], a)) {
            return false;
        }
    }
    return true;
}

static bool has_scope(const struct rule *rule, const struct pattern_list *scope)
{
    for (unsigned i = 0; i < rule->num_scopes; i++) {
        if (lists_equal(rule->scopes[i], scope)) {
            return true;
        }
    }
    return false;
}

bool grant_in_scope(const struct pattern *p, const struct grant *g, const struct grant *other)
{
    for (unsigned i = 0; i < other->rule->num_scopes; i++) {
        const struct pattern_list *scope = other->rule->scopes[i];
        if (!grant_within_any(p, scope) && !has_scope(g->rule, scope)) {
            return false;
        }
    }
    return true;
}

static bool profile_within(const char *profile, const struct grant *other)
{
    for (size_t i = 0; i < other->num_profiles; i++) {
        if (strcmp(profile, other->profiles[i]) == 0) {
            return true;
        }
    }
    /* What is not said in words: everybody may ask about the profile that is meant without one. */
    return other->action == ACTION_INFO && strcmp(profile, "default") == 0;
}

static bool key_within(const struct key_item *key, const struct grant *other)
{
    for (size_t i = 0; i < other->num_keys; i++) {
        const struct key_item *k = &other->keys[i];
        if (k->algo == key->algo && k->min <= key->min && k->max >= key->max) {
            return true;
        }
    }
    return false;
}

static bool name_within(const struct grant *g, size_t i, const struct grant *other)
{
    if (g->action == ACTION_REVOKE && other->rule->revoke != REVOKE_SCOPE_NAMES) {
        return true; /* the term for revoke: has the say */
    }
    return grant_within_any(&g->names.items[i], &other->names) &&
           grant_in_scope(&g->names.items[i], g, other);
}

bool grant_item_within(const struct grant *g, enum grant_dim dim, size_t i,
                       const struct grant *other)
{
    if (dim == DIM_FROM) {
        return other->from.num == 0 ||
               (g->from.num > 0 && grant_within_any(&g->from.items[i], &other->from));
    }
    if (!looks_at(g, dim)) {
        return true;
    }
    if (dim == DIM_PROFILES) {
        return profile_within(g->profiles[i], other);
    }
    if (dim == DIM_KEYS) {
        return key_within(&g->keys[i], other);
    }
    if (dim == DIM_PARTIES) {
        return bsearch(&g->parties[i], other->parties, other->num_parties, sizeof(*other->parties),
                       compare_ids) != NULL;
    }
    return name_within(g, i, other);
}

bool grant_dim_within(const struct grant *g, enum grant_dim dim, const struct grant *other)
{
    for (size_t i = 0; i < grant_dim_num(g, dim); i++) {
        if (!grant_item_within(g, dim, i, other)) {
            return false;
        }
    }
    return true;
}

bool grant_items_within(const struct grant *g, const struct grant *other)
{
    /* Names first: rules of one client mostly differ in them. */
    for (unsigned dim = GRANT_DIM_COUNT; dim > 0; dim--) {
        if (!grant_dim_within(g, (enum grant_dim)(dim - 1), other)) {
            return false;
        }
    }
    return true;
}

/* ---- could one request be both's? ---- */

static bool patterns_overlap(const struct pattern *a, const struct pattern *b)
{
    const bool unclear = a->shape == PATTERN_REGEX || b->shape == PATTERN_REGEX ||
                         a->has_placeholder || b->has_placeholder ||
                         (a->shape == PATTERN_GLOB && b->shape == PATTERN_GLOB);
    return a->kind == b->kind && (unclear || pattern_within(a, b) || pattern_within(b, a));
}

static bool lists_overlap(const struct pattern_list *a, const struct pattern_list *b)
{
    for (size_t i = 0; i < a->num; i++) {
        for (size_t k = 0; k < b->num; k++) {
            if (patterns_overlap(&a->items[i], &b->items[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool items_overlap(const struct grant *a, const struct grant *b, enum grant_dim dim)
{
    if (!looks_at(a, dim) || !looks_at(b, dim)) {
        return true;
    }
    if (dim == DIM_NAMES || dim == DIM_FROM) {
        return dim == DIM_NAMES ? lists_overlap(&a->names, &b->names)
                                : lists_overlap(&a->from, &b->from);
    }
    for (size_t i = 0; i < a->num_keys && dim == DIM_KEYS; i++) {
        for (size_t k = 0; k < b->num_keys; k++) {
            if (a->keys[i].algo == b->keys[k].algo && a->keys[i].min <= b->keys[k].max &&
                b->keys[k].min <= a->keys[i].max) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < grant_dim_num(a, dim) && dim != DIM_KEYS; i++) {
        if (grant_item_within(a, dim, i, b)) {
            return true;
        }
    }
    return false;
}

bool grant_overlaps(const struct grant *a, const struct grant *b)
{
    if (a->action != b->action || a->rule->delegates != b->rule->delegates) {
        return false;
    }
    for (unsigned dim = 0; dim < GRANT_DIM_COUNT; dim++) {
        if (!items_overlap(a, b, (enum grant_dim)dim)) {
            return false;
        }
    }
    return true;
}
