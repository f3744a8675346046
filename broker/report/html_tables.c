/* html_tables.c - who: clients, rules, owners, and those who were not let in. */
#include "broker/report/html.h"

#include <stdio.h>

#define TOP_CLIENTS 20U
#define TOP_FEW 15U
#define TOP_REASONS 12U

static void sum_rest(const struct tally *t, size_t from, struct tally_row *ret)
{
    *ret = t->others;
    for (size_t i = from; i < t->num; i++) {
        ret->total += t->rows[i].total;
        for (unsigned k = 0; k < HAPPENING_COUNT; k++) {
            ret->count[k] += t->rows[i].count[k];
        }
        ret->last_us = t->rows[i].last_us > ret->last_us ? t->rows[i].last_us : ret->last_us;
    }
}

static void counts_of(const struct tally_row *row, uint64_t max, struct buf *out)
{
    if (max > 0) {
        html_cell_stack(out, row->count, max);
    } else {
        buf_add_str(out, "<td></td>");
    }
    html_cell_num(out, row->count[HAPPENED_ISSUED]);
    html_cell_num(out, row->count[HAPPENED_DENIED]);
    html_cell_num(out, row->count[HAPPENED_REVOKED]);
    html_cell_num(out, row->count[HAPPENED_FAILED]);
    html_cell_time(out, row->last_us);
    buf_add_str(out, "</tr>\n");
}

static void say_others(const struct tally *t, size_t num, struct buf *out)
{
    buf_add_str(out, "<tr class=\"others\"><td>");
    html_num(out, num);
    buf_add_str(out, t->beyond > 0 ? " others, and those past the first " : " others");
    if (t->beyond > 0) {
        html_num(out, t->cap);
    }
    buf_add_str(out, "</td>");
}

static void table_of(const struct tally *t, const char *what, size_t top, struct buf *out)
{
    const size_t used = tally_used(t);
    const size_t shown = used < top ? used : top;
    char heads[128];
    struct tally_row rest;
    if (used == 0 && t->beyond == 0) {
        buf_add_str(out, "<p class=\"none\">none</p>\n");
        return;
    }
    sum_rest(t, shown, &rest);
    (void)snprintf(heads, sizeof(heads), "%s||#Issued|#Denied|#Revoked|#Failed|Last seen", what);
    html_table(out, heads);
    for (size_t i = 0; i < shown; i++) {
        buf_add_str(out, "<tr>");
        html_cell_text(out, t->rows[i].text);
        counts_of(&t->rows[i], t->rows[0].total, out);
    }
    if (used > shown || t->beyond > 0) {
        say_others(t, used - shown, out);
        counts_of(&rest, 0, out);
    }
    html_table_end(out);
}

void html_who(const struct report *r, struct buf *out)
{
    html_section(out, "clients", "Clients",
                 "Who asked: the client of the policy that authenticated, also where it asked for "
                 "another. Bars are issued, denied, revoked and failed, in this order.");
    table_of(&r->clients, "Client", TOP_CLIENTS, out);
    html_section_end(out);
    html_section(out, "rules", "Rules and owners", NULL);
    buf_add_str(out, "<h3>By rule</h3>\n");
    table_of(&r->rules, "Rule", TOP_FEW, out);
    buf_add_str(out, "<h3>By owner of the rule</h3>\n");
    table_of(&r->owners, "Owner", TOP_FEW, out);
    html_section_end(out);
}

/* counts_table - where only one thing is counted. */
static void counts_table(const struct tally *t, const char *heads, const char *colour, size_t top,
                         bool with_times, struct buf *out)
{
    const size_t used = tally_used(t);
    const size_t shown = used < top ? used : top;
    struct tally_row rest;
    if (used == 0) {
        buf_add_str(out, "<p class=\"none\">none</p>\n");
        return;
    }
    sum_rest(t, shown, &rest);
    html_table(out, heads);
    for (size_t i = 0; i < shown; i++) {
        buf_add_str(out, "<tr>");
        html_cell_text(out, t->rows[i].text);
        html_cell_num(out, t->rows[i].total);
        html_cell_bar(out, t->rows[i].total, t->rows[0].total, colour);
        if (with_times) {
            html_cell_time(out, t->rows[i].first_us);
            html_cell_time(out, t->rows[i].last_us);
        }
        buf_add_str(out, "</tr>\n");
    }
    if (rest.total > 0) {
        say_others(t, used - shown, out);
        html_cell_num(out, rest.total);
        buf_add_str(out, with_times ? "<td></td><td></td><td></td></tr>\n" : "<td></td></tr>\n");
    }
    html_table_end(out);
}

void html_strangers(const struct report *r, struct buf *out)
{
    html_section(out, "strangers", "Strangers",
                 "Failed authentications by where they came from (of IPv6 the /64), and requests "
                 "that were refused before anything was decided.");
    counts_table(&r->sources, "Source|#Failed||First|Last", "denied", TOP_FEW, true, out);
    buf_add_str(out, "<div class=\"cols\"><div><h3>Why authentication failed</h3>\n");
    counts_table(&r->authn_reasons, "Reason|#Times|", "denied", TOP_REASONS, false, out);
    buf_add_str(out, "</div><div><h3>Refused undecided</h3>\n");
    counts_table(&r->refused_reasons, "Reason|#Times|", "denied", TOP_REASONS, false, out);
    buf_add_str(out, "</div><div><h3>Counted without a record of their own</h3>\n");
    counts_table(&r->drop_reasons, "Reason|#Times|", "grey", TOP_REASONS, false, out);
    buf_add_str(out, "</div></div>\n");
    html_section_end(out);
}

static void time_and_text(int64_t us, struct slice text, struct buf *out)
{
    buf_add_str(out, "<td>");
    html_time(out, us);
    buf_add_str(out, "<span class=\"sub\">");
    html_text(out, text);
    buf_add_str(out, "</span></td>");
}

void html_denied(const struct report *r, struct buf *out)
{
    html_section(out, "denied", "Denied, and denied before allowed",
                 "Names that the same client was denied (in the period or the 30 days before it) "
                 "and was given later: a policy that was mended, or one that was talked round.");
    const size_t shown = r->num_denials < 60 ? r->num_denials : 60;
    if (shown > 0) {
        html_table(out, "Client|Name|#Denied|First denied, why|Allowed, by rule");
    } else {
        buf_add_str(out, "<p class=\"none\">No denial was followed by a grant of the same "
                         "names.</p>\n");
    }
    for (size_t i = 0; i < shown; i++) {
        const struct denial *d = &r->denials[i];
        buf_add_str(out, "<tr>");
        html_cell_text(out, d->client);
        buf_add_str(out, "<td>");
        html_text(out, d->name);
        if (d->num_names > 1) {
            buf_printf(out, "<span class=\"sub\">and %zu more</span>", d->num_names - 1);
        }
        buf_add_str(out, "</td>");
        html_cell_num(out, d->times);
        time_and_text(d->first_us, d->reason, out);
        time_and_text(d->allowed_us, d->rule, out);
        buf_add_str(out, "</tr>\n");
    }
    if (shown > 0) {
        html_table_end(out);
    }
    html_more(out, r->num_denials - shown, "denied before allowed");
    buf_add_str(out, "<div class=\"cols\"><div><h3>Why the policy said no</h3>\n");
    counts_table(&r->deny_reasons, "Reason|#Denied|", "denied", TOP_REASONS, false, out);
    buf_add_str(out, "</div><div><h3>Why it failed</h3>\n");
    counts_table(&r->fail_reasons, "Reason|#Failed|", "failed", TOP_REASONS, false, out);
    buf_add_str(out, "</div></div>\n");
    html_section_end(out);
}
