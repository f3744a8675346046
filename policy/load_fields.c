/* load_fields.c - see load.h: the small readers that clients and rules share. */
#include "broker/base/clock.h"
#include "policy/load.h"

#include <stdarg.h>
#include <stdio.h>

#define NOTE_MAX 200U /* bytes of owner:, ticket:, description:; the first two go into records */
#define DAY_S 86400

void *load_array(struct loader *ld, size_t num, size_t size)
{
    void *array = arena_array(&ld->policy->arena, num, size);
    if (array == NULL) {
        ld->no_memory = true;
    }
    return array;
}

const char *load_copy(struct loader *ld, struct slice text)
{
    const char *copy = arena_dup(&ld->policy->arena, text);
    if (copy == NULL) {
        ld->no_memory = true;
    }
    return copy;
}

struct slice load_keep(struct loader *ld, struct slice text)
{
    const struct slice bytes = ld->policy->bytes;
    const uintptr_t at = (uintptr_t)text.ptr - (uintptr_t)bytes.ptr;
    if (at <= bytes.len && text.len <= bytes.len - at) {
        return text;
    }
    const struct slice copy = arena_slice(&ld->policy->arena, text);
    ld->no_memory = ld->no_memory || copy.ptr == NULL;
    return copy;
}

bool load_own(struct loader *ld, void *ptr, void (*free_fn)(void *ptr))
{
    struct policy_owned *owned = load_array(ld, 1, sizeof(*owned));
    if (owned == NULL) {
        free_fn(ptr);
        return false;
    }
    *owned = (struct policy_owned){ptr, free_fn, ld->policy->owned};
    ld->policy->owned = owned;
    return true;
}

struct pos load_pos(const struct loader *ld, const struct yaml_node *n)
{
    if (n == NULL) {
        return (struct pos){.file = ld->file};
    }
    return n->key_line != 0 ? (struct pos){n->key_line, n->key_col, ld->file}
                            : (struct pos){n->line, n->col, ld->file};
}

const char *load_where(const struct loader *ld, struct pos pos, char out[LOAD_WHERE_SIZE])
{
    if (pos.file == ld->file) {
        (void)snprintf(out, LOAD_WHERE_SIZE, "line %u", pos.line);
    } else {
        (void)snprintf(out, LOAD_WHERE_SIZE, "%s:%u", ld->policy->sources[pos.file].path, pos.line);
    }
    return out;
}

void load_warn(struct loader *ld, const struct yaml_node *n, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0) {
        text[0] = '\0';
    }
    va_end(ap);
    diag_add(ld->r.diags, DIAG_WARNING, yaml_key_place(&ld->r, n), "%s", text);
}

bool load_map(struct loader *ld, const struct yaml_node *n, const char *what,
              const char *const *allowed, const struct yaml_synonym *synonyms)
{
    (void)yaml_check_keys_hinted(&ld->r, n, what, allowed, synonyms);
    return n != NULL && n->kind == YAML_MAP;
}

bool load_id_valid(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.ptr[i];
        const bool letter_or_digit = ascii_is_digit(c) || (c >= 'a' && c <= 'z');
        if (!letter_or_digit && (i == 0 || !slice_has_byte(SLICE("._-"), c))) {
            return false;
        }
    }
    return id.len >= 1 && id.len <= 64;
}

/* has_control - C0, DEL, and C1 as UTF-8 writes them. */
static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        const unsigned char next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : 0;
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next <= 0x9f)) {
            return true;
        }
    }
    return false;
}

bool load_printable(struct loader *ld, const struct yaml_node *n, const char *what, size_t max,
                    struct slice *ret)
{
    struct slice text;
    if (!yaml_read_text(&ld->r, n, what, &text)) {
        return false;
    }
    if (text.len > max) {
        yaml_complain(&ld->r, n, "%s is longer than %zu bytes", what, max);
        return false;
    }
    if (has_control(text) || !utf8_valid(text)) {
        yaml_complain(&ld->r, n, "%s must be one line of text without control characters", what);
        return false;
    }
    *ret = text;
    return true;
}

const char *load_note(struct loader *ld, const struct yaml_node *n, const char *what)
{
    struct slice text;
    return load_printable(ld, n, what, NOTE_MAX, &text) ? load_copy(ld, text) : NULL;
}

bool load_time_end(struct loader *ld, const struct yaml_node *n, const char *what, int64_t *ret_s)
{
    struct slice text;
    int64_t us = 0;
    if (!yaml_read_text(&ld->r, n, what, &text)) {
        return false;
    }
    if (!time_parse(text, &us)) {
        char quoted[NAME_QUOTE_SIZE];
        yaml_complain(&ld->r, n,
                      "%s must be a date (2027-03-31, valid through that day) or a UTC time "
                      "(2027-03-31T18:00:00Z), not \"%s\"",
                      what, name_quote(text, quoted));
        return false;
    }
    const bool is_date = !slice_has_byte(text, 'T');
    *ret_s = us / 1000000 + (is_date ? DAY_S : 0);
    return true;
}
