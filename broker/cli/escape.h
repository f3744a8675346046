/* escape.h - text of anybody's making, as it may stand on a terminal.
 *
 * Strings of the audit log were chosen by callers: they may hold escape sequences, line ends, characters
 * that turn the reading direction or that nobody sees (CWE-117, CWE-150). Printed are printable ASCII and
 * those characters beyond it that show themselves and change nothing around them, where the terminal is
 * UTF-8; all others as \n, \t, \xNN (control characters, bytes that are not UTF-8) or \u{NNNN}. A
 * backslash stays as it is: this is for reading, JSON is what can be read back. */
#ifndef BROKER_CLI_ESCAPE_H
#define BROKER_CLI_ESCAPE_H

#include "broker/base/buf.h"

enum cli_charset { CLI_ASCII, CLI_UTF8 };

/* cli_add_escaped - appends text so. */
void cli_add_escaped(struct buf *out, struct slice text, enum cli_charset charset);

/* cli_add_doubled - appends text with each quote in it twice, as SQL and CSV have it. */
void cli_add_doubled(struct buf *out, struct slice text, char quote);

/* cli_text_width - columns that text takes up which cli_add_escaped made: ASCII one each, East Asian
 * wide characters two. cli_text_cut - how many of its bytes fit into width columns. */
size_t cli_text_width(struct slice text);
size_t cli_text_cut(struct slice text, size_t width);

#endif
