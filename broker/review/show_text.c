/* show_text.c - see show.h: the parts in their order. */
#include "broker/review/show.h"

/* show_record - of what is no request: its fields are few, and its line says them all. */
static void show_other(struct sheet *s, const struct story *story)
{
    const struct review_record *r = row_last(story->main);
    const struct audit_event *e = &r->event;
    const struct {
        const char *label;
        struct slice text;
    } lines[] = {{"by", e->by},
                 {"reason", e->reason},
                 {"forced", e->forced},
                 {"note", e->note},
                 {"detail", e->detail},
                 {"policy", e->policy_sha256},
                 {"before", e->policy_old_sha256},
                 {"version", e->version},
                 {"listens", e->listen},
                 {"config", e->config_sha256}};
    sheet_begin(s, "when");
    sheet_time(s, r->line.ts_us);
    sheet_say(s, "  record %llu", (unsigned long long)r->line.seq);
    sheet_end(s);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        sheet_begin(s, lines[i].label);
        sheet_add(s, lines[i].text);
        sheet_end(s);
    }
    for (size_t i = 0; i < e->num_changes; i++) {
        sheet_begin(s, i == 0 ? "changes" : "");
        sheet_add(s, e->changes[i]);
        sheet_end(s);
    }
    sheet_begin(s, "all of it");
    sheet_add(s, r->line.whole);
    sheet_end(s);
}

bool show_text(const struct story *story, enum show_how how, const struct cli_terminal *terminal,
               struct buf *out)
{
    struct sheet s;
    sheet_init(&s, out, terminal);
    show_title(&s, story);
    if (story->main->result == RESULT_OTHER) {
        show_other(&s, story);
        show_later(&s, story);
    } else if (how == SHOW_WHY) {
        show_asked(&s, story);
        show_names(&s, story);
        show_why(&s, story, how);
    } else {
        show_asked(&s, story);
        show_names(&s, story);
        show_why(&s, story, how);
        show_outcome(&s, story);
        show_certificate(&s, story);
        show_later(&s, story);
    }
    show_proof(&s, story);
    sheet_free(&s);
    return buf_ok(out);
}
