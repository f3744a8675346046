/* story_gather.c - see story.h: what else belongs to it. One pass over the log for a handful of texts. */
#include "broker/review/story.h"

struct gathering {
    struct story *story;
    struct slice req, serial, idem, who, policy;
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

static bool is_revocation(const struct review_row *row)
{
    return row->result == RESULT_REVOKED || row->result == RESULT_REVOKE_FAILED ||
           row->result == RESULT_REVOKE_UNKNOWN || row->result == RESULT_REVOKE_OPEN;
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
    if (is_revocation(row)) {
        return keep_in(g, &s->revocations, row);
    }
    if (strncmp(row_result_word(row), "reconcile.", 10) == 0) {
        return keep_in(g, &s->findings, row);
    }
    return row->result == RESULT_ISSUED && s->issue == NULL ? keep_at(g, &s->issue, row) : true;
}

static bool on_row(void *ctx, const struct review_row *row)
{
    struct gathering *g = ctx;
    struct story *s = g->story;
    const struct slice req = row_text(row, req);
    if (row_last(row)->line.seq == row_last(s->main)->line.seq) {
        return true;
    }
    if (row->result == RESULT_OTHER && row_text(row, serial).ptr == NULL) {
        return on_policy(g, row);
    }
    if (row->result == RESULT_UNDELIVERED) {
        return is_text(g->req, req) ? keep_at(g, &s->undelivered, row) : true;
    }
    if (is_text(g->serial, row_text(row, serial))) {
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

enum cb_code story_gather(struct story *s, struct cb_err *err)
{
    struct gathering g = {.story = s,
                          .req = row_text(s->main, req),
                          .serial = row_text(s->main, serial),
                          .idem = row_text(s->main, idem),
                          .who = row_text(s->main, who_id),
                          .policy = row_text(s->main, policy_sha256)};
    struct review_search search = {
        .dir = s->dir, .since_us = INT64_MIN, .until_us = INT64_MAX, .housekeeping = true};
    const struct slice texts[] = {g.req, g.serial, g.idem};
    bool exact = true;
    s->serial = g.serial;
    s->issue = s->main->result == RESULT_ISSUED ? s->main : NULL;
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
    const enum cb_code code = review_search(&search, on_row, &g, err);
    return code == CB_OK && g.no_memory ? cb_fail(err, CB_ENOMEM, "no memory for the story") : code;
}
