/* output.h - what the commands print with: times, colours, JSON, and the one way to stdout. */
#ifndef BROKER_CLI_OUTPUT_H
#define BROKER_CLI_OUTPUT_H

#include "broker/base/buf.h"
#include "broker/cli/command.h"

#define CLI_OUTPUT_MAX ((size_t)1 << 30)

/* clang-format off */
#define CLI_JSON_OPTION {.name = "json", .help = "print one JSON document"}
/* clang-format on */

int64_t cli_now_s(void);
/* cli_time - a time as RFC 3339 has it, also with an offset (2026-07-01T22:00:00+02:00); a date (its first
 * second, UTC); or how long ago: "90m", "24h", "7d". */
bool cli_time(const char *text, int64_t *ret_us);

/* cli_print - the output to stdout, then buf_free. Returns status, or EXIT_USAGE after saying on
 * stderr that there was no memory or that it could not be written. */
int cli_print(struct buf *out, int status);
int cli_no_memory(void); /* says so; EXIT_USAGE */
/* cli_complain - "certbroker: ", what ("" or a beginning of the sentence) and the message, a line on stderr.
 * Messages quote names of files and what stands in them: escaped. */
void cli_complain(const char *what, const struct cb_err *err);

/* Colours: "" when stdout is no terminal, NO_COLOR is set or TERM is dumb. */
struct cli_colours {
    const char *good, *bad, *warn, *dim, *bold, *off;
};
struct cli_colours cli_colours(void);

/* ---- JSON: a member with what is in front of it (a comma, unless an object or a list begins) ---- */
void cli_json_key(struct buf *out, const char *key);
void cli_json_text(struct buf *out, const char *key, const char *text); /* NULL: null */
void cli_json_slice(struct buf *out, const char *key, struct slice text);
void cli_json_u64(struct buf *out, const char *key, uint64_t value);
void cli_json_bool(struct buf *out, const char *key, bool value);
void cli_json_time(struct buf *out, const char *key, int64_t unix_s);
/* cli_json_item - the comma in front of a list's item, where one is due. */
void cli_json_item(struct buf *out);
/* cli_json_place - "place":"FILE:LINE:COL"; nothing for a place without a file. */
void cli_json_place(struct buf *out, const char *key, struct diag_place place);
void cli_add_place(struct buf *out,
                   struct diag_place place); /* FILE:LINE:COL, FILE without a line */

/* cli_add_time - a time as it stands in the log, to the second; cli_add_date - its day. */
void cli_add_time(struct buf *out, int64_t us);
void cli_add_date(struct buf *out, int64_t us);

#endif
