/* fuzz_match.c - any patterns and any name: the first line is the name, each other one a pattern (a
 * regular expression if it begins with a slash). A set of them says what they say one by one, what
 * one covers it touches, what lies within another is covered by it, and a pattern's text is the
 * pattern. */
#include "policy/name_set.h"
#include "policy/placeholder.h"
#include "policy/rule.h"
#include "policy/suffix.h"

#include <stdlib.h>

#define PATTERNS_MAX 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct patterns {
    struct pattern items[PATTERNS_MAX];
    struct regex *owned[PATTERNS_MAX];
    size_t num;
};

static const struct policy_client client = {.id = "a"};
static const struct policy_claim claim = {{"c", 1}, {"x", 1}};
static const struct policy_caller caller = {
    .client = &client, .uri = {"s://h/b/A.1", 11}, .claims = &claim, .num_claims = 1};

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static struct slice take_line(struct slice *rest)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    const struct slice line = {rest->ptr, len};
    const size_t used = len < rest->len ? len + 1 : len;
    *rest = (struct slice){rest->ptr + used, rest->len - used};
    return line;
}

static void add(struct patterns *list, struct arena *arena, struct slice line, enum name_kind kind)
{
    struct pattern *p = &list->items[list->num];
    struct pattern again;
    struct cb_err err;
    char text[NAME_TEXT_MAX + 1];
    if (slice_has_prefix(line, SLICE("/"))) {
        const struct slice regex = {line.ptr + 1, line.len - 1};
        if (pattern_parse_regex(arena, kind, regex, p, &list->owned[list->num], &err) == CB_OK) {
            (void)pattern_text(p, text);
            list->num++;
        }
        return;
    }
    if (pattern_parse(arena, pattern_classify(line), line, p, &err) != CB_OK) {
        return;
    }
    list->num++;
    check(pattern_parse(arena, p->kind, slice_of(pattern_text(p, text)), &again, &err) == CB_OK);
    check(again.shape == p->shape && slice_eq(again.text, p->text) && again.bits == p->bits);
    if (pattern_expand(p, &caller, text)) {
        /* Values may make it longer than a name can be; then it fits none. */
        check(pattern_parse(arena, p->kind, slice_of(text), &again, &err) == CB_OK ||
              strstr(err.msg, "longer than") != NULL);
    }
    (void)suffix_is_broad(p);
}

static void check_pairs(const struct patterns *list, const struct name *name)
{
    for (size_t i = 0; i < list->num * list->num; i++) {
        const struct pattern *inner = &list->items[i / list->num];
        const struct pattern *outer = &list->items[i % list->num];
        if (pattern_covers(inner, name, &caller) && pattern_within(inner, outer)) {
            check(pattern_covers(outer, name, &caller));
        }
    }
}

static void check_set(const struct patterns *list, const struct name *name)
{
    const struct pattern *refs[PATTERNS_MAX];
    size_t values[PATTERNS_MAX];
    size_t covers = SIZE_MAX;
    size_t touches = SIZE_MAX;
    for (size_t i = 0; i < list->num; i++) {
        refs[i] = &list->items[i];
        values[i] = (i * 7 + 3) % PATTERNS_MAX;
        const bool covered = pattern_covers(refs[i], name, &caller);
        const bool touched = pattern_touches(refs[i], name);
        check(!covered || touched || refs[i]->has_placeholder);
        covers = covered && values[i] < covers ? values[i] : covers;
        touches = touched && values[i] < touches ? values[i] : touches;
    }
    struct name_set *set = name_set_new(refs, values, list->num);
    if (set != NULL) {
        check(name_set_covers(set, name, &caller) == covers);
        check(name_set_touches(set, name) == touches);
    }
    name_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct patterns list = {.num = 0};
    struct arena arena;
    struct name name;
    struct cb_err err;
    arena_init(&arena, 1 << 20);
    const bool is_name = name_parse(&arena, take_line(&rest), &name, &err) == CB_OK;
    while (rest.len > 0 && list.num < PATTERNS_MAX) {
        add(&list, &arena, take_line(&rest), is_name ? name.kind : NAME_DNS);
    }
    if (is_name) {
        check_pairs(&list, &name);
        check_set(&list, &name);
    }
    for (size_t i = 0; i < list.num; i++) {
        regex_free(list.owned[i]);
    }
    arena_free(&arena);
    return 0;
}
