/* search.c - see search.h: joins each outcome with its attempt, and asks the query. */
#include "broker/review/search.h"

#include "broker/review/pending.h"

#include <stdio.h>
#include <stdlib.h>

#define ROW_ARENA_MAX ((size_t)1 << 20)
#define LOOKED_UP_MAX 64U /* attempts read one by one; from then on all of them are asked for */

struct review_stream {
    const struct review_search *search;
    bool (*each)(void *ctx, const struct review_row *row);
    void *ctx;
    struct pending pending;
    struct arena arena;
    struct buf fetched; /* an attempt that was read one by one */
    unsigned looked_up;
    bool stopped;
    enum cb_code code; /* what went wrong on the way */
    struct cb_err *err;
};

/* on_damage - told again by the next pass over the log, and kept once. */
static void on_damage(void *ctx, const char *what)
{
    struct review_damage *d = ctx;
    for (size_t i = 0; i < d->num; i++) {
        const size_t len = strlen(d->what[i]);
        if (strncmp(d->what[i], what, len) == 0) { /* or the same, and more of it */
            (void)snprintf(d->what[i], sizeof(d->what[i]), "%s", what);
            return;
        }
        if (strncmp(d->what[i], what, strlen(what)) == 0) {
            return;
        }
    }
    if (d->num == REVIEW_DAMAGE_SHOWN) {
        d->has_more = true;
        return;
    }
    (void)snprintf(d->what[d->num++], sizeof(d->what[0]), "%s", what);
}

static bool is_housekeeping(enum audit_type type)
{
    const char *word = audit_type_word(type);
    return type == AUDIT_SEGMENT_OPEN || type == AUDIT_SEGMENT_CLOSE ||
           strcmp(word, "log.heartbeat") == 0;
}

static bool is_wanted(const struct review_stream *s, const struct review_row *row)
{
    const struct review_search *search = s->search;
    const int64_t ts_us = row_last(row)->line.ts_us;
    if (ts_us < search->since_us || ts_us >= search->until_us ||
        (search->below != 0 && row_last(row)->line.seq >= search->below)) {
        return false;
    }
    if (row->num == 1 && !search->housekeeping && is_housekeeping(row_first(row)->line.type)) {
        return false;
    }
    return search->query == NULL || query_matches(search->query, row);
}

/* offer - a row; false: stop. */
static bool offer(struct review_stream *s, const struct audit_line *first,
                  const struct audit_line *second)
{
    struct review_row row;
    arena_reset(&s->arena);
    s->code = row_decode(first, second, &s->arena, &row, s->err);
    if (s->code == CB_OK && is_wanted(s, &row)) {
        s->stopped = !s->each(s->ctx, &row);
    }
    return s->code == CB_OK && !s->stopped;
}

static bool keep_attempt(struct review_stream *s, struct audit_grep *grep,
                         const struct audit_line *line)
{
    const bool hit = grep != NULL && audit_grep_is_hit(grep);
    if (!pending_add(&s->pending, line, hit) || (hit && !audit_grep_await(grep, line->seq))) {
        s->code = cb_fail(s->err, CB_ENOMEM, "no memory to search");
        return false;
    }
    return true;
}

/* ref_of - the attempt that the outcome closes; UINT64_MAX: nothing was attempted. */
static bool ref_of(struct review_stream *s, const struct audit_line *line, uint64_t *ret)
{
    struct audit_event e;
    struct slice trunc;
    arena_reset(&s->arena);
    s->code = audit_line_decode(line, &s->arena, &e, &trunc, s->err);
    *ret = e.ref;
    return s->code == CB_OK;
}

/* fetch - an attempt that was stepped over. Of a log of which the oldest part is gone it may be, too. */
static bool fetch(struct review_stream *s, struct audit_grep *grep, uint64_t seq,
                  struct audit_line *ret, bool *ret_found)
{
    if (grep != NULL && ++s->looked_up == LOOKED_UP_MAX) {
        audit_grep_attempts(grep);
    }
    s->code = grep != NULL ? audit_grep_record(grep, seq, &s->fetched, ret, s->err)
                           : audit_read_record(s->search->dir, seq, &s->fetched, ret, s->err);
    *ret_found = s->code == CB_OK;
    if (s->code == CB_ECORRUPT && s->search->damage != NULL) {
        on_damage(s->search->damage, s->err->msg);
        s->code = CB_OK;
    }
    s->code = s->code == CB_ENOENT ? CB_OK : s->code;
    return s->code == CB_OK;
}

static bool on_outcome(struct review_stream *s, struct audit_grep *grep,
                       const struct audit_line *line)
{
    uint64_t ref = UINT64_MAX;
    struct audit_line attempt;
    bool found = false;
    if (!ref_of(s, line, &ref)) {
        return false;
    }
    if (ref >= line->seq) {
        return offer(s, line, NULL);
    }
    struct pending_item item = pending_take(&s->pending, ref);
    if (item.text != NULL) {
        const bool more = offer(s, &item.line, line);
        free(item.text);
        return more;
    }
    if (!fetch(s, grep, ref, &attempt, &found)) {
        return false;
    }
    return found && audit_type_is_attempt(attempt.type) ? offer(s, &attempt, line)
                                                        : offer(s, line, NULL);
}

static bool on_line(void *ctx, struct audit_grep *grep, const struct audit_line *line)
{
    struct review_stream *s = ctx;
    if (!s->search->raw && audit_type_is_attempt(line->type)) {
        return keep_attempt(s, grep, line);
    }
    if (!s->search->raw && audit_type_is_outcome(line->type)) {
        return on_outcome(s, grep, line);
    }
    return offer(s, line, NULL);
}

/* offer_open - the attempts that nothing closed. */
static void offer_open(struct review_stream *s)
{
    bool more = s->code == CB_OK && !s->stopped && !s->search->no_open;
    while (more) {
        struct pending_item item = pending_pop(&s->pending);
        if (item.text == NULL) {
            return;
        }
        more = offer(s, &item.line, NULL);
        free(item.text);
    }
}

static void begin(struct review_stream *s)
{
    arena_init(&s->arena, ROW_ARENA_MAX);
    buf_init(&s->fetched, AUDIT_LINE_MAX);
}

static void end(struct review_stream *s)
{
    pending_free(&s->pending);
    arena_free(&s->arena);
    buf_free(&s->fetched);
}

enum cb_code review_search(const struct review_search *search,
                           bool (*each)(void *ctx, const struct review_row *row), void *ctx,
                           struct cb_err *err)
{
    struct review_stream s = {
        .search = search, .each = each, .ctx = ctx, .code = CB_OK, .err = err};
    struct audit_grep_want want = {.since_us = search->since_us,
                                   .until_us = search->until_us,
                                   .newest = search->newest,
                                   .pairs = !search->raw};
    memcpy(want.literals, search->literals, sizeof(want.literals));
    want.num_literals = search->num_literals;
    if (search->damage != NULL) {
        want.on_damage = on_damage;
        want.damage_ctx = search->damage;
    }
    if (search->query != NULL) {
        query_want(search->query, &want);
    } else if (search->any_of != NULL) {
        query_want_any(search->any_of, &want);
    }
    begin(&s);
    enum cb_code code = audit_grep(search->dir, &want, on_line, &s, err);
    if (code == CB_OK) {
        offer_open(&s);
        code = s.code;
    }
    end(&s);
    return code;
}

enum cb_code review_stream_open(const struct review_search *search,
                                bool (*each)(void *ctx, const struct review_row *row), void *ctx,
                                struct review_stream **ret, struct cb_err *err)
{
    struct review_stream *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to search");
    }
    *s = (struct review_stream){.search = search, .each = each, .ctx = ctx, .code = CB_OK};
    begin(s);
    *ret = s;
    return CB_OK;
}

void review_stream_close(struct review_stream *s)
{
    if (s != NULL) {
        end(s);
        free(s);
    }
}

enum cb_code review_stream_add(struct review_stream *s, const struct audit_line *line,
                               bool *ret_more, struct cb_err *err)
{
    s->err = err;
    (void)on_line(s, NULL, line);
    *ret_more = s->code == CB_OK && !s->stopped;
    return s->code;
}
