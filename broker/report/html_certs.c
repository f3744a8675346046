/* html_certs.c - certificates that went astray, and those that end soon. */
#include "broker/report/html.h"

#define TOP_LOOSE 40U /* of each kind */
#define TOP_ENDING 40U

static const struct {
    const char *title, *about, *settled;
} kinds[LOOSE_COUNT] = {
    [LOOSE_UNKNOWN] = {"No known outcome",
                       "The CA was, or may have been, asked, and no complete answer came. The "
                       "certificate may exist; no caller has its key.",
                       "known since"},
    [LOOSE_MISMATCH] = {"Not what was authorised",
                        "The CA gave something else: withheld, and to be revoked.", "revoked"},
    [LOOSE_UNDELIVERED] = {"Not delivered", "The caller was gone before the answer was out.",
                           "revoked"},
    [LOOSE_BYPASS] = {"At the CA, not through this broker",
                      "Found by audit reconcile: somebody reached the CA directly.", "revoked"},
    [LOOSE_ORPHAN] = {"At the CA, received by nobody", "Found by audit reconcile.", "revoked"},
    [LOOSE_MISSING] =
        {"Not at the CA as the log has it",
         "Found by audit reconcile: issued, and not there, or revoked, and good there.", "settled"},
};

static void add_became(const struct loose *l, enum loose_kind kind, struct buf *out)
{
    buf_add_str(out, "<td>");
    if (l->settled_us == 0) {
        buf_printf(out, "<span class=\"tag %s\">open</span>",
                   kind == LOOSE_UNDELIVERED ? "look" : "alert");
    } else {
        buf_printf(out, "%s ", l->was_revoked ? "revoked" : kinds[kind].settled);
        html_time(out, l->settled_us);
    }
    buf_add_str(out, "</td>");
}

static void loose_row(const struct loose *l, enum loose_kind kind, struct buf *out)
{
    buf_add_str(out, "<tr>");
    html_cell_time(out, l->us);
    html_cell_text(out, slice_of(l->client));
    buf_add_str(out, "<td>");
    html_text(out, slice_of(l->name));
    buf_add_str(out, l->is_revoke ? " <span class=\"tag note\">revocation</span>" : "");
    if (l->serial[0] != '\0') {
        buf_add_str(out, "<span class=\"sub\"><code>");
        html_text(out, slice_of(l->serial));
        buf_add_str(out, "</code></span>");
    }
    buf_add_str(out, "</td>");
    html_cell_text(out, slice_of(l->detail));
    add_became(l, kind, out);
    buf_add_str(out, "<td class=\"n\">");
    buf_add_u64(out, l->seq);
    buf_add_str(out, "</td></tr>\n");
}

static void loose_table(const struct loose_list *list, enum loose_kind kind, struct buf *out)
{
    const uint64_t kept = list->num < REPORT_LOOSE_MAX ? list->num : REPORT_LOOSE_MAX;
    const uint64_t shown = kept < TOP_LOOSE ? kept : TOP_LOOSE;
    buf_printf(out, "<h3>%s: ", kinds[kind].title);
    html_num(out, list->num);
    buf_add_str(out, ", ");
    html_num(out, list->open);
    buf_add_str(out, " open");
    if (list->older_open > 0) {
        buf_add_str(out, "; ");
        html_num(out, list->older_open);
        buf_add_str(out, " open from before the period");
    }
    buf_printf(out, "</h3>\n<p class=\"about\">%s</p>\n", kinds[kind].about);
    if (shown == 0) {
        return;
    }
    html_table(out, "When|For whom|Name, serial|What is known|What became of it|#Record");
    for (uint64_t i = 0; i < shown; i++) {
        loose_row(&list->items[(list->num - 1 - i) % REPORT_LOOSE_MAX], kind, out);
    }
    html_table_end(out);
    html_more(out, list->num - shown, "of these, all earlier");
}

void html_loose(const struct report *r, struct buf *out)
{
    static const enum loose_kind order[LOOSE_COUNT] = {LOOSE_BYPASS,   LOOSE_UNKNOWN,
                                                       LOOSE_MISMATCH, LOOSE_ORPHAN,
                                                       LOOSE_MISSING,  LOOSE_UNDELIVERED};
    bool any = false;
    html_section(out, "loose", "Loose ends", NULL);
    for (size_t i = 0; i < LOOSE_COUNT; i++) {
        const struct loose_list *list = &r->loose[order[i]];
        if (list->num + list->older_open > 0) {
            any = true;
            loose_table(list, order[i], out);
        }
    }
    if (!any) {
        buf_add_str(out, "<p class=\"none\">Every request to the CA has a known outcome, every "
                         "certificate was what was authorised, and every one was delivered.</p>\n");
    }
    html_section_end(out);
}

/* ---- expiry ---- */

static void add_timeline(const struct certs *c, struct buf *out)
{
    buf_add_str(out, "<figure class=\"alive\"><figcaption>Ending in the next 30 days <span>");
    html_num(out, c->due_30);
    buf_add_str(out,
                "; strong: nothing newer for that client and first name</span></figcaption>\n");
    svg_bars(&(struct svg_bars){.title = "Certificates that end in the next 30 days, by day",
                                .colour = "alive",
                                .counts = c->by_day,
                                .parts = c->gap_by_day,
                                .num = CERTS_DAYS,
                                .start_us = c->now_s * 1000000,
                                .bucket_us = INT64_C(86400000000),
                                .unit = "end",
                                .parts_unit = "without a newer one"},
             out);
    buf_add_str(out, "</figure>\n<p class=\"about\">Later: ");
    html_num(out, c->due_90);
    buf_add_str(out, " end in 30 to 90 days, ");
    html_num(out, c->due_365);
    buf_add_str(out, " in 90 to 365 days, ");
    html_num(out, c->due_later);
    buf_add_str(out, " after that.</p>\n");
}

static void add_ending(const struct certs *c, struct buf *out)
{
    size_t shown = 0;
    buf_add_str(out, "<h3>Ending within 7 days, and nothing newer</h3>\n");
    if (c->gap_7 == 0) {
        buf_add_str(out, "<p class=\"none\">none</p>\n");
        return;
    }
    html_table(out, "Ends|For whom|Name|Serial|#Record");
    for (size_t i = 0; i < c->num && shown < TOP_ENDING && shown < c->gap_7; i++) {
        const struct cert *cert = &c->items[i];
        if (certs_has_newer(cert)) {
            continue;
        }
        buf_add_str(out, "<tr>");
        html_cell_time(out, cert->not_after_s * 1000000);
        html_cell_text(out, cert->client);
        html_cell_text(out, cert->name);
        buf_add_str(out, "<td><code>");
        html_text(out, slice_of(cert->serial));
        buf_add_str(out, "</code></td><td class=\"n\">");
        buf_add_u64(out, cert->seq);
        buf_add_str(out, "</td></tr>\n");
        shown++;
    }
    html_table_end(out);
    html_more(out, c->gap_7 - shown, "of these");
}

void html_expiry(const struct report *r, struct buf *out)
{
    const struct certs *c = &r->certs;
    html_section(out, "expiry", "Valid certificates and when they end", NULL);
    buf_add_str(out, "<p class=\"about\">");
    html_num(out, c->alive);
    buf_add_str(out, " certificates issued through this broker are neither expired nor revoked by "
                     "it, or at the CA as far as reconcile has recorded that");
    if (c->beyond > 0) {
        buf_add_str(out, "; ");
        html_num(out, c->beyond);
        buf_add_str(out, " more are not followed here and may be");
    }
    buf_add_str(out, ".</p>\n");
    if (c->alive > 0) {
        add_timeline(c, out);
        add_ending(c, out);
    }
    html_section_end(out);
}
