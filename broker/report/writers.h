/* writers.h - inside broker/report only: the forms besides HTML, and files. */
#ifndef BROKER_REPORT_WRITERS_H
#define BROKER_REPORT_WRITERS_H

#include "broker/base/buf.h"
#include "broker/cli/terminal.h"
#include "broker/report/model.h"

/* text_report - for a terminal, or to be mailed: what html.h shows, with shorter tables; 80 columns wide
 * where the terminal has no width. text_log.c writes its second half. */
void text_report(struct report *r, const struct cli_terminal *terminal, struct buf *out);

/* json_report - one document with the same numbers; texts unescaped as JSON has them. */
void json_report(struct report *r, struct buf *out);
void json_lists(const struct report *r, struct buf *out); /* json_lists.c */
void json_log(const struct report *r, struct buf *out);

/* output_file - text as a whole or not at all: written beside path and renamed over it, readable by
 * owner and group. What is no ordinary file (a pipe) is written straight. */
enum cb_code output_file(const char *path, struct slice text, struct cb_err *err) CB_MUST_USE;

/* What all of them call things. */
const char *happening_word(enum happening what); /* "issued", ... */
const char *loose_word(enum loose_kind kind);    /* "unknown", "bypass", ... */

#endif
