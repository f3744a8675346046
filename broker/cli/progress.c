/* progress.c - see progress.h. Does not know what is being done. */
#include "broker/cli/progress.h"

#include "broker/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_US 1000000
#define STEP_US 200000
#define LINE_MAX_LEN 512U
#define BAR_MIN 8U
#define BAR_MAX 40U
#define ETA_MAX_S 356400U /* 99 hours */

/* ---- the line ---- */

static void add_amount(struct buf *out, double number, bool is_bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    while (is_bytes && number >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        number /= 1000;
        unit++;
    }
    buf_printf(out, "%.*f", unit > 0 && number < 100 ? 1 : 0, number);
    if (is_bytes) {
        buf_printf(out, " %s", units[unit]);
    }
}

static void add_left(struct buf *out, double seconds)
{
    const unsigned s = seconds < 0           ? 0
                       : seconds < ETA_MAX_S ? (unsigned)(seconds + 0.5)
                                             : ETA_MAX_S;
    if (s >= 3600) {
        buf_printf(out, "%u h %02u min left", s / 3600, s / 60 % 60);
    } else if (s >= 60) {
        buf_printf(out, "%u min %02u s left", s / 60, s % 60);
    } else {
        buf_printf(out, "%u s left", s);
    }
}

/* add_part - behind two spaces, if it fits as a whole. */
static void add_part(struct buf *out, const struct buf *part, unsigned width)
{
    if (part->len > 0 && out->len + 2 + part->len <= width) {
        buf_add_slice(out, SLICE("  "));
        buf_add_slice(out, buf_slice(part));
    }
}

static void add_bar(struct buf *out, double share, unsigned width)
{
    const size_t taken = out->len + 4; /* two spaces, two brackets */
    if (taken + BAR_MIN > width) {
        return;
    }
    const size_t room = width - taken < BAR_MAX ? width - taken : BAR_MAX;
    const size_t full = (size_t)(share * (double)room);
    buf_add_slice(out, SLICE("  ["));
    for (size_t i = 0; i < room; i++) {
        buf_add_char(out, i < full ? '#' : '.');
    }
    buf_add_char(out, ']');
}

void cli_progress_line(struct buf *out, const struct cli_progress_at *at, int64_t elapsed_us,
                       unsigned width)
{
    struct buf part;
    const uint64_t done = at->total > 0 && at->done > at->total ? at->total : at->done;
    const double share = at->total == 0 ? 0 : (double)done / (double)at->total;
    const double seconds = (double)(elapsed_us > 0 ? elapsed_us : 1) / 1e6;
    const double rate = (double)done / seconds;
    buf_init(&part, LINE_MAX_LEN);
    buf_printf(out, "%s", at->what);
    if (at->total > 0) {
        buf_printf(&part, "%3.0f %%", share * 100);
        add_part(out, &part, width);
    }
    buf_reset(&part);
    if (rate > 0 && at->total > done) {
        add_left(&part, (double)(at->total - done) / rate);
    }
    add_part(out, &part, width);
    buf_reset(&part);
    add_amount(&part, rate, at->is_bytes);
    buf_add_slice(&part, SLICE("/s"));
    add_part(out, &part, width);
    buf_reset(&part);
    if (at->total > 0) {
        add_amount(&part, (double)done, at->is_bytes);
        buf_add_slice(&part, SLICE(" of "));
        add_amount(&part, (double)at->total, at->is_bytes);
    }
    add_part(out, &part, width);
    if (at->total > 0) {
        add_bar(out, share, width);
    }
    buf_free(&part);
}

/* ---- the thread ---- */

static unsigned terminal_width(void)
{
    struct winsize size = {0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void put(struct slice text)
{
    /* A terminal that takes no more loses a redraw, nothing else. */
    const ssize_t written = write(STDERR_FILENO, text.ptr, text.len);
    (void)written;
}

static void draw(const struct cli_progress *p, int64_t elapsed_us)
{
    struct buf line;
    const struct cli_progress_at at = p->read(p->ctx);
    const unsigned width = terminal_width();
    buf_init(&line, LINE_MAX_LEN);
    cli_progress_line(&line, &at, elapsed_us, width - 1); /* the last column would wrap */
    struct buf out;
    buf_init(&out, LINE_MAX_LEN + 16);
    buf_add_char(&out, '\r');
    buf_add(&out, buf_slice(&line).ptr, line.len < width ? line.len : width - 1);
    buf_add_slice(&out, SLICE("\033[K"));
    if (buf_ok(&out)) {
        put(buf_slice(&out));
    }
    buf_free(&line);
    buf_free(&out);
}

/* wait_until - false: the work has ended. */
static bool wait_until(struct cli_progress *p, int64_t until_us)
{
    const struct timespec until = {.tv_sec = until_us / 1000000,
                                   .tv_nsec = until_us % 1000000 * 1000};
    (void)pthread_mutex_lock(&p->mutex);
    while (!p->stop && clock_mono_us(&cb_system_clock) < until_us) {
        (void)pthread_cond_timedwait(&p->wake, &p->mutex, &until);
    }
    const bool go_on = !p->stop;
    (void)pthread_mutex_unlock(&p->mutex);
    return go_on;
}

static void *show(void *ctx)
{
    struct cli_progress *p = ctx;
    const int64_t start_us = clock_mono_us(&cb_system_clock);
    int64_t next_us = start_us + FIRST_US;
    bool drawn = false;
    while (wait_until(p, next_us)) {
        draw(p, clock_mono_us(&cb_system_clock) - start_us);
        drawn = true;
        next_us += STEP_US;
    }
    if (drawn) {
        put(SLICE("\r\033[K"));
    }
    return NULL;
}

static bool is_wanted(void)
{
    const char *term = getenv("TERM"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
    return isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

void cli_progress_begin(struct cli_progress *p, cli_progress_read read, void *ctx)
{
    pthread_condattr_t monotonic;
    *p = (struct cli_progress){.read = read, .ctx = ctx};
    if (!is_wanted() || pthread_condattr_init(&monotonic) != 0) {
        return;
    }
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    CB_CHECK(pthread_mutex_init(&p->mutex, NULL) == 0);
    CB_CHECK(pthread_cond_init(&p->wake, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
    p->runs = pthread_create(&p->thread, NULL, show, p) == 0;
    if (!p->runs) {
        (void)pthread_mutex_destroy(&p->mutex);
        (void)pthread_cond_destroy(&p->wake);
    }
}

void cli_progress_end(struct cli_progress *p)
{
    if (!p->runs) {
        return;
    }
    (void)pthread_mutex_lock(&p->mutex);
    p->stop = true;
    (void)pthread_cond_signal(&p->wake);
    (void)pthread_mutex_unlock(&p->mutex);
    (void)pthread_join(p->thread, NULL);
    (void)pthread_mutex_destroy(&p->mutex);
    (void)pthread_cond_destroy(&p->wake);
    p->runs = false;
}
