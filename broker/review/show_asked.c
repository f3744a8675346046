/* show_asked.c - see show.h: what it is, who asked, for which names. */
#include "broker/base/clock.h"
#include "broker/review/row_table.h"
#include "broker/review/show.h"

#define NAMES_MAX 512U

/* found_when - by which comparison with the CA's database. */
static void found_when(struct sheet *s, const struct review_row *finding)
{
    sheet_say(s, " (found ");
    sheet_time(s, row_last(finding)->line.ts_us);
    sheet_say(s, ", record %llu)", (unsigned long long)row_last(finding)->line.seq);
}

static void heading_state(struct sheet *s, const struct story *story)
{
    const int64_t now_us = clock_wall_us(&cb_system_clock);
    const enum show_state state = show_state(story, now_us);
    int64_t end_us = 0;
    char span[32];
    const struct review_row *certificate = story_certificate(story);
    const struct review_row *at_ca = story_finding(story, "revoked_at_ca");
    const struct review_row *missing = story_finding(story, "missing");
    sheet_begin(s, "now");
    sheet_coloured(s,
                   state == STATE_ALIVE     ? s->c.good
                   : state == STATE_EXPIRED ? s->c.dim
                                            : s->c.bad,
                   slice_of(show_state_word(state)));
    if (state == STATE_REVOKED_AT_CA) {
        found_when(s, at_ca);
    } else if (missing != NULL) {
        sheet_say(s, "; the CA's own database does not have it");
        found_when(s, missing);
    }
    if (certificate != NULL && time_parse(row_text(certificate, not_after), &end_us)) {
        show_span(end_us - now_us, span);
        sheet_say(s, end_us > now_us ? "; ends " : "; ended ");
        sheet_time(s, end_us);
        sheet_say(s, end_us > now_us ? ", in %s" : ", %s ago", span);
    }
    if (story->superseded_by != NULL) {
        sheet_say(s, "; replaced by ");
        sheet_add(s, row_text(story->superseded_by, serial));
    }
    sheet_end(s);
}

void show_title(struct sheet *s, const struct story *story)
{
    const struct review_row *row = story->main;
    struct buf title;
    buf_init(&title, 4096);
    buf_add_str(&title, row_colour(row, &s->c));
    buf_add_str(&title, row_result_word(row));
    buf_add_str(&title, s->c.off);
    const bool is_denied_revocation =
        row->result == RESULT_DENIED && slice_eq_str(row_text(row, action), "revoke");
    buf_add_str(&title, is_denied_revocation ? "  revocation of" : " ");
    buf_add_str(&title, story->serial.ptr != NULL ? " certificate " : " ");
    if (story->serial.ptr != NULL) {
        cli_add_escaped(&title, story->serial, s->charset);
    } else {
        row_what(row, &s->text);
        cli_add_escaped(&title, buf_slice(&s->text), s->charset);
        buf_reset(&s->text);
    }
    sheet_title(s, s->c.bold, buf_slice(&title));
    s->out->failed = s->out->failed || !buf_ok(&title);
    buf_free(&title);
    if (story->serial.ptr != NULL) {
        heading_state(s, story);
    }
}

static void text_line(struct sheet *s, const char *label, struct slice text)
{
    sheet_begin(s, label);
    sheet_add(s, text);
    sheet_end(s);
}

/* show_credential - what a stranger came with. */
static void show_credential(struct sheet *s, const struct review_row *row)
{
    const struct slice credential = row_text(row, who_credential);
    const struct audit_event *e = &row_first(row)->event;
    sheet_begin(s, "showed");
    sheet_add(s, row_text(row, who_via));
    sheet_say(s, row_text(row, who_via).len > 0 ? " " : "");
    sheet_add(s, credential);
    sheet_end(s);
    if (e->count != UINT64_MAX) {
        sheet_begin(s, "times");
        sheet_say(s, "%llu", (unsigned long long)e->count);
        sheet_say(s, e->first_ts.ptr != NULL ? ", first " : "");
        sheet_add(s, e->first_ts);
        sheet_say(s, e->last_ts.ptr != NULL ? ", last " : "");
        sheet_add(s, e->last_ts);
        sheet_end(s);
    }
}

static void show_caller(struct sheet *s, const struct review_row *row)
{
    const struct slice via = row_text(row, who_via);
    const struct audit_event *e = &row_first(row)->event;
    const struct slice wanted_by = row_text(row, by);
    const bool is_own = slice_eq_str(via, "broker");
    sheet_begin(s, "by");
    if (row->result == RESULT_STRANGER) {
        sheet_coloured(s, s->c.bold, SLICE("nobody whom the policy knows"));
    } else if (is_own && wanted_by.len > 0) {
        sheet_coloured(s, s->c.bold, wanted_by);
        sheet_say(s, ", through the broker itself");
    } else {
        sheet_coloured(s, s->c.bold, row_text(row, who_id));
        sheet_say(s, is_own ? ", the broker itself" : "");
    }
    if (via.len > 0 && !is_own && row->result != RESULT_STRANGER) {
        sheet_say(s, ", known by ");
        sheet_add(s, via);
        sheet_say(s, " ");
        sheet_add(s, row_text(row, who_credential));
    }
    sheet_end(s);
    text_line(s, "note", row_text(row, note));
    if (row->result == RESULT_STRANGER) {
        show_credential(s, row);
    }
    text_line(s, "for", row_text(row, on_behalf_of));
    text_line(s, "caller cert", row_text(row, who_cert_sha256));
    for (size_t i = 0; i < e->num_claims; i++) {
        sheet_begin(s, i == 0 ? "claims" : "");
        sheet_add(s, e->claims[i].key);
        sheet_say(s, ": ");
        sheet_add(s, e->claims[i].value);
        sheet_end(s);
    }
}

void show_asked(struct sheet *s, const struct story *story)
{
    const struct review_row *row = story->main;
    sheet_heading(s, "Asked");
    sheet_begin(s, "when");
    sheet_time(s, row_first(row)->line.ts_us);
    sheet_say(s, "  record %llu", (unsigned long long)row_first(row)->line.seq);
    if (row->num > 1) {
        sheet_say(s, ", outcome %llu", (unsigned long long)row_last(row)->line.seq);
    }
    sheet_end(s);
    show_caller(s, row);
    text_line(s, "from", row_text(row, peer));
    text_line(s, "request", row_text(row, req));
    text_line(s, "caller's id", row_text(row, client_req));
    text_line(s, "trace", row_text(row, trace));
    text_line(s, "idempotency", row_text(row, idem));
    text_line(s, "because of", row_text(row, follows));
    text_line(s, "reason", row_text(row, revoke_reason));
    text_line(s, "profile", row_text(row, profile));
    text_line(s, "key", row_text(row, key));
}

/* ---- names: what was asked, what was granted ---- */

struct name_list {
    struct slice items[NAMES_MAX];
    size_t num;
};

static void take(struct name_list *l, const struct slice *names, size_t num)
{
    for (size_t i = 0; i < num && l->num < NAMES_MAX; i++) {
        l->items[l->num++] = names[i];
    }
}

static void take_names(struct name_list *l, const struct audit_names *n)
{
    l->num = 0;
    take(l, n->dns, n->num_dns);
    take(l, n->ip, n->num_ip);
    take(l, n->uri, n->num_uri);
    take(l, n->email, n->num_email);
}

static bool holds(const struct name_list *l, struct slice name)
{
    for (size_t i = 0; i < l->num; i++) {
        if (slice_eq(l->items[i], name)) {
            return true;
        }
    }
    return false;
}

static void name_lines(struct sheet *s, const struct name_list *names,
                       const struct name_list *others, const char *mark, const char *colour,
                       const char *what)
{
    for (size_t i = 0; i < names->num; i++) {
        if (others == NULL || !holds(others, names->items[i])) {
            sheet_begin(s, "");
            sheet_say(s, "%s%s ", colour, mark);
            sheet_add(s, names->items[i]);
            sheet_say(s, "  %s%s", what, colour[0] == '\0' ? "" : s->c.off);
            sheet_end(s);
        }
    }
}

/* one_list - all of them after the label. */
static void one_list(struct sheet *s, const char *label, const struct name_list *l)
{
    sheet_begin(s, label);
    for (size_t i = 0; i < l->num; i++) {
        sheet_say(s, i == 0 ? "" : "  ");
        sheet_add(s, l->items[i]);
    }
    sheet_end(s);
}

static bool same_names(const struct name_list *a, const struct name_list *b)
{
    bool same = a->num == b->num;
    for (size_t i = 0; i < a->num && same; i++) {
        same = holds(b, a->items[i]);
    }
    return same;
}

static void show_subject(struct sheet *s, const struct review_row *row)
{
    const struct audit_event *e = &row_first(row)->event;
    const struct slice granted = row_last(row)->event.granted.cn;
    sheet_begin(s, "CN");
    sheet_add(s, e->want.cn.ptr != NULL ? e->want.cn : granted);
    if (e->want.cn.ptr != NULL && granted.ptr != NULL && !slice_eq(granted, e->want.cn)) {
        sheet_say(s, "  ");
        sheet_coloured(s, s->c.bad, SLICE("granted:"));
        sheet_say(s, " ");
        sheet_coloured(s, s->c.bad, granted);
    }
    sheet_end(s);
    sheet_begin(s, "subject");
    for (size_t i = 0; i < e->num_subject + e->num_fixed; i++) {
        const struct audit_kv *kv =
            i < e->num_subject ? &e->subject[i] : &e->fixed[i - e->num_subject];
        sheet_say(s, i == 0 ? "" : "  ");
        sheet_add(s, kv->key);
        sheet_say(s, "=");
        sheet_add(s, kv->value);
        sheet_say(s, i < e->num_subject ? "" : " (by the rule)");
    }
    sheet_end(s);
}

void show_names(struct sheet *s, const struct story *story)
{
    const struct review_row *row = story->issue != NULL     ? story->issue
                                   : story->request != NULL ? story->request
                                                            : story->main;
    struct name_list want;
    struct name_list granted;
    take_names(&want, &row_first(row)->event.want);
    take_names(&granted, &row_last(row)->event.granted);
    if (granted.num == 0 || !row_is_request(story->main) || (want.num == 0 && row->num == 1)) {
        one_list(s, "names", granted.num == 0 ? &want : &granted);
    } else if (same_names(&want, &granted)) {
        one_list(s, "names", &want);
        sheet_begin(s, "");
        sheet_coloured(s, s->c.good, SLICE("granted as asked for"));
        sheet_end(s);
    } else {
        sheet_begin(s, "names");
        sheet_coloured(s, s->c.bad, SLICE("what was granted is not what was asked for"));
        sheet_end(s);
        for (size_t i = 0; i < want.num; i++) {
            const struct name_list one = {.items = {want.items[i]}, .num = 1};
            if (holds(&granted, want.items[i])) {
                name_lines(s, &one, NULL, " ", "", "");
            }
        }
        name_lines(s, &want, &granted, "-", s->c.bad, "asked for, not granted");
        name_lines(s, &granted, &want, "+", s->c.warn, "granted, not asked for");
    }
    show_subject(s, row);
}
