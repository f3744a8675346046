/* history_shape.c - see history_shape.h. Counts only; what becomes a rule is history_snippet.c. */
#include "broker/tools/history_shape.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- texts, counted ---- */

static uint64_t hash_of(struct slice text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

static size_t *slot_of(const struct seen_set *set, struct slice text)
{
    size_t at = (size_t)hash_of(text) % set->num_slots;
    while (set->slots[at] != 0 && !slice_eq(set->items[set->slots[at] - 1].text, text)) {
        at = (at + 1) % set->num_slots;
    }
    return &set->slots[at];
}

/* grow - room for twice as many; at most half of the slots are ever taken. */
static bool grow(struct seen_set *set)
{
    const size_t room = set->room == 0 ? 16 : set->room * 2;
    struct seen *items = realloc(set->items, room * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    set->items = items;
    size_t *slots = calloc(room * 2, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    free(set->slots);
    set->slots = slots;
    set->num_slots = room * 2;
    set->room = room;
    for (size_t i = 0; i < set->num; i++) {
        *slot_of(set, set->items[i].text) = i + 1;
    }
    return true;
}

enum cb_code seen_add(struct seen_set *set, struct arena *arena, struct slice text,
                      const struct history_ask *ask, struct cb_err *err)
{
    if (set->num == set->room && !grow(set)) {
        return cb_fail(err, CB_ENOMEM, "no memory for what was asked");
    }
    size_t *slot = slot_of(set, text);
    if (*slot == 0) {
        if (set->num == SEEN_MAX) {
            return cb_fail(err, CB_ELIMIT,
                           "more than %u different names, too many for a rule that lists them: "
                           "look at less time with --since and --until",
                           SEEN_MAX);
        }
        const struct slice copy = arena_slice(arena, text);
        if (copy.ptr == NULL) {
            return cb_fail(err, CB_ENOMEM, "no memory for what was asked");
        }
        set->items[set->num++] = (struct seen){.text = copy, .first_us = ask->ts_us};
        *slot = set->num;
    }
    struct seen *seen = &set->items[*slot - 1];
    seen->count++;
    seen->denied += ask->was_allowed ? 0 : 1;
    seen->last_us = ask->ts_us;
    return CB_OK;
}

static int by_text(const void *a, const void *b)
{
    const struct seen *left = a;
    const struct seen *right = b;
    const size_t common = left->text.len < right->text.len ? left->text.len : right->text.len;
    const int bytes = common == 0 ? 0 : memcmp(left->text.ptr, right->text.ptr, common);
    return bytes != 0 ? bytes
                      : (left->text.len > right->text.len) - (left->text.len < right->text.len);
}

void seen_sort(struct seen_set *set)
{
    if (set->num > 1) {
        qsort(set->items, set->num, sizeof(*set->items), by_text);
    }
}

void seen_free(struct seen_set *set)
{
    free(set->items);
    free(set->slots);
    *set = (struct seen_set){0};
}

/* ---- a client's requests ---- */

struct slice shape_client(struct slice principal)
{
    const char *colon = principal.len == 0 ? NULL : memchr(principal.ptr, ':', principal.len);
    return colon == NULL ? principal
                         : (struct slice){principal.ptr, (size_t)(colon - principal.ptr)};
}

void shape_init(struct shape *s)
{
    *s = (struct shape){.all_cn_in_names = true};
}

/* each_set - number i of all the sets in a shape; NULL past the last. */
static struct seen_set *each_set(struct shape *s, size_t i)
{
    struct seen_set *const single[] = {&s->common_names, &s->keys, &s->profiles, &s->parties};
    const size_t num_single = sizeof(single) / sizeof(single[0]);
    if (i < NAME_KIND_COUNT) {
        return &s->names[i];
    }
    i -= NAME_KIND_COUNT;
    if (i < SUBJECT_ATTR_COUNT) {
        return &s->subject[i];
    }
    i -= SUBJECT_ATTR_COUNT;
    return i < num_single ? single[i] : NULL;
}

void shape_free(struct shape *s)
{
    struct seen_set *set = NULL;
    for (size_t i = 0; (set = each_set(s, i)) != NULL; i++) {
        seen_free(set);
    }
}

void shape_sort(struct shape *s)
{
    struct seen_set *set = NULL;
    for (size_t i = 0; (set = each_set(s, i)) != NULL; i++) {
        seen_sort(set);
    }
}

static enum cb_code add_names(struct shape *s, struct arena *arena, const struct history_ask *ask,
                              struct cb_err *err)
{
    bool has_host = false;
    for (size_t i = 0; i < ask->ask.num_names; i++) {
        const struct name *name = &ask->ask.names[i];
        has_host = has_host || name->kind == NAME_DNS || name->kind == NAME_IP;
        s->any_wildcard = s->any_wildcard || name_is_wildcard(name);
        TRY(seen_add(&s->names[name->kind], arena, name->text, ask, err));
    }
    s->any_without_host = s->any_without_host || !has_host;
    s->max_names = ask->ask.num_names > s->max_names ? ask->ask.num_names : s->max_names;
    return CB_OK;
}

static enum cb_code add_common_name(struct shape *s, struct arena *arena,
                                    const struct history_ask *ask, struct cb_err *err)
{
    const struct policy_ask *q = &ask->ask;
    if (q->common_name.ptr == NULL) {
        return CB_OK;
    }
    bool is_name = false;
    for (size_t i = 0; i < q->num_names; i++) {
        is_name = is_name || ((q->names[i].kind == NAME_DNS || q->names[i].kind == NAME_IP) &&
                              slice_eq(q->names[i].text, q->common_name));
    }
    s->all_cn_in_names = s->all_cn_in_names && is_name;
    return seen_add(&s->common_names, arena, q->common_name, ask, err);
}

static enum cb_code add_subject(struct shape *s, struct arena *arena, const struct history_ask *ask,
                                struct cb_err *err)
{
    size_t number[SUBJECT_ATTR_COUNT] = {0};
    for (size_t i = 0; i < ask->ask.num_subject; i++) {
        const struct subject_attr *attr = &ask->ask.subject[i];
        number[attr->type]++;
        TRY(seen_add(&s->subject[attr->type], arena, attr->value, ask, err));
    }
    for (size_t i = 0; i < SUBJECT_ATTR_COUNT; i++) {
        s->subject_requests[i] += number[i] > 0 ? 1 : 0;
        s->subject_max[i] = number[i] > s->subject_max[i] ? number[i] : s->subject_max[i];
    }
    return CB_OK;
}

static enum cb_code add_newcert(struct shape *s, struct arena *arena, const struct history_ask *ask,
                                struct cb_err *err)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "%s-%u", key_algo_word(ask->ask.key_algo), ask->ask.key_bits);
    TRY(add_names(s, arena, ask, err));
    TRY(add_common_name(s, arena, ask, err));
    TRY(add_subject(s, arena, ask, err));
    TRY(seen_add(&s->keys, arena, slice_of(key), ask, err));
    return seen_add(&s->profiles, arena, ask->ask.profile, ask, err);
}

enum cb_code shape_add(struct shape *s, struct arena *arena, const struct history_ask *ask,
                       struct cb_err *err)
{
    const struct policy_ask *q = &ask->ask;
    s->first_us = s->count == 0 ? ask->ts_us : s->first_us;
    s->last_us = ask->ts_us;
    s->count++;
    s->denied += ask->was_allowed ? 0 : 1;
    s->actions[q->action]++;
    if (q->on_behalf_of.ptr != NULL) {
        TRY(seen_add(&s->parties, arena, shape_client(q->on_behalf_of), ask, err));
    }
    switch (q->action) {
    case ACTION_NEWCERT:
        return add_newcert(s, arena, ask, err);
    case ACTION_REVOKE:
        return q->relation == CERT_FOREIGN ? add_names(s, arena, ask, err) : CB_OK;
    case ACTION_INFO:
        /* Which certificate signs by default is told with any profile. */
        return slice_eq(q->profile, SLICE("default"))
                   ? CB_OK
                   : seen_add(&s->profiles, arena, q->profile, ask, err);
    }
    return CB_OK;
}
