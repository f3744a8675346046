/* story_gather.c - see story.h: what else belongs to it. One pass over the log for a handful of texts. */
#include "broker/review/story.h"

struct gathering {
    struct story *story;
    struct slice req, serial, idem, who, policy;
    struct slice origin;                  /* the request of which the certificate came */
    struct slice found_serial, found_req; /* what findings say */
    bool no_memory;
};

static bool keep_in(struct gathering *g, struct story_list *list, const struct review_row *row)
{
    if (list->num == STORY_LIST_MAX) {
        list->left_out++;
        return true;
    }
    struct review_row *copy = story_keep(g->story, row);
    g->no_memory = copy == NULL;
    if (copy != NULL) {
        list->rows[list->num++] = copy;
    }
    return copy != NULL;
}

static bool keep_at(struct gathering *g, struct review_row **at, const struct review_row *row)
{
    *at = story_keep(g->story, row);
    g->no_memory = *at == NULL;
    return *at != NULL;
}

static bool is_text(struct slice wanted, struct slice text)
{
    return wanted.ptr != NULL && text.ptr != NULL && slice_eq(wanted, text);
}

/* on_policy - the newest record before ours by which this policy came into force. */
static bool on_policy(struct gathering *g, const struct review_row *row)
{
    const struct review_record *r = row_last(row);
    const bool loads = r->line.type == AUDIT_POLICY_LOAD || r->line.type == AUDIT_BROKER_START;
    if (!loads || !is_text(g->policy, r->event.policy_sha256) ||
        r->line.seq > row_first(g->story->main)->line.seq) {
        return true;
    }
    /* The one that changed something says more than a restart that found the same. */
    const bool changes = r->line.type == AUDIT_POLICY_LOAD &&
                         !slice_eq(r->event.policy_old_sha256, r->event.policy_sha256);
    return g->story->in_force != NULL && !changes ? true : keep_at(g, &g->story->in_force, row);
}

static bool on_certificate(struct gathering *g, const struct review_row *row)
{
    struct story *s = g->story;
    if (row_is_revocation(row) || row->result == RESULT_DENIED) {
        return keep_in(g, &s->revocations, row);
    }
    return row->result == RESULT_ISSUED && s->issue == NULL ? keep_at(g, &s->issue, row) : true;
}

/* on_finding - it may be what tells which certificate came of a request, or of which request a
 * certificate came. */
static bool on_finding(struct gathering *g, const struct review_row *row)
{
    if (g->found_serial.ptr == NULL && g->serial.ptr == NULL) {
        g->found_serial = arena_slice(&g->story->arena, row_text(row, serial));
    }
    if (g->found_req.ptr == NULL) {
        g->found_req = arena_slice(&g->story->arena, row_text(row, req));
    }
    return keep_in(g, &g->story->findings, row);
}

static bool on_row(void *ctx, const struct review_row *row)
{
    struct gathering *g = ctx;
    struct story *s = g->story;
    const struct slice req = row_text(row, req);
    const struct slice serial = row_text(row, serial);
    if (row_last(row)->line.seq == row_last(s->main)->line.seq) {
        return true;
    }
    if (row_is_finding(row)) {
        return is_text(g->serial, serial) || is_text(g->req, req) ? on_finding(g, row) : true;
    }
    if (row->result == RESULT_OTHER && serial.ptr == NULL) {
        return on_policy(g, row);
    }
    if (row->result == RESULT_UNDELIVERED) {
        return is_text(g->req, req) ? keep_at(g, &s->undelivered, row) : true;
    }
    if (is_text(g->origin, req) && row_is_request(row) && !is_text(g->serial, serial)) {
        return keep_at(g, &s->request, row);
    }
    if (is_text(g->serial, serial)) {
        return on_certificate(g, row);
    }
    if (is_text(g->serial, row_text(row, supersedes)) && row->result == RESULT_ISSUED) {
        return keep_at(g, &s->superseded_by, row);
    }
    if (is_text(g->req, row_text(row, follows))) {
        return keep_in(g, &s->follow_ups, row);
    }
    if (is_text(g->idem, row_text(row, idem)) && is_text(g->who, row_text(row, who_id))) {
        return keep_in(g, &s->repeats, row);
    }
    return true;
}

/* quoted - the text as a record has it; absent where it is spelled with escapes: then every line counts. */
static struct slice quoted(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.len + 3);
    if (copy == NULL || slice_plain_run(text) != text.len) {
        return (struct slice){NULL, 0};
    }
    copy[0] = '"';
    memcpy(copy + 1, text.ptr, text.len);
    copy[text.len + 1] = '"';
    return (struct slice){copy, text.len + 2};
}

/* pass - once over the log, for what is known so far. */
static enum cb_code pass(struct gathering *g, struct cb_err *err)
{
    struct story *s = g->story;
    struct review_search search = s->where;
    const struct slice texts[] = {g->req, g->serial, g->idem, g->origin};
    bool exact = true;
    s->serial = g->serial;
    s->issue = s->main->result == RESULT_ISSUED ? s->main : NULL;
    s->request = s->undelivered = s->superseded_by = s->in_force = NULL;
    s->revocations.num = s->follow_ups.num = s->repeats.num = s->findings.num = 0;
    s->revocations.left_out = s->follow_ups.left_out = s->repeats.left_out = 0;
    s->findings.left_out = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].ptr != NULL && texts[i].len > 0) {
            const struct slice literal = quoted(&s->arena, texts[i]);
            exact = exact && literal.ptr != NULL;
            search.literals[search.num_literals++] = literal;
        }
    }
    search.literals[search.num_literals++] = SLICE("\"type\":\"policy.load\"");
    search.literals[search.num_literals++] = SLICE("\"type\":\"broker.start\"");
    search.num_literals = exact ? search.num_literals : 0;
    const enum cb_code code = review_search(&search, on_row, g, err);
    return code == CB_OK && g->no_memory ? cb_fail(err, CB_ENOMEM, "no memory for the story")
                                         : code;
}

enum cb_code story_gather(struct story *s, struct cb_err *err)
{
    struct gathering g = {.story = s,
                          .req = row_text(s->main, req),
                          .serial = row_text(s->main, serial),
                          .idem = row_text(s->main, idem),
                          .who = row_text(s->main, who_id),
                          .policy = row_text(s->main, policy_sha256)};
    g.origin = row_is_finding(s->main) ? g.req : g.origin;
    TRY(pass(&g, err));
    /* The CA's books told of a certificate, or of who asked for it: then once more, with that. */
    const bool has_serial = g.found_serial.ptr != NULL;
    const bool has_origin = g.found_req.ptr != NULL && s->issue == NULL &&
                            !slice_eq(g.found_req, g.req) && g.origin.ptr == NULL;
    if (!has_serial && !has_origin) {
        return CB_OK;
    }
    g.serial = has_serial ? g.found_serial : g.serial;
    g.origin = has_origin ? g.found_req : g.origin;
    return pass(&g, err);
}

const struct review_row *story_finding(const struct story *s, const char *reason)
{
    for (size_t i = s->findings.num; i > 0; i--) {
        if (slice_eq_str(row_text(s->findings.rows[i - 1], reason), reason)) {
            return s->findings.rows[i - 1];
        }
    }
    return row_is_finding(s->main) && slice_eq_str(row_text(s->main, reason), reason) ? s->main
                                                                                      : NULL;
}

const struct review_row *story_certificate(const struct story *s)
{
    if (s->issue != NULL) {
        return s->issue;
    }
    for (size_t i = s->findings.num; i > 0; i--) {
        if (row_text(s->findings.rows[i - 1], not_after).ptr != NULL) {
            return s->findings.rows[i - 1];
        }
    }
    return row_text(s->main, not_after).ptr != NULL ? s->main : NULL;
}
