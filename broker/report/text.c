/* text.c - the report as text: the head, and what its parts are written with. */
#include "broker/report/text.h"

#include "broker/base/clock.h"
#include "broker/report/findings.h"

#include <stdio.h>

#define CELL_MAX 72U
#define BAR_WIDTH 40U
#define BAR_LEAST 8U
#define WIDTH_DEFAULT 80U /* where there is no terminal: mail, files, pipes */

/* ---- pieces ---- */

void text_title(const struct text *t, const char *title)
{
    buf_printf(t->out, "\n%s%s%s\n", t->colours.bold, title, t->colours.off);
}

void text_num(struct buf *out, uint64_t num)
{
    uint64_t power = 1;
    while (num / power >= 1000) {
        power *= 1000;
    }
    buf_printf(out, "%u", (unsigned)(num / power));
    for (power /= 1000; power > 0; power /= 1000) {
        buf_printf(out, ",%03u", (unsigned)(num / power % 1000));
    }
}

void text_when(struct buf *out, int64_t us)
{
    char text[21];
    if (us == 0) {
        buf_add_char(out, '-');
        return;
    }
    time_format_s(us / 1000000, text);
    text[10] = ' ';
    buf_add(out, text, 16);
}

void text_cell(const struct text *t, struct columns *c, struct slice text)
{
    struct buf shown;
    buf_init(&shown, 1U << 20);
    cli_add_escaped(&shown, text.ptr == NULL ? SLICE("-") : text, t->charset);
    const struct slice all = buf_slice(&shown);
    const size_t fits = cli_text_cut(all, CELL_MAX);
    buf_add_slice(&c->text, (struct slice){all.ptr, fits});
    buf_add_str(&c->text, fits < all.len ? "..." : "");
    columns_end(c);
    buf_free(&shown);
}

void text_cell_num(struct columns *c, uint64_t num)
{
    text_num(&c->text, num);
    columns_end(c);
}

void text_cell_when(struct columns *c, int64_t us)
{
    text_when(&c->text, us);
    columns_end(c);
}

void text_cell_day(struct columns *c, int64_t us)
{
    struct buf text;
    buf_init(&text, 64);
    text_when(&text, us);
    buf_add_slice(&c->text, (struct slice){text.data, text.len < 10 ? text.len : 10});
    columns_end(c);
    c->text.failed |= text.failed;
    buf_free(&text);
}

void text_heads(struct columns *c, const char *heads)
{
    struct slice rest = slice_of(heads);
    unsigned column = 0;
    for (bool more = true; more; column++) {
        const size_t len = slice_find(rest, '|');
        const size_t skip = len > 0 && rest.ptr[0] == '#' ? 1 : 0;
        c->right |= (unsigned)skip << column;
        buf_add_slice(&c->text, (struct slice){rest.ptr + skip, len - skip});
        columns_end(c);
        more = len < rest.len;
        rest = slice_from(rest, more ? len + 1 : len);
    }
}

void text_more(const struct text *t, const char *indent, uint64_t more)
{
    if (more > 0) {
        buf_printf(t->out, "%sand ", indent);
        text_num(t->out, more);
        buf_add_str(t->out, " more\n");
    }
}

void text_table(const struct text *t, struct columns *c, uint64_t more)
{
    if (!columns_print(c, "  ", t->width, t->out)) {
        t->out->failed = true;
    }
    columns_free(c);
    text_more(t, "  ", more);
}

/* ---- the head ---- */

static void add_log_head(const struct report *r, struct buf *out)
{
    buf_printf(out, "%s on %s", r->origin, r->host);
    if (!r->is_before) {
        buf_add_str(out, ": ");
        text_num(out, r->in_period);
        buf_add_str(out, " records in the period, ");
        text_num(out, r->records);
        buf_add_str(out, " in all since ");
        text_when(out, r->first_us);
    }
}

static void add_head(const struct report *r, const struct text *t)
{
    struct buf *out = t->out;
    struct buf log;
    buf_init(&log, 1024);
    buf_printf(out, "%sCertificate report%s, ", t->colours.bold, t->colours.off);
    text_when(out, report_begin_us(r));
    buf_add_str(out, " to ");
    text_when(out, r->until_us);
    buf_add_str(out, " UTC\nLog ");
    add_log_head(r, &log);
    text_wrapped(t, 4, 4, buf_slice(&log));
    buf_free(&log);
    if (!r->is_before) {
        buf_printf(out, "Policy %.12s\n",
                   r->policy_sha256[0] == '\0' ? "not known" : r->policy_sha256);
    }
}

static void add_total(const struct text *t, const char *what, uint64_t num, const char *more,
                      uint64_t more_num)
{
    struct buf text;
    buf_init(&text, 64);
    text_num(&text, num);
    const struct slice shown = buf_slice(&text);
    buf_printf(t->out, "  %-20s %12.*s", what, (int)shown.len, shown.ptr);
    if (more != NULL) {
        buf_add_str(t->out, "   ");
        text_num(t->out, more_num);
        buf_printf(t->out, " %s", more);
    }
    buf_add_char(t->out, '\n');
    buf_free(&text);
}

static void add_totals(const struct report *r, const struct text *t)
{
    buf_add_char(t->out, '\n');
    add_total(t, "issued", r->total[HAPPENED_ISSUED], NULL, 0);
    add_total(t, "denied", r->total[HAPPENED_DENIED], NULL, 0);
    add_total(t, "revoked", r->total[HAPPENED_REVOKED], "by the broker itself", r->own_revocations);
    if (r->admin_revocations > 0) {
        buf_printf(t->out, "%38s", "");
        text_num(t->out, r->admin_revocations);
        buf_add_str(t->out, " wanted by an administrator\n");
    }
    add_total(t, "failed", r->total[HAPPENED_FAILED], "with no known outcome",
              r->loose[LOOSE_UNKNOWN].num);
    add_total(t, r->is_until_now ? "valid now" : "valid at the end", r->certs.alive,
              "end within 30 days", r->certs.due_30);
    add_total(t, "end within 7 days", r->certs.due_7, "without a newer one", r->certs.gap_7);
}

static void add_findings(struct report *r, const struct text *t)
{
    struct finding findings[FINDINGS_MAX];
    const size_t num = findings_of(r, findings);
    text_title(t, "Look at this first");
    for (size_t i = 0; i < num; i++) {
        const bool is_alert = findings[i].level == FINDING_ALERT;
        buf_printf(t->out, "  %s%-5s%s  ", is_alert ? t->colours.bad : "",
                   finding_level_word(findings[i].level), is_alert ? t->colours.off : "");
        text_wrapped(t, 9, 9, findings[i].text);
    }
    buf_add_str(t->out, num == 0 ? "  Nothing stands out.\n" : "");
}

/* bar_room - what the other columns leave; there is always room for a stump. */
static size_t bar_room(const struct text *t, const struct series *s)
{
    size_t taken = 2 + 16 + 2; /* indent, and when */
    for (unsigned k = 0; k < HAPPENING_COUNT; k++) {
        struct buf num;
        buf_init(&num, 64);
        text_num(&num, series_max(s, (enum happening)k));
        taken += 2 + (num.len > sizeof("Revoked") - 1 ? num.len : sizeof("Revoked") - 1);
        buf_free(&num);
    }
    const size_t room = t->width > taken ? t->width - taken : 0;
    return room < BAR_LEAST ? BAR_LEAST : (room > BAR_WIDTH ? BAR_WIDTH : room);
}

static void add_bar(struct columns *c, uint64_t num, uint64_t max, size_t room)
{
    const uint64_t len = max == 0 ? 0 : (num * room + max - 1) / max;
    for (uint64_t i = 0; i < len; i++) {
        buf_add_char(&c->text, '#');
    }
    columns_end(c);
}

static bool is_quiet(const struct series *s, size_t i)
{
    uint64_t sum = 0;
    for (unsigned k = 0; k < HAPPENING_COUNT; k++) {
        sum += s->count[k][i];
    }
    return sum == 0;
}

/* add_activity - a line a bucket; those in which nothing happened are left out. */
static void add_activity(const struct report *r, const struct text *t)
{
    const struct series *s = &r->series;
    const uint64_t max = series_max(s, HAPPENED_ISSUED);
    const size_t room = bar_room(t, s);
    struct columns c;
    text_title(t, "Activity");
    if (s->num == 0) {
        buf_add_str(t->out, "  The log has no record of this period.\n");
        return;
    }
    buf_printf(t->out, "  by %s; what is not listed was quiet\n", series_bucket_words(s));
    columns_init(&c, 6, 0);
    text_heads(&c, "From|#Issued|#Denied|#Revoked|#Failed|");
    for (size_t i = 0; i < s->num; i++) {
        if (is_quiet(s, i)) {
            continue;
        }
        text_cell_when(&c, s->start_us + (int64_t)i * s->bucket_us);
        for (unsigned k = 0; k < HAPPENING_COUNT; k++) {
            text_cell_num(&c, s->count[k][i]);
        }
        add_bar(&c, s->count[HAPPENED_ISSUED][i], max, room);
    }
    text_table(t, &c, 0);
}

void text_report(struct report *r, const struct cli_terminal *terminal, struct buf *out)
{
    const struct cli_colours none = {
        .good = "", .bad = "", .warn = "", .dim = "", .bold = "", .off = ""};
    const struct text t = {.out = out,
                           .colours = terminal->is_terminal ? cli_colours() : none,
                           .charset = terminal->is_utf8 ? CLI_UTF8 : CLI_ASCII,
                           .width = terminal->width == 0 ? WIDTH_DEFAULT : terminal->width};
    add_head(r, &t);
    if (r->is_before) {
        add_findings(r, &t);
        return;
    }
    add_totals(r, &t);
    add_findings(r, &t);
    add_activity(r, &t);
    text_who(r, &t);
    text_lists(r, &t);
    text_log(r, &t);
}
