/* fuzz_name.c - name_parse and pattern_parse on any bytes: a canonical name is its own canonical
 * form, a pattern that covers a name touches it, and an exact pattern of a name covers it. */
#include "policy/pattern.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_name(struct arena *arena, const struct name *name)
{
    char again[NAME_TEXT_MAX + 1];
    struct name twice;
    struct pattern exact;
    struct cb_err err;
    check(name->kind == name_classify(name->text));
    check(name_parse_into(name->text, again, &twice, &err) == CB_OK);
    check(name_cmp(name, &twice) == 0 && slice_eq(name->text, twice.text));
    check(strlen(again) == name->text.len);
    /* For a wildcard name the same text is the one-label pattern, which covers it too. */
    check(pattern_parse(arena, name->kind, name->text, &exact, &err) == CB_OK);
    check(pattern_covers(&exact, name, NULL) && pattern_touches(&exact, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice all = {(const char *)data, size};
    const char *newline = size == 0 ? NULL : memchr(data, '\n', size);
    const size_t cut = newline == NULL ? size : (size_t)(newline - all.ptr);
    const struct slice first = {all.ptr, cut};
    const struct slice second = {all.ptr + cut, size - cut};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct name name;
    struct cb_err err;
    char quoted[NAME_QUOTE_SIZE];
    check(strlen(name_quote(all, quoted)) < NAME_QUOTE_SIZE);
    const bool is_name = name_parse(&arena, first, &name, &err) == CB_OK;
    if (is_name) {
        check_name(&arena, &name);
    }
    for (int kind = 0; kind < NAME_KIND_COUNT; kind++) {
        struct pattern p;
        const struct slice text =
            second.len > 0 ? (struct slice){second.ptr + 1, second.len - 1} : first;
        if (pattern_parse(&arena, (enum name_kind)kind, text, &p, &err) == CB_OK && is_name) {
            check(!pattern_covers(&p, &name, NULL) || pattern_touches(&p, &name));
        }
    }
    arena_free(&arena);
    return 0;
}
