/* diff_cover.c - see diff_parts.h: is a grant within the others, by one or shared out among several,
 * and if not, what of it is missing. */
#include "policy/diff_parts.h"
#include "policy/review_text.h"

#define STEPS_MAX 2000U /* of taking one grant out of what is left of another */
#define SAID_MAX ((size_t)1 << 20)
#define PATTERNS_SAID 8U

/* Which items of each dimension; what a grant is, with some of its items. */
struct box {
    bool *has[GRANT_DIM_COUNT];
    const struct box *next; /* in the list of parts */
};

struct cover {
    struct diff *d;
    const struct grant *g;
    const struct box *parts; /* what each of the others allows of g, where that is not nothing */
    unsigned steps_left;
};

static bool is_comparable(const struct grant *g, const struct grant *other)
{
    return g->action == other->action && g->rule->delegates == other->rule->delegates;
}

static void spend(struct diff *d, size_t comparisons)
{
    d->comparisons_left -= comparisons < d->comparisons_left ? comparisons : d->comparisons_left;
}

/* ---- one other grant alone ---- */

static bool within_one(const struct grant *g, const struct grant *other)
{
    return grant_items_within(g, other) && terms_within(g, other, NULL);
}

/* ---- several together ---- */

static struct box new_box(struct diff *d, const struct grant *g)
{
    struct box box = {.next = NULL};
    for (unsigned dim = 0; dim < GRANT_DIM_COUNT; dim++) {
        box.has[dim] =
            arena_array(&d->scratch, grant_dim_num(g, (enum grant_dim)dim), sizeof(bool));
        d->no_memory = d->no_memory || box.has[dim] == NULL;
    }
    return box;
}

/* add_part - what other allows of g, if it can have a share in it at all. */
static void add_part(struct cover *c, const struct grant *other)
{
    const struct grant *g = c->g;
    if (!terms_within(g, other, NULL)) {
        return;
    }
    for (unsigned dim = 0; dim < GRANT_DIM_COUNT; dim++) {
        if (!grant_shares_out(g, (enum grant_dim)dim) &&
            !grant_dim_within(g, (enum grant_dim)dim, other)) {
            return;
        }
    }
    const struct box part = new_box(c->d, g);
    for (unsigned dim = 0; dim < GRANT_DIM_COUNT && !c->d->no_memory; dim++) {
        bool any = false;
        for (size_t i = 0; i < grant_dim_num(g, (enum grant_dim)dim); i++) {
            part.has[dim][i] = grant_item_within(g, (enum grant_dim)dim, i, other);
            any = any || part.has[dim][i];
        }
        if (!any) {
            return;
        }
    }
    struct box *kept = arena_alloc(&c->d->scratch, sizeof(*kept));
    if (kept == NULL) {
        c->d->no_memory = true;
        return;
    }
    *kept = part;
    kept->next = c->parts;
    c->parts = kept;
}

/* split - the items of a dimension that are in part, or those that are not. False: none are. */
static bool split(const struct cover *c, const struct box *rest, const struct box *part,
                  unsigned dim, bool inside, struct box *ret)
{
    bool any = false;
    const size_t num = grant_dim_num(c->g, (enum grant_dim)dim);
    ret->has[dim] = arena_array(&c->d->scratch, num, sizeof(bool));
    if (ret->has[dim] == NULL) {
        c->d->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < num; i++) {
        ret->has[dim][i] = rest->has[dim][i] && part->has[dim][i] == inside;
        any = any || ret->has[dim][i];
    }
    return any;
}

/* is_covered - rest lies within part and those behind it. What a part leaves over is, for each dimension, what
 * is inside it in the dimensions before and outside it in this one. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than STEPS_MAX */
static bool is_covered(struct cover *c, const struct box *rest, const struct box *part)
{
    if (part == NULL || c->steps_left == 0) {
        return false;
    }
    c->steps_left--;
    struct box left = *rest;
    for (unsigned dim = 0; dim < GRANT_DIM_COUNT; dim++) {
        struct box outside = left;
        if (split(c, rest, part, dim, false, &outside) && !is_covered(c, &outside, part->next)) {
            return false;
        }
        if (c->d->no_memory || !split(c, rest, part, dim, true, &left)) {
            return !c->d->no_memory; /* nothing of it is in this part: all was outside */
        }
    }
    return true;
}

static bool covered_together(struct diff *d, const struct grant *g, const struct grant_list *others)
{
    struct cover c = {.d = d, .g = g, .steps_left = STEPS_MAX};
    for (size_t i = 0; i < others->num && !d->no_memory; i++) {
        if (is_comparable(g, &others->items[i])) {
            add_part(&c, &others->items[i]);
        }
    }
    if (d->no_memory || c.parts == NULL || c.parts->next == NULL) {
        return false; /* one alone was tried before */
    }
    struct box all = new_box(d, g);
    for (unsigned dim = 0; dim < GRANT_DIM_COUNT && !d->no_memory; dim++) {
        memset(all.has[dim], 1, grant_dim_num(g, (enum grant_dim)dim));
    }
    return !d->no_memory && is_covered(&c, &all, c.parts);
}

bool cover_grant(struct diff *d, const struct grant *g, const struct grant_list *others,
                 const struct grant **ret_by)
{
    spend(d, 2 * others->num);
    for (size_t i = 0; i < others->num; i++) {
        if (is_comparable(g, &others->items[i]) && within_one(g, &others->items[i])) {
            if (ret_by != NULL) {
                *ret_by = &others->items[i];
            }
            return true;
        }
    }
    return covered_together(d, g, others);
}

/* ---- what is missing ---- */

/* distance - in how many ways other is narrower; SIZE_MAX where they have nothing to do with each
 * other. */
static size_t distance(const struct grant *g, const struct grant *other)
{
    unsigned wider = 0;
    size_t far = 0;
    const bool is_namesake = strcmp(g->rule->id, other->rule->id) == 0;
    for (unsigned dim = 0; dim < GRANT_DIM_COUNT; dim++) {
        const size_t num = grant_dim_num(g, (enum grant_dim)dim);
        size_t missing = 0;
        for (size_t i = 0; i < num; i++) {
            missing += grant_item_within(g, (enum grant_dim)dim, i, other) ? 0 : 1;
        }
        if (missing == num && !is_namesake && dim != DIM_FROM) {
            return SIZE_MAX;
        }
        far += missing > 0 ? 2 : 0;
    }
    (void)terms_within(g, other, &wider);
    far += 2 * (size_t)__builtin_popcount(wider);
    return is_namesake ? far : far + 1;
}

/* nearest - the other that is least narrower; whole: of those that have every item of g. */
static const struct grant *nearest(struct diff *d, const struct grant *g,
                                   const struct grant_list *others, bool whole)
{
    const struct grant *best = NULL;
    size_t best_distance = SIZE_MAX;
    spend(d, others->num);
    for (size_t i = 0; i < others->num; i++) {
        if (!is_comparable(g, &others->items[i])) {
            continue;
        }
        const size_t far = distance(g, &others->items[i]);
        if (far < best_distance && (!whole || grant_items_within(g, &others->items[i]))) {
            best = &others->items[i];
            best_distance = far;
        }
    }
    return best;
}

static void say_whole(struct diff *d, const struct grant *g)
{
    struct buf text;
    const bool by_names = g->action == ACTION_NEWCERT ||
                          (g->action == ACTION_REVOKE && g->rule->revoke == REVOKE_SCOPE_NAMES);
    buf_init(&text, SAID_MAX);
    buf_add_str(&text, policy_action_word(g->action));
    if (g->action == ACTION_REVOKE) {
        buf_printf(&text, " %s", review_revoke(g->rule->revoke));
    }
    if (by_names && g->names.num > 0) {
        buf_add_char(&text, ' ');
        review_names(&text, &g->names, PATTERNS_SAID);
    }
    for (size_t i = 0; i < g->num_profiles && g->action != ACTION_REVOKE; i++) {
        buf_printf(&text, "%s%s", i == 0 ? (by_names ? "; profile " : " profile ") : ", ",
                   g->profiles[i]);
    }
    for (size_t i = 0; i < g->num_parties && g->rule->delegates; i++) {
        buf_printf(&text, "%s%s", i == 0 ? "; for " : ", ", g->parties[i]);
    }
    diff_say(d, g->rule->id, "action", &text);
}

/* item_text - one alternative in words; returns what it is one of. */
static const char *item_text(const struct grant *g, enum grant_dim dim, size_t i, struct buf *out)
{
    switch (dim) {
    case DIM_PROFILES:
        buf_printf(out, "profile \"%s\"", g->profiles[i]);
        return "profile";
    case DIM_KEYS:
        buf_add_str(out, "keys ");
        if (g->keys[i].algo == KEY_ECDSA) {
            buf_printf(out, "ecdsa %u", g->keys[i].min);
        } else {
            review_rsa(out, g->keys[i].min, g->keys[i].max);
        }
        return "keys";
    case DIM_PARTIES:
        buf_printf(out, "on behalf of \"%s\"", g->parties[i]);
        return "delegate";
    case DIM_FROM:
        buf_add_str(out, "from ");
        if (g->from.num == 0) {
            buf_add_str(out, "anywhere");
        } else {
            review_pattern(out, &g->from.items[i]);
        }
        return "from";
    case DIM_NAMES:
        break;
    }
    const struct pattern_list one = {g->names.items + i, 1};
    review_names(out, &one, 0);
    return name_kind_word(g->names.items[i].kind);
}

/* say_item - an alternative that the nearest does not have: perhaps another has it, on other terms. */
static void say_item(struct diff *d, const struct grant *g, enum grant_dim dim, size_t i,
                     const struct grant_list *others)
{
    const struct grant one = grant_take(g, dim, i);
    const bool in_budget = d->comparisons_left > 0;
    if (in_budget && cover_grant(d, &one, others, NULL)) {
        return;
    }
    struct buf text;
    buf_init(&text, SAID_MAX);
    const char *what = item_text(g, dim, i, &text);
    const struct grant *other = in_budget ? nearest(d, &one, others, true) : NULL;
    unsigned wider = 0;
    if (other == NULL || terms_within(&one, other, &wider)) {
        diff_say(d, g->rule->id, what, &text);
        return;
    }
    buf_add_str(&text, ": ");
    terms_say(d, &one, other, wider, buf_slice(&text));
    buf_free(&text);
}

/* say_together - each alternative is still there, but not with each other. */
static void say_together(struct diff *d, const struct grant *g)
{
    struct buf text;
    buf_init(&text, SAID_MAX);
    if (!grant_shares_out(g, DIM_NAMES)) {
        buf_add_str(&text, "in one certificate: ");
        review_names(&text, &g->names, PATTERNS_SAID);
    } else {
        buf_add_str(&text, "some combinations of names, profiles, keys, parties and networks");
    }
    diff_say(d, g->rule->id, "together", &text);
}

/* rest_of_range - the sizes of an RSA range that other does not allow. */
static void rest_of_range(const struct key_item *range, const struct grant *other,
                          struct grant *ret)
{
    unsigned at = range->min;
    while (at <= range->max) {
        unsigned end = range->max; /* of the stretch that other has nothing of */
        unsigned skip = 0;         /* to the end of what it has from here on */
        for (size_t i = 0; i < other->num_keys; i++) {
            const struct key_item *k = &other->keys[i];
            if (k->algo != KEY_RSA || k->max < at) {
                continue;
            }
            if (k->min <= at) {
                skip = k->max > skip ? k->max : skip;
            } else if (k->min <= end) {
                end = k->min - 1;
            }
        }
        if (skip == 0) {
            ret->keys[ret->num_keys++] = (struct key_item){KEY_RSA, at, end};
        }
        at = (skip == 0 ? end : skip) + 1;
    }
}

/* without_keys - g with only the keys that other does not have: of a range the sizes that are missing.
 * False: out of memory. */
static bool without_keys(struct diff *d, const struct grant *g, const struct grant *other,
                         struct grant *ret)
{
    *ret = *g;
    ret->num_keys = 0;
    ret->keys =
        arena_array(&d->scratch, 2 * (g->num_keys + other->num_keys + 1), sizeof(*ret->keys));
    for (size_t i = 0; i < g->num_keys && ret->keys != NULL; i++) {
        if (grant_item_within(g, DIM_KEYS, i, other)) {
            continue;
        }
        if (g->keys[i].algo == KEY_RSA && g->keys[i].min < g->keys[i].max) {
            rest_of_range(&g->keys[i], other, ret);
        } else {
            ret->keys[ret->num_keys++] = g->keys[i];
        }
    }
    d->no_memory = d->no_memory || ret->keys == NULL;
    return ret->keys != NULL;
}

void cover_say(struct diff *d, const struct grant *g, const struct grant_list *others)
{
    const size_t said_before = d->num_said;
    unsigned wider = 0;
    const struct grant *other = nearest(d, g, others, false);
    if (other == NULL) {
        say_whole(d, g);
        return;
    }
    (void)terms_within(g, other, &wider);
    terms_say(d, g, other, wider, SLICE(""));
    struct grant rest;
    if (!without_keys(d, g, other, &rest)) {
        return;
    }
    for (unsigned dim = 0; dim < GRANT_DIM_COUNT; dim++) {
        const struct grant *of = dim == DIM_KEYS ? &rest : g;
        for (size_t i = 0; i < grant_dim_num(of, (enum grant_dim)dim) && !d->no_memory; i++) {
            if (!grant_item_within(of, (enum grant_dim)dim, i, other)) {
                say_item(d, of, (enum grant_dim)dim, i, others);
            }
        }
    }
    if (d->num_said == said_before) {
        say_together(d, g);
    }
}
