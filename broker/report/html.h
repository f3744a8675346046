/* html.h - inside broker/report only: the page, and what its parts are written with.
 *
 * Whatever comes from the log goes through html_text, which shows control characters and those that
 * turn the reading direction as escapes, and then escapes for HTML, in text and in attributes alike.
 * There is no script and nothing is loaded from anywhere; a CSP in the page says so to the browser. */
#ifndef BROKER_REPORT_HTML_H
#define BROKER_REPORT_HTML_H

#include "broker/base/buf.h"
#include "broker/report/findings.h"
#include "broker/report/model.h"

#define HTML_CUT 120U /* bytes shown of a text */

/* html_page - the whole report. */
void html_page(struct report *r, struct buf *out);

/* ---- html.c ---- */
void html_escape(struct buf *out, struct slice text); /* of text that may be shown as it is */
void html_text(struct buf *out, struct slice text);   /* of any bytes; cut at HTML_CUT */
void html_text_cut(struct buf *out, struct slice text, size_t max);
void html_num(struct buf *out, uint64_t num);   /* 1,234,567 */
void html_bytes(struct buf *out, uint64_t num); /* 1.2 GiB */
void html_time(struct buf *out, int64_t us);    /* <time>2026-07-22 16:23</time>; 0: a dash */
void html_date(struct buf *out, int64_t us);
void html_duration(struct buf *out, int64_t us);       /* 3 h 20 min */
void html_digest(struct buf *out, const char *sha256); /* its beginning; all of it as a title */
/* html_section - opens one; html_section_end closes it. title and about are ours. */
void html_section(struct buf *out, const char *id, const char *title, const char *about);
void html_section_end(struct buf *out);
/* html_table - opens a table in a box that scrolls sideways, up to its body. heads: titles separated by
 * '|'; one that begins with '#' is for numbers. */
void html_table(struct buf *out, const char *heads);
void html_table_end(struct buf *out);
/* html_cell_bar - a bar: how much num is of max. html_cell_stack - the same of several colours, in the order
 * of enum happening. */
void html_cell_bar(struct buf *out, uint64_t num, uint64_t max, const char *colour);
void html_cell_stack(struct buf *out, const uint64_t count[HAPPENING_COUNT], uint64_t max);
void html_cell_num(struct buf *out, uint64_t num);
void html_cell_text(struct buf *out, struct slice text);
void html_cell_time(struct buf *out, int64_t us);
/* html_more - the row that says how many are not shown. */
void html_more(struct buf *out, uint64_t num, const char *what);

/* ---- svg.c ---- */
struct svg_bars {
    const char *title; /* ours */
    const char *colour;
    const uint64_t *counts;
    const uint64_t *parts; /* a part of each bar in a stronger colour; NULL: none */
    size_t num;
    int64_t start_us, bucket_us;
    const char *unit;       /* "issued" */
    const char *parts_unit; /* "without a newer one" */
};
void svg_bars(const struct svg_bars *bars, struct buf *out);

/* ---- the parts ---- */
extern const char *const html_style[];                  /* rules, ended by NULL; html_style.c */
void html_overview(struct report *r, struct buf *out);  /* html_overview.c */
void html_who(const struct report *r, struct buf *out); /* html_tables.c: clients, rules, owners */
void html_strangers(const struct report *r, struct buf *out);
void html_expiry(const struct report *r, struct buf *out); /* html_certs.c */
void html_loose(const struct report *r, struct buf *out);
void html_names(const struct report *r, struct buf *out); /* html_names.c */
void html_wide(const struct report *r, struct buf *out);
void html_denied(const struct report *r, struct buf *out);
void html_policies(const struct report *r, struct buf *out); /* html_policy.c */
void html_log(const struct report *r, struct buf *out);      /* html_log.c */
void html_not_covered(const struct report *r, struct buf *out);

#endif
