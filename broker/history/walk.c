/* walk.c - the decisions of a span of time, in order. Does not decide anything: that is replay.c. */
#include "broker/history/read_ask.h"

#define ARENA_MAX (1UL << 20)
#define ARENA_USUAL (16UL << 10) /* nearly every record fits, so that one block is used all along */

struct walk {
    bool (*each)(void *ctx, const struct history_ask *ask);
    void *ctx;
    struct arena arena;
    struct history_counts counts;
    enum cb_code code;
    struct cb_err err;
};

static bool take(struct walk *w, const struct ask_line *found, int64_t ts_us)
{
    if (found->kind == LINE_OTHER) {
        return true;
    }
    w->counts.first_us = w->counts.first_us == 0 ? ts_us : w->counts.first_us;
    w->counts.last_us = ts_us;
    switch (found->kind) {
    case LINE_ASK:
        w->counts.asks++;
        return w->each(w->ctx, &found->ask);
    case LINE_UNCLEAR:
        w->counts.unclear++;
        break;
    case LINE_COUNT:
        w->counts.quota_refusals += found->count;
        break;
    case LINE_OTHER:
        break;
    }
    return true;
}

static bool on_line(void *ctx, const struct audit_line *line)
{
    struct walk *w = ctx;
    struct ask_line found;
    w->counts.records++;
    w->code = read_ask(line, &w->arena, &found, &w->err);
    const bool go_on = w->code == CB_OK && take(w, &found, line->ts_us);
    arena_reset(&w->arena);
    return go_on;
}

enum cb_code history_walk(const char *audit_dir, const struct history_range *range,
                          bool (*each)(void *ctx, const struct history_ask *ask), void *ctx,
                          struct history_counts *ret, struct cb_err *err)
{
    struct walk w = {.each = each, .ctx = ctx};
    arena_init(&w.arena, ARENA_MAX);
    enum cb_code code = arena_alloc(&w.arena, ARENA_USUAL) == NULL
                            ? cb_fail(err, CB_ENOMEM, "no memory to read %s", audit_dir)
                            : CB_OK;
    arena_reset(&w.arena);
    if (code == CB_OK) {
        code = audit_walk_span(audit_dir, range->since_us, range->until_us, on_line, &w, err);
    }
    if (code == CB_OK && w.code != CB_OK) {
        *err = w.err;
        code = w.code;
    }
    arena_free(&w.arena);
    if (code == CB_OK) {
        *ret = w.counts;
    }
    return code;
}
