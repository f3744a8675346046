/* progress.h - how far something long is, on the terminal that stderr is; nowhere else.
 *
 * Nothing is shown for what ends within a second. One line, redrawn in place with one write a time,
 * cut to the terminal's width: what matters least goes first. It is gone when the work ends. */
#ifndef BROKER_CLI_PROGRESS_H
#define BROKER_CLI_PROGRESS_H

#include "broker/base/buf.h"

#include <pthread.h>

struct cli_progress_at {
    const char *what;     /* "reading": borrowed for ever, a literal */
    uint64_t done, total; /* total 0: not known */
    bool is_bytes;        /* else a plain number */
};

/* Called on a thread of the display's own. */
typedef struct cli_progress_at (*cli_progress_read)(void *ctx);

struct cli_progress {
    cli_progress_read read;
    void *ctx;
    pthread_t thread;
    bool runs;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
};

/* cli_progress_begin - never fails: without a terminal, or a thread, nothing is shown. */
void cli_progress_begin(struct cli_progress *p, cli_progress_read read, void *ctx);
void cli_progress_end(struct cli_progress *p);

/* cli_progress_line - the line for a terminal of so many columns, after so much time. */
void cli_progress_line(struct buf *out, const struct cli_progress_at *at, int64_t elapsed_us,
                       unsigned width);

#endif
