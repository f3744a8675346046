/* story_find.c - see story.h: which request is meant by what somebody pasted. */
#include "broker/review/story.h"

#include <stdio.h>

#define STORY_ARENA_MAX ((size_t)256 << 20)
#define SEQ_DIGITS_MAX 15U
#define ID_MIN 4U

struct finding {
    struct story *story;
    struct query *query; /* one of its terms must fit; NULL: any row */
    struct query *also;  /* and this as a whole; NULL: nothing else */
    uint64_t seq;        /* a record of the row has this number; UINT64_MAX: whichever */
    struct story_list *found;
    bool no_memory;
};

struct review_row *story_keep(struct story *s, const struct review_row *row)
{
    struct audit_line lines[2];
    struct cb_err ignored;
    struct review_row *copy = arena_alloc(&s->arena, sizeof(*copy));
    for (size_t i = 0; i < row->num && copy != NULL; i++) {
        const struct audit_line *line = &row->records[i].line;
        const struct slice whole = arena_slice(&s->arena, line->whole);
        lines[i] = *line;
        lines[i].body.ptr = whole.ptr + (line->body.ptr - line->whole.ptr);
        lines[i].whole = whole;
        copy = whole.ptr == NULL ? NULL : copy;
    }
    if (copy == NULL || row_decode(&lines[0], row->num > 1 ? &lines[1] : NULL, &s->arena, copy,
                                   &ignored) != CB_OK) {
        return NULL;
    }
    return copy;
}

void story_free(struct story *s)
{
    arena_free(&s->arena);
    *s = (struct story){.main = NULL};
}

/* ---- what the text could be ---- */

static bool all_digits(const char *text)
{
    for (; *text != '\0'; text++) {
        if (!ascii_is_digit(*text)) {
            return false;
        }
    }
    return true;
}

/* hex_digits - how many, colons left aside; 0: something else is in it. */
static size_t hex_digits(const char *text)
{
    size_t num = 0;
    for (; *text != '\0'; text++) {
        const char c = ascii_lower(*text);
        if (ascii_is_digit(c) || (c >= 'a' && c <= 'f')) {
            num++;
        } else if (c != ':') {
            return 0;
        }
    }
    return num;
}

/* add_terms - each of them means another kind of thing; one must fit. */
static enum cb_code add_terms(struct query *q, const char *id, struct cb_err *err)
{
    const char *hex = strncmp(id, "0x", 2) == 0 ? id + 2 : id;
    const size_t digits = hex_digits(hex);
    if (strpbrk(id, "=~<>") != NULL) {
        return query_add(q, id, err);
    }
    if (digits < ID_MIN) {
        return cb_fail(err, CB_EINPUT,
                       "\"%s\" is no request id, serial, fingerprint or record number", id);
    }
    if (digits <= 32) {
        TRY(query_add_is(q, "req", hex, err));
    }
    if (digits <= 64) {
        TRY(query_add_is(q, "fingerprint", hex, err));
    }
    TRY(query_add_is(q, "serial", id, err));
    /* Its beginning, as tables show it. */
    char glob[80];
    size_t len = 0;
    for (const char *c = hex; *c != '\0' && len + 2 < sizeof(glob); c++) {
        if (*c != ':') {
            glob[len++] = ascii_lower(*c);
        }
    }
    glob[len] = '*';
    glob[len + 1] = '\0';
    return digits < sizeof(glob) - 2 ? query_add_is(q, "serial", glob, err) : CB_OK;
}

/* fits - any term, each by itself. */
static bool fits(const struct query *q, const struct review_row *row)
{
    for (size_t i = 0; i < q->num; i++) {
        struct query one = {.num = 1};
        one.terms[0] = q->terms[i];
        if (query_matches(&one, row)) {
            return true;
        }
    }
    return false;
}

static bool has_seq(const struct review_row *row, uint64_t seq)
{
    return row_first(row)->line.seq == seq || row_last(row)->line.seq == seq;
}

static bool on_row(void *ctx, const struct review_row *row)
{
    struct finding *f = ctx;
    if ((f->query != NULL && !fits(f->query, row)) ||
        (f->also != NULL && !query_matches(f->also, row)) ||
        (f->seq != UINT64_MAX && !has_seq(row, f->seq))) {
        return true;
    }
    if (f->found->num == STORY_LIST_MAX) {
        f->found->left_out++;
        return true;
    }
    struct review_row *copy = story_keep(f->story, row);
    f->no_memory = copy == NULL;
    if (copy != NULL) {
        f->found->rows[f->found->num++] = copy;
    }
    return copy != NULL && f->seq == UINT64_MAX;
}

/* ---- looking ---- */

/* look_around - for the row of this record. Its outcome may come later: so to the end, but nothing before;
 * and both have the request's id. */
static enum cb_code look_around(struct finding *f, const struct audit_line *line,
                                struct cb_err *err)
{
    struct audit_event e;
    struct slice trunc;
    struct review_search search = f->story->where;
    search.since_us = line->ts_us;
    search.until_us = audit_type_is_attempt(line->type) ? INT64_MAX : line->ts_us + 1;
    TRY(audit_line_decode(line, &f->story->arena, &e, &trunc, err));
    if (audit_type_is_attempt(line->type) && e.req.len > 0 && slice_plain_run(e.req) == e.req.len) {
        search.literals[0] = e.req;
        search.num_literals = 1;
    }
    return review_search(&search, on_row, f, err);
}

/* by_number - the row that the record is part of. */
static enum cb_code by_number(struct finding *f, struct cb_err *err)
{
    struct buf copy;
    struct audit_line line;
    buf_init(&copy, AUDIT_LINE_MAX);
    enum cb_code code = audit_read_record(f->story->where.dir, f->seq, &copy, &line, err);
    if (code == CB_OK) {
        code = look_around(f, &line, err);
    }
    buf_free(&copy);
    if (code == CB_ECORRUPT) { /* somewhere; the record itself may be whole */
        code = review_search(&f->story->where, on_row, f, err);
    }
    if (code == CB_ENOENT) {
        size_t segments = 0;
        struct cb_err why;
        if (audit_num_segments(f->story->where.dir, &segments, &why) == CB_ENOENT) {
            *err = why; /* there is no log at all */
            return CB_ENOENT;
        }
    }
    return code == CB_ENOENT ? CB_OK : code;
}

static enum cb_code by_texts(struct finding *f, const char *id, struct cb_err *err)
{
    struct query q;
    query_init(&q);
    f->query = &q;
    f->seq = UINT64_MAX;
    enum cb_code code = add_terms(&q, id, err);
    if (code == CB_OK) {
        struct review_search search = f->story->where;
        search.any_of = &q;
        code = review_search(&search, on_row, f, err);
    }
    query_free(&q);
    f->query = NULL;
    return code;
}

/* ---- which of what was found is meant ---- */

static bool same_text(const struct review_row *a, const struct review_row *b, size_t at)
{
    const struct slice text = row_text_at(a, at);
    return text.ptr != NULL && slice_eq(text, row_text_at(b, at));
}

/* rank - how much of a story begins with such a row. */
static unsigned rank(const struct review_row *row)
{
    const enum audit_type type = row_last(row)->line.type;
    if (row_is_request(row)) {
        return 5;
    }
    if (type == AUDIT_RECONCILE_ORPHAN || type == AUDIT_RECONCILE_BYPASS) {
        return 4; /* a certificate of which there is nothing else */
    }
    if (row->result == RESULT_REVOKED) {
        return 3;
    }
    return row_is_finding(row) || row->result == RESULT_UNDELIVERED ? 0
           : row_is_revocation(row)                                 ? 1
                                                                    : 2;
}

/* stands_for - is b part of what a tells? */
static bool stands_for(const struct review_row *a, const struct review_row *b)
{
    return same_text(a, b, offsetof(struct audit_event, req)) ||
           same_text(a, b, offsetof(struct audit_event, serial));
}

/* choose - the one row that stands for all; NULL: there are several. */
static struct review_row *choose(const struct story_list *found)
{
    struct review_row *best = found->rows[0];
    for (size_t i = 1; i < found->num; i++) {
        best = rank(found->rows[i]) > rank(best) ? found->rows[i] : best;
    }
    for (size_t i = 0; i < found->num; i++) {
        if (found->rows[i] != best && !stands_for(best, found->rows[i])) {
            return NULL;
        }
    }
    return best;
}

/* ---- of a certificate that the CA's books told of: who asked for it ---- */

static bool on_request(void *ctx, const struct review_row *row)
{
    struct finding *f = ctx;
    if (!row_is_request(row) ||
        !same_text(f->story->main, row, offsetof(struct audit_event, req))) {
        return true;
    }
    struct review_row *copy = story_keep(f->story, row);
    f->no_memory = copy == NULL;
    f->story->main = copy == NULL ? f->story->main : copy;
    return false;
}

/* begin_at_request - the story of an orphan begins with the request that nobody got an answer to. */
static enum cb_code begin_at_request(struct finding *f, struct cb_err *err)
{
    const struct slice req = row_text(f->story->main, req);
    if (!row_is_finding(f->story->main) || req.len == 0 || f->seq != UINT64_MAX) {
        return CB_OK;
    }
    struct review_search search = f->story->where;
    if (slice_plain_run(req) == req.len) {
        search.literals[search.num_literals++] = req;
    }
    TRY(review_search(&search, on_request, f, err));
    return f->no_memory ? cb_fail(err, CB_ENOMEM, "no memory for what was found") : CB_OK;
}

enum story_found story_find(const struct review_search *where, const char *id, struct query *also,
                            struct story *ret, struct story_list *ret_candidates,
                            struct cb_err *err)
{
    struct finding f = {.story = ret, .also = also, .seq = UINT64_MAX, .found = ret_candidates};
    enum cb_code code = CB_OK;
    *ret = (struct story){.where = {.dir = where->dir,
                                    .damage = where->damage,
                                    .since_us = INT64_MIN,
                                    .until_us = INT64_MAX,
                                    .housekeeping = true}};
    *ret_candidates = (struct story_list){.num = 0};
    arena_init(&ret->arena, STORY_ARENA_MAX);
    if (all_digits(id) && strlen(id) <= SEQ_DIGITS_MAX && slice_to_u64(slice_of(id), &f.seq)) {
        code = by_number(&f, err);
    }
    if (code == CB_OK && ret_candidates->num == 0) {
        code = all_digits(id) && strlen(id) < ID_MIN ? CB_OK : by_texts(&f, id, err);
    }
    if (code == CB_OK && f.no_memory) {
        code = cb_fail(err, CB_ENOMEM, "no memory for what was found");
    }
    if (code != CB_OK) {
        return STORY_FAILED;
    }
    if (ret_candidates->num == 0) {
        return STORY_NOTHING;
    }
    ret->main = choose(ret_candidates);
    if (ret->main == NULL || ret_candidates->left_out > 0) {
        return STORY_SEVERAL;
    }
    return begin_at_request(&f, err) == CB_OK && story_gather(ret, err) == CB_OK ? STORY_FOUND
                                                                                 : STORY_FAILED;
}
