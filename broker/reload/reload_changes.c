/* reload_changes.c - see reload_changes.h. What differs is policy_diff's to find. */
#include "broker/reload/reload_changes.h"

#include "policy/review.h"

#include <stdio.h>

#define DIFF_ARENA_MAX ((size_t)512 << 20)
/* All lines of a record together, as JSON strings: a line of the log holds 16 KiB. */
#define JSON_BYTES_MAX 9000U

/* fit - at most CHANGE_LINE_BYTES, cut between characters. */
static struct slice fit(const char *text)
{
    static const char dots[] = "...";
    size_t len = strlen(text);
    if (len > CHANGE_LINE_BYTES) {
        len = CHANGE_LINE_BYTES - (sizeof(dots) - 1);
        while (len > 0 && ((unsigned char)text[len] & 0xc0U) == 0x80U) {
            len--;
        }
    }
    return (struct slice){text, len};
}

static struct slice line_of(const struct policy_change *c, struct arena *arena)
{
    char whole[1024];
    char line[CHANGE_LINE_BYTES + 1];
    (void)snprintf(whole, sizeof(whole), "%c %s: %s%s%s%s", c->gains ? '+' : '-',
                   strcmp(c->client, "*") == 0 ? "everybody" : c->client, c->text,
                   c->rule_id == NULL ? "" : " (rule ", c->rule_id == NULL ? "" : c->rule_id,
                   c->rule_id == NULL ? "" : ")");
    const struct slice part = fit(whole);
    const bool is_cut = part.len < strlen(whole);
    (void)snprintf(line, sizeof(line), "%.*s%s", (int)part.len, part.ptr, is_cut ? "..." : "");
    return arena_slice(arena, slice_of(line));
}

/* json_size - what a line takes in a record; too much for any record when it cannot be told. */
static size_t json_size(struct slice line)
{
    struct buf json;
    buf_init(&json, (size_t)8 * CHANGE_LINE_BYTES);
    buf_add_json_str(&json, line);
    const size_t size = buf_ok(&json) ? json.len + 1 : JSON_BYTES_MAX;
    buf_free(&json);
    return size;
}

static struct slice rest_line(size_t num_left, struct arena *arena)
{
    char text[48];
    (void)snprintf(text, sizeof(text), "... and %zu more", num_left);
    return arena_slice(arena, slice_of(text));
}

static bool make_lines(const struct policy_changes *all, struct arena *arena,
                       struct change_lines *ret)
{
    size_t used = 0;
    for (size_t i = 0; i < all->num; i++) {
        ret->num_gains += all->items[i].gains ? 1 : 0;
        ret->num_losses += all->items[i].gains ? 0 : 1;
    }
    size_t i = 0;
    for (; i < all->num && i < CHANGE_LINES_MAX; i++) {
        const struct slice line = line_of(&all->items[i], arena);
        if (line.ptr == NULL) {
            return false;
        }
        used += json_size(line);
        if (used > JSON_BYTES_MAX) {
            break;
        }
        ret->items[ret->num++] = line;
    }
    if (i < all->num) {
        ret->items[ret->num] = rest_line(all->num - i, arena);
        return ret->items[ret->num++].ptr != NULL;
    }
    return true;
}

enum cb_code change_lines_of(const struct policy *before, const struct policy *after,
                             struct arena *arena, struct change_lines *ret, struct cb_err *err)
{
    struct arena diff;
    struct policy_changes all = {0};
    *ret = (struct change_lines){.num = 0};
    arena_init(&diff, DIFF_ARENA_MAX);
    enum cb_code code = policy_diff(before, after, &diff, &all, err);
    if (code == CB_OK && !make_lines(&all, arena, ret)) {
        *ret = (struct change_lines){.num = 0};
        code = cb_fail(err, CB_ENOMEM, "out of memory");
    }
    arena_free(&diff);
    return code;
}
