/* html_policy.c - every change of the policy: who, why, what it means, and the text of it. */
#include "broker/report/html.h"

#define DIGEST_LEAST 40U /* so many hex digits in a row are a digest: its beginning tells enough */
#define DIGEST_SHOWN 12U

static bool is_hex(char c)
{
    return ascii_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t hex_run(struct slice s)
{
    size_t len = 0;
    while (len < s.len && is_hex(s.ptr[len])) {
        len++;
    }
    return len;
}

/* add_line - of a diff. Digests of tokens need not travel with a report: they are cut. */
static void add_line(struct slice line, struct buf *out)
{
    const char sign = line.len == 0 ? ' ' : line.ptr[0];
    const char *class = sign == '+' ? "p" : (sign == '-' ? "m" : (sign == '@' ? "h" : ""));
    size_t from = 0;
    buf_printf(out, "<span class=\"%s\">", class);
    for (size_t i = 0; i < line.len;) {
        const size_t run = hex_run(slice_from(line, i));
        if (run >= DIGEST_LEAST) {
            html_text_cut(out, (struct slice){line.ptr + from, i + DIGEST_SHOWN - from}, SIZE_MAX);
            buf_add_str(out, "\xe2\x80\xa6");
            from = i + run;
        }
        i += run > 0 ? run : 1;
    }
    html_text_cut(out, slice_from(line, from), SIZE_MAX);
    buf_add_str(out, line.len == 0 ? " </span>" : "</span>");
}

static void add_diff(const struct policy_event *p, struct buf *out)
{
    struct slice rest = p->diff;
    if (p->diff.ptr == NULL) {
        if (!p->is_reject && p->no_diff != NULL) {
            buf_printf(out, "<p class=\"about\">No diff: %s.</p>\n", p->no_diff);
        }
        return;
    }
    buf_printf(out,
               "<details><summary>Text of the policy: %zu line%s added, %zu removed</summary>"
               "<pre class=\"diff\">",
               p->diff_added, p->diff_added == 1 ? "" : "s", p->diff_removed);
    while (rest.len > 0) {
        const size_t len = slice_find(rest, '\n');
        add_line((struct slice){rest.ptr, len}, out);
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
    }
    buf_add_str(out, "</pre></details>\n");
}

static void add_said(const char *label, struct slice text, struct buf *out)
{
    if (text.len > 0) {
        buf_printf(out, "<p>%s: ", label);
        html_text_cut(out, text, 400);
        buf_add_str(out, "</p>\n");
    }
}

static void add_changes(const struct policy_event *p, struct buf *out)
{
    buf_add_str(out, p->num_changes == 0 ? "" : "<ul class=\"changes\">\n");
    for (size_t i = 0; i < p->num_changes; i++) {
        buf_add_str(out, "<li><code>");
        html_text_cut(out, p->changes[i], 300);
        buf_add_str(out, "</code></li>\n");
    }
    buf_add_str(out, p->num_changes == 0 ? "" : "</ul>\n");
}

static void add_title(const struct policy_event *p, struct buf *out)
{
    buf_add_str(out, "<div class=\"policy\"><h3>");
    html_time(out, p->us);
    buf_add_str(out, p->is_reject ? " <span class=\"tag look\">refused</span>" : " loaded");
    if (p->forced.len > 0) {
        buf_add_str(out, " <span class=\"tag alert\">forced</span>");
    }
    buf_add_str(out, "</h3>\n<p>By ");
    if (p->by.len > 0) {
        html_text_cut(out, p->by, 300);
    } else {
        buf_add_str(out, "(not said)");
    }
    buf_add_str(out, "</p>\n");
}

static void add_numbers(const struct policy_event *p, struct buf *out)
{
    buf_add_str(out, "<p>");
    if (p->old_sha256[0] != '\0') {
        html_digest(out, p->old_sha256);
        buf_add_str(out, " \xe2\x86\x92 ");
    }
    html_digest(out, p->sha256);
    if (p->rules != UINT64_MAX && p->clients != UINT64_MAX) {
        buf_add_str(out, ", ");
        html_num(out, p->rules);
        buf_add_str(out, " rules, ");
        html_num(out, p->clients);
        buf_add_str(out, " clients");
    }
    if (p->num_lost != UINT64_MAX && p->num_lost > 0) {
        buf_add_str(out, "; ");
        html_num(out, p->num_lost);
        buf_add_str(out, " requests granted lately would be denied");
    }
    buf_add_str(out, "</p>\n");
}

static void add_event(const struct policy_event *p, struct buf *out)
{
    add_title(p, out);
    add_numbers(p, out);
    add_said("Why it was forced", p->forced, out);
    add_said("Reason given", p->note, out);
    if (p->is_reject || p->forced.len > 0) {
        add_said("Objection", p->reason, out);
        add_said("In detail", p->detail, out);
    }
    add_changes(p, out);
    add_diff(p, out);
    buf_add_str(out, "</div>\n");
}

void html_policies(const struct report *r, struct buf *out)
{
    const uint64_t shown =
        r->num_policies < REPORT_POLICIES_MAX ? r->num_policies : REPORT_POLICIES_MAX;
    html_section(out, "policy", "Policy", NULL);
    buf_add_str(out, "<p class=\"about\">");
    html_num(out, r->num_loads);
    buf_add_str(out, " loaded, ");
    html_num(out, r->num_forced);
    buf_add_str(out, " of them forced; ");
    html_num(out, r->num_rejects);
    buf_add_str(out, r->num_policies > 1 ? " refused. The newest first.</p>\n" : " refused.</p>\n");
    for (uint64_t i = 0; i < shown; i++) {
        add_event(&r->policies[(r->num_policies - 1 - i) % REPORT_POLICIES_MAX], out);
    }
    html_more(out, r->num_policies - shown, "before these");
    html_section_end(out);
}
