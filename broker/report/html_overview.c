/* html_overview.c - the top of the page: which log and time, what needs a look, how much of what, when. */
#include "broker/report/html.h"

static void add_facts(const struct report *r, struct buf *out)
{
    buf_add_str(out, "<p class=\"facts\"><span>Log <b>");
    html_text(out, slice_of(r->origin));
    buf_add_str(out, "</b></span><span>Host <b>");
    html_text(out, slice_of(r->host));
    buf_add_str(out, "</b></span>");
    if (!r->is_before) {
        buf_add_str(out, "<span><b>");
        html_num(out, r->in_period);
        buf_add_str(out, "</b> records in the period, <b>");
        html_num(out, r->records);
        buf_add_str(out, "</b> in all, since ");
        html_date(out, r->first_us);
        buf_add_str(out, "</span>");
    }
    if (r->policy_sha256[0] != '\0') {
        buf_add_str(out, "<span>Policy ");
        html_digest(out, r->policy_sha256);
        buf_add_str(out, "</span>");
    }
    buf_add_str(out, "</p>\n");
}

static void add_nav(struct buf *out)
{
    static const struct {
        const char *id, *title;
    } places[] = {{"activity", "Activity"},
                  {"clients", "Clients"},
                  {"rules", "Rules and owners"},
                  {"names", "New names"},
                  {"wide", "Wildcards, addresses"},
                  {"denied", "Denied"},
                  {"loose", "Loose ends"},
                  {"expiry", "Expiry"},
                  {"strangers", "Strangers"},
                  {"policy", "Policy"},
                  {"log", "The log"},
                  {"limits", "Not covered"}};
    buf_add_str(out, "<nav aria-label=\"Contents\">");
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        buf_printf(out, "<a href=\"#%s\">%s</a>", places[i].id, places[i].title);
    }
    buf_add_str(out, "</nav></header>\n<main>\n");
}

static void begin_tile(struct buf *out, const char *colour, uint64_t num, const char *what)
{
    buf_printf(out, "<div class=\"tile %s\"><span class=\"k\">%s</span><span class=\"v\">", colour,
               what);
    html_num(out, num);
    buf_add_str(out, "</span><span class=\"s\">");
}

static void end_tile(struct buf *out)
{
    buf_add_str(out, "</span></div>\n");
}

static uint64_t num_with(const struct tally *t, enum happening what)
{
    uint64_t num = 0;
    for (size_t i = 0; i < t->num; i++) {
        num += t->rows[i].count[what] > 0;
    }
    return num;
}

static void add_tiles(const struct report *r, struct buf *out)
{
    buf_add_str(out, "<div class=\"tiles\">\n");
    begin_tile(out, "issued", r->total[HAPPENED_ISSUED], "Issued");
    buf_add_str(out, "to ");
    html_num(out, num_with(&r->clients, HAPPENED_ISSUED));
    buf_add_str(out, " clients");
    end_tile(out);
    begin_tile(out, "denied", r->total[HAPPENED_DENIED], "Denied");
    buf_add_str(out, "by the policy, to ");
    html_num(out, num_with(&r->clients, HAPPENED_DENIED));
    buf_add_str(out, " clients");
    end_tile(out);
    begin_tile(out, "revoked", r->total[HAPPENED_REVOKED], "Revoked");
    html_num(out, r->own_revocations);
    buf_add_str(out, " by the broker itself");
    if (r->admin_revocations > 0) {
        buf_add_str(out, ", ");
        html_num(out, r->admin_revocations);
        buf_add_str(out, " wanted by an administrator");
    }
    end_tile(out);
    begin_tile(out, "failed", r->total[HAPPENED_FAILED], "Failed");
    html_num(out, r->loose[LOOSE_UNKNOWN].num);
    buf_add_str(out, " of them with no known outcome");
    end_tile(out);
    begin_tile(out, "alive", r->certs.alive, r->is_until_now ? "Valid now" : "Valid at the end");
    html_num(out, r->certs.due_30);
    buf_add_str(out, " end within 30 days");
    end_tile(out);
    begin_tile(out, "grey", r->certs.due_7, "End within 7 days");
    html_num(out, r->certs.gap_7);
    buf_add_str(out, " without a newer one");
    end_tile(out);
    buf_add_str(out, "</div>\n");
}

static void add_findings(struct report *r, struct buf *out)
{
    struct finding findings[FINDINGS_MAX];
    const size_t num = findings_of(r, findings);
    html_section(out, "findings", "Look at this first", NULL);
    if (num == 0) {
        buf_add_str(out, "<p class=\"none\">Nothing stands out.</p>\n");
    }
    buf_add_str(out, num == 0 ? "" : "<ul class=\"findings\">\n");
    for (size_t i = 0; i < num; i++) {
        const char *level = finding_level_word(findings[i].level);
        buf_printf(out,
                   "<li class=\"%s\"><span class=\"l\">%s</span><span class=\"w\"><a href=\"#%s\">",
                   level, level, findings[i].section);
        html_text_cut(out, findings[i].text, 600);
        buf_add_str(out, "</a></span></li>\n");
    }
    buf_add_str(out, num == 0 ? "" : "</ul>\n");
    html_section_end(out);
}

static void add_chart(const struct report *r, enum happening what, const char *title,
                      const char *colour, struct buf *out)
{
    buf_printf(out, "<figure class=\"%s\"><figcaption>%s <span>", colour, title);
    html_num(out, r->total[what]);
    buf_printf(out, "</span></figcaption>\n");
    svg_bars(&(struct svg_bars){.title = title,
                                .colour = colour,
                                .counts = r->series.count[what],
                                .num = r->series.num,
                                .start_us = r->series.start_us,
                                .bucket_us = r->series.bucket_us,
                                .unit = colour},
             out);
    buf_add_str(out, "</figure>\n");
}

static void add_activity(const struct report *r, struct buf *out)
{
    html_section(out, "activity", "Activity", NULL);
    if (r->series.num == 0) {
        buf_add_str(out, "<p class=\"none\">The log has no record of this period.</p>\n");
        html_section_end(out);
        return;
    }
    buf_printf(out, "<p class=\"about\">One bar is one %s, UTC. Each chart has a scale of its own.",
               series_bucket_words(&r->series));
    if (r->first_us > r->since_us && r->since_us > 0) {
        buf_add_str(out, " The log begins within the period, and so do the charts.");
    }
    buf_add_str(out, "</p>\n<div class=\"charts\">\n");
    add_chart(r, HAPPENED_ISSUED, "Issued", "issued", out);
    add_chart(r, HAPPENED_DENIED, "Denied", "denied", out);
    add_chart(r, HAPPENED_REVOKED, "Revoked", "revoked", out);
    add_chart(r, HAPPENED_FAILED, "Failed or not known", "failed", out);
    buf_add_str(out, "</div>\n");
    html_section_end(out);
}

void html_overview(struct report *r, struct buf *out)
{
    buf_add_str(out, "<header class=\"top\"><h1>Certificate report</h1>\n<p class=\"period\">");
    html_time(out, report_begin_us(r));
    buf_add_str(out, " \xe2\x80\x93 ");
    html_time(out, r->until_us);
    buf_add_str(out, " UTC</p>\n");
    add_facts(r, out);
    if (r->is_before) {
        buf_add_str(out, "</header>\n<main>\n");
        add_findings(r, out);
        return;
    }
    add_nav(out);
    add_tiles(r, out);
    add_findings(r, out);
    add_activity(r, out);
}
