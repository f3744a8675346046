/* terminal.h - the terminal at the other end of stdout, if there is one: how large it is, what it can
 * show, and a pager for what does not fit. */
#ifndef BROKER_CLI_TERMINAL_H
#define BROKER_CLI_TERMINAL_H

#include "broker/base/buf.h"

#include <sys/types.h>

struct cli_terminal {
    bool is_terminal; /* stdout is one */
    unsigned width;   /* columns; as COLUMNS says, else the terminal; 0: there is no limit */
    unsigned height;  /* lines; 0: not known */
    bool is_utf8;     /* by LC_ALL, LC_CTYPE or LANG */
};
struct cli_terminal cli_terminal(void);

/* clang-format off */
#define CLI_NO_PAGER_OPTION {.name = "no-pager", .help = "never run a pager"}
/* clang-format on */

/* Where a command's output goes. On a terminal the first screen is held back; what is longer goes
 * through $PAGER (its words, without a shell; "" or "cat": none), else `less -R`, else straight out.
 * While the pager runs, Ctrl-C is its business; when it is left, writing says so. */
struct cli_out {
    struct buf held; /* the first screen; later what is gathered for one write */
    unsigned lines;  /* of the first screen so far */
    unsigned room;   /* lines that fit on it; 0: it is not held back, or no more */
    pid_t pager;     /* 0: none */
    int fd;
    bool flush; /* after each write: somebody waits for every line */
    bool gone;  /* whoever read it has left */
    bool failed;
    void (*old_int)(int), (*old_quit)(int), (*old_pipe)(int);
};

enum cli_paging { CLI_PAGED, CLI_STRAIGHT };

void cli_out_begin(struct cli_out *o, enum cli_paging paging);
/* cli_out_write - false: stop, nobody reads this any more, or it cannot be written. */
bool cli_out_write(struct cli_out *o, struct slice text);
/* cli_out_buf - writes b and empties it. False also if b has failed. */
bool cli_out_buf(struct cli_out *o, struct buf *b);
/* cli_out_end - what is held goes out; waits for the pager. Returns status, or EXIT_USAGE after saying
 * on stderr what failed. A reader that left early is no failure. */
int cli_out_end(struct cli_out *o, int status);

#endif
