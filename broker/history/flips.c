/* flips.c - see flips.h. A month's flips can be a million decisions, but they are few kinds: only the
 * groups are kept, and a few examples of each. */
#include "broker/history/flips.h"

#include <stdio.h>
#include <stdlib.h>

#define SLOTS 4096U /* a power of two, several times FLIPS_MAX */
#define ASKED_MAX 200U

enum cb_code flips_init(struct flips *f, struct cb_err *err)
{
    *f = (struct flips){.slots = calloc(SLOTS, sizeof(*f->slots))};
    return f->slots != NULL ? CB_OK : cb_fail(err, CB_ENOMEM, "no memory for what comes out new");
}

void flips_free(struct flips *f)
{
    free(f->slots);
    free(f->items);
    *f = (struct flips){0};
}

static uint64_t hash_more(uint64_t hash, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return (hash ^ 0xffU) * UINT64_C(0x100000001b3);
}

/* cut - as much of a text as its field in struct history_flip holds. */
static struct slice cut(struct slice text, size_t size)
{
    return (struct slice){text.ptr, text.len < size ? text.len : size - 1};
}

struct group {
    struct slice client, rule, now_rule;
    enum policy_reason reason;
    bool now_allowed;
};

/* client_of - the id in a principal: no id holds a colon. */
static struct slice client_of(struct slice principal)
{
    const char *colon = principal.len == 0 ? NULL : memchr(principal.ptr, ':', principal.len);
    return colon == NULL ? principal
                         : (struct slice){principal.ptr, (size_t)(colon - principal.ptr)};
}

static struct group group_of(const struct history_ask *ask, const struct policy_decision *now)
{
    return (struct group){
        .client = cut(client_of(ask->principal), sizeof(((struct history_flip *)0)->client)),
        .rule = cut(ask->rule, sizeof(((struct history_flip *)0)->rule)),
        .now_rule = slice_of(now->rule_id == NULL ? "" : now->rule_id),
        .reason = now->reason,
        .now_allowed = now->allowed};
}

static bool is_of(const struct history_flip *flip, const struct group *g)
{
    return flip->now_allowed == g->now_allowed && flip->reason == g->reason &&
           slice_eq_str(g->client, flip->client) && slice_eq_str(g->rule, flip->rule) &&
           slice_eq_str(g->now_rule, flip->now_rule);
}

/* slot_of - where the group is, or would go. */
static size_t *slot_of(const struct flips *f, const struct group *g)
{
    uint64_t hash = hash_more(UINT64_C(0xcbf29ce484222325), g->client);
    hash = hash_more(hash_more(hash, g->rule), g->now_rule);
    hash += (uint64_t)g->reason * 2 + (g->now_allowed ? 1 : 0);
    size_t at = (size_t)(hash ^ (hash >> 32)) % SLOTS;
    while (f->slots[at] != 0 && !is_of(&f->items[f->slots[at] - 1], g)) {
        at = (at + 1) % SLOTS;
    }
    return &f->slots[at];
}

static void copy_text(char *out, size_t size, struct slice text)
{
    const struct slice part = cut(text, size);
    if (part.len > 0) {
        memcpy(out, part.ptr, part.len);
    }
    out[part.len] = '\0';
}

/* new_group - NULL: out of memory. */
static struct history_flip *new_group(struct flips *f, const struct group *g, int64_t ts_us)
{
    if (f->num == f->room) {
        const size_t room = f->room == 0 ? 16 : f->room * 2;
        struct history_flip *grown = realloc(f->items, room * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        f->items = grown;
        f->room = room;
    }
    struct history_flip *flip = &f->items[f->num++];
    *flip = (struct history_flip){
        .now_allowed = g->now_allowed, .reason = g->reason, .first_us = ts_us, .last_us = ts_us};
    copy_text(flip->client, sizeof(flip->client), g->client);
    copy_text(flip->rule, sizeof(flip->rule), g->rule);
    copy_text(flip->now_rule, sizeof(flip->now_rule), g->now_rule);
    return flip;
}

static void add_example(struct history_flip *flip, const struct history_ask *ask,
                        const struct policy_decision *now)
{
    char asked[ASKED_MAX];
    if (flip->num_examples == HISTORY_EXAMPLES) {
        return;
    }
    history_describe(&ask->ask, asked, sizeof(asked));
    char *out = flip->examples[flip->num_examples].detail;
    char *principal = flip->examples[flip->num_examples].principal;
    int len = 0;
    if (now->allowed) {
        len = snprintf(out, POLICY_DETAIL_MAX, "%s: rule %s allows it", asked, flip->now_rule);
    } else {
        len = snprintf(out, POLICY_DETAIL_MAX, "%s: %s", asked, now->detail);
    }
    if (len >= (int)POLICY_DETAIL_MAX) {
        memcpy(out + POLICY_DETAIL_MAX - 4, "...", 4);
    }
    flip->examples[flip->num_examples].ts_us = ask->ts_us;
    copy_text(flip->examples[flip->num_examples].req, sizeof(flip->examples[0].req), ask->req);
    copy_text(principal, sizeof(flip->examples[0].principal), ask->principal);
    flip->num_examples++;
}

bool flips_add(struct flips *f, const struct history_ask *ask, const struct policy_decision *now)
{
    const struct group g = group_of(ask, now);
    size_t *slot = slot_of(f, &g);
    if (*slot == 0 && f->num == FLIPS_MAX) {
        f->left_out++;
        return true;
    }
    if (*slot == 0) {
        if (new_group(f, &g, ask->ts_us) == NULL) {
            return false;
        }
        *slot = f->num;
    }
    struct history_flip *flip = &f->items[*slot - 1];
    flip->count++;
    flip->last_us = ask->ts_us;
    add_example(flip, ask, now);
    return true;
}

static int by_weight(const void *a, const void *b)
{
    const struct history_flip *left = a;
    const struct history_flip *right = b;
    if (left->now_allowed != right->now_allowed) {
        return left->now_allowed ? 1 : -1;
    }
    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    const int clients = strcmp(left->client, right->client);
    const int rules = clients != 0 ? clients : strcmp(left->rule, right->rule);
    return rules != 0 ? rules
                      : (left->first_us > right->first_us) - (left->first_us < right->first_us);
}

void flips_sort(struct flips *f)
{
    if (f->num > 1) {
        qsort(f->items, f->num, sizeof(*f->items), by_weight);
    }
}
