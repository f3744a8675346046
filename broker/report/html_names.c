/* html_names.c - what was given for the first time, and what reaches further than one name. */
#include "broker/report/html.h"

#define TOP_HOLDERS 25U
#define TOP_SPECIALS 25U

static size_t holders_with_new(const struct report *r)
{
    size_t num = 0;
    while (num < r->holders.num && r->holders.rows[num].new_names > 0) {
        num++;
    }
    return num;
}

static void holder_row(const struct report *r, const struct tally_row *row, struct buf *out)
{
    buf_add_str(out, "<tr><td>");
    html_text(out, row->text);
    if (row->ever_us >= r->since_us && r->first_us < r->since_us) {
        buf_add_str(out, " <span class=\"tag look\">new client</span>");
    }
    buf_add_str(out, "</td>");
    html_cell_num(out, row->new_names);
    html_cell_num(out, row->count[HAPPENED_ISSUED]);
    buf_add_str(out, "<td><span class=\"list\">");
    for (size_t i = 0; i < TALLY_EXAMPLES && i < row->new_names; i++) {
        buf_add_str(out, "<span>");
        html_text(out, row->examples[i]);
        buf_add_str(out, "</span> ");
    }
    buf_add_str(out, row->new_names > TALLY_EXAMPLES ? "&hellip;</span>" : "</span>");
    buf_add_str(out, "</td></tr>\n");
}

static void say_limits(const struct report *r, struct buf *out)
{
    if (r->first_us >= r->since_us) {
        buf_add_str(out, "<p class=\"about\">The log begins within the period, so every first "
                         "certificate counts as new.</p>\n");
    }
    if (r->pairs_full) {
        buf_add_str(out, "<p class=\"about\">The log holds more pairs of client and name than are "
                         "kept here (");
        html_num(out, REPORT_PAIRS_MAX);
        buf_add_str(out, "): later first grants are not told.</p>\n");
    }
}

void html_names(const struct report *r, struct buf *out)
{
    const size_t num = holders_with_new(r);
    const size_t shown = num < TOP_HOLDERS ? num : TOP_HOLDERS;
    html_section(out, "names", "Names given for the first time",
                 "Compared with all of the log before. New clients come first, then those with the "
                 "fewest new names: one new name where there never is any says more than a "
                 "thousand where they change all day.");
    say_limits(r, out);
    if (num == 0) {
        buf_add_str(out, "<p class=\"none\">none</p>\n");
    } else {
        html_table(out, "For whom|#New names|#Certificates|Which");
        for (size_t i = 0; i < shown; i++) {
            holder_row(r, &r->holders.rows[i], out);
        }
        html_table_end(out);
    }
    html_more(out, num - shown, "clients with new names");
    html_section_end(out);
}

void html_wide(const struct report *r, struct buf *out)
{
    const size_t shown = r->num_specials < TOP_SPECIALS ? r->num_specials : TOP_SPECIALS;
    html_section(
        out, "wide", "Wildcards and addresses",
        "Certificates for more than one host, or for an address that may belong to another "
        "tomorrow. What that client never had before comes first.");
    if (shown == 0) {
        buf_add_str(out, "<p class=\"none\">none</p>\n");
        html_section_end(out);
        return;
    }
    html_table(out, "For whom|Name||#Times|First|Last");
    for (size_t i = 0; i < shown; i++) {
        const struct special *s = &r->specials[i];
        buf_add_str(out, "<tr>");
        html_cell_text(out, s->client);
        html_cell_text(out, s->name);
        buf_printf(out, "<td>%s%s</td>", s->is_wildcard ? "wildcard" : "address",
                   s->is_new ? " <span class=\"tag look\">new</span>" : "");
        html_cell_num(out, s->times);
        html_cell_time(out, s->first_us);
        html_cell_time(out, s->last_us);
        buf_add_str(out, "</tr>\n");
    }
    html_table_end(out);
    html_more(out, r->num_specials - shown + r->specials_beyond, "of these");
    html_section_end(out);
}
