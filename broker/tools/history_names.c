/* history_names.c - see history_names.h. A pattern is only ever written where it was asked for, the
 * loader takes it and several names that were seen are behind it. */
#include "broker/tools/history_names.h"

#include "broker/tools/history_tools.h"

#include <stdio.h>
#include <stdlib.h>

#define SIMILAR_MIN 4U /* fewer names are listed one by one, whatever they have in common */
#define NAMES_TOLD 3U

void snippet_add_text(struct buf *out, struct slice text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, text.ptr[i]);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\x%02x", c);
        } else {
            buf_add_char(out, text.ptr[i]);
        }
    }
    buf_add_char(out, '"');
}

static void add_note(struct buf *out, const struct seen *seen)
{
    buf_printf(out, " # %llu time%s, ", (unsigned long long)seen->count,
               seen->count == 1 ? "" : "s");
    cli_add_date(out, seen->first_us);
    if (seen->first_us / 86400000000 != seen->last_us / 86400000000) {
        buf_add_str(out, " to ");
        cli_add_date(out, seen->last_us);
    }
    if (seen->denied > 0 && seen->denied == seen->count) {
        buf_add_str(out, ", denied");
    } else if (seen->denied > 0) {
        buf_printf(out, ", %llu denied", (unsigned long long)seen->denied);
    }
}

void snippet_add_item(struct buf *out, const char *indent, const struct seen *seen)
{
    buf_printf(out, "%s- ", indent);
    snippet_add_text(out, seen->text);
    add_note(out, seen);
    buf_add_char(out, '\n');
}

/* ---- patterns ---- */

static size_t find_last(struct slice text, char byte)
{
    const char *at = text.len == 0 ? NULL : memrchr(text.ptr, byte, text.len);
    return at == NULL ? text.len : (size_t)(at - text.ptr);
}

static size_t find_first(struct slice text, char byte)
{
    const char *at = text.len == 0 ? NULL : memchr(text.ptr, byte, text.len);
    return at == NULL ? text.len : (size_t)(at - text.ptr);
}

/* pattern_for - the narrowest pattern that also covers the name's neighbours; empty: none. */
static void pattern_for(enum name_kind kind, struct slice name, struct buf *out)
{
    size_t at = 0;
    buf_reset(out);
    switch (kind) {
    case NAME_DNS:
        at = find_first(name, '.');
        if (at < name.len) {
            buf_add_char(out, '*');
            buf_add_slice(out, (struct slice){name.ptr + at, name.len - at});
        }
        break;
    case NAME_IP:
        at = find_last(name, '.');
        if (at < name.len) {
            buf_add_slice(out, (struct slice){name.ptr, at});
            buf_add_str(out, ".0/24");
        }
        break;
    case NAME_URI:
        at = find_last(name, '/');
        if (at < name.len && at > 0 && name.ptr[at - 1] != '/') {
            buf_add_slice(out, (struct slice){name.ptr, at});
            buf_add_str(out, "/*");
        }
        break;
    case NAME_EMAIL:
        at = find_first(name, '@');
        if (at < name.len) {
            buf_add_char(out, '*');
            buf_add_slice(out, (struct slice){name.ptr + at, name.len - at});
        }
        break;
    }
}

/* is_good - does the loader take it without broad: true? */
static bool is_good(enum name_kind kind, struct slice pattern)
{
    struct buf text;
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    buf_init(&text, 1U << 16);
    buf_add_str(&text,
                "version: 1\nclients: { c: { auth: [{ mtls: { uri: \"spiffe://a/b\" } }] } }\n"
                "rules: [{ id: r, clients: [c], actions: [newcert], no_names: true, "
                "max_validity: 1h, profiles: [p], names: { ");
    buf_printf(&text, "%s: [", name_kind_word(kind));
    snippet_add_text(&text, pattern);
    buf_add_str(&text, "] } }]\n");
    const bool ok =
        diags != NULL && buf_ok(&text) &&
        policy_load_bytes("pattern", buf_slice(&text), cli_now_s(), diags, &policy) == CB_OK;
    policy_free(policy);
    diag_free(diags);
    buf_free(&text);
    return ok;
}

struct similar { /* a name, and the pattern it could go into */
    struct slice pattern;
    const struct seen *seen;
};

static int compare(struct slice a, struct slice b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int bytes = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    return bytes != 0 ? bytes : (a.len > b.len) - (a.len < b.len);
}

static int by_pattern(const void *a, const void *b)
{
    const struct similar *left = a;
    const struct similar *right = b;
    const int patterns = compare(left->pattern, right->pattern);
    return patterns != 0 ? patterns : compare(left->seen->text, right->seen->text);
}

static void add_pattern(struct buf *out, const struct similar *first, size_t num)
{
    struct seen all = *first->seen;
    all.text = first->pattern;
    for (size_t i = 1; i < num; i++) {
        const struct seen *seen = first[i].seen;
        all.count += seen->count;
        all.denied += seen->denied;
        all.first_us = seen->first_us < all.first_us ? seen->first_us : all.first_us;
        all.last_us = seen->last_us > all.last_us ? seen->last_us : all.last_us;
    }
    buf_printf(out, "        # wider than what was seen: for %zu names, ", num);
    for (size_t i = 0; i < num && i < NAMES_TOLD; i++) {
        char quoted[NAME_QUOTE_SIZE];
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", name_quote(first[i].seen->text, quoted));
    }
    buf_add_str(out, num > NAMES_TOLD ? ", ...\n" : "\n");
    snippet_add_item(out, "        ", &all);
}

static bool add_similar(struct suggestion *s, const struct seen_set *set, enum name_kind kind,
                        struct buf *out)
{
    struct similar *items = arena_array(&s->arena, set->num, sizeof(*items));
    struct buf pattern;
    buf_init(&pattern, NAME_TEXT_MAX + 16);
    for (size_t i = 0; items != NULL && i < set->num; i++) {
        pattern_for(kind, set->items[i].text, &pattern);
        items[i] = (struct similar){arena_slice(&s->arena, buf_slice(&pattern)), &set->items[i]};
    }
    buf_free(&pattern);
    if (items == NULL) {
        return false;
    }
    qsort(items, set->num, sizeof(*items), by_pattern);
    for (size_t i = 0; i < set->num;) {
        size_t end = i + 1;
        while (end < set->num && slice_eq(items[i].pattern, items[end].pattern)) {
            end++;
        }
        if (end - i >= SIMILAR_MIN && items[i].pattern.len > 0 && is_good(kind, items[i].pattern)) {
            add_pattern(out, &items[i], end - i);
            i = end;
        }
        for (; i < end; i++) {
            snippet_add_item(out, "        ", items[i].seen);
        }
    }
    return true;
}

bool snippet_add_names(struct suggestion *s, const struct shape *shape, struct buf *out)
{
    bool any = false;
    for (unsigned kind = 0; kind < NAME_KIND_COUNT; kind++) {
        const struct seen_set *set = &shape->names[kind];
        if (set->num == 0) {
            continue;
        }
        buf_printf(out, "%s      %s:\n", any ? "" : "    names:\n",
                   name_kind_word((enum name_kind)kind));
        any = true;
        for (size_t i = 0; i < set->num && !s->patterns; i++) {
            snippet_add_item(out, "        ", &set->items[i]);
        }
        if (s->patterns && !add_similar(s, set, (enum name_kind)kind, out)) {
            return false;
        }
    }
    return true;
}
