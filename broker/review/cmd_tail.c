/* cmd_tail.c - certbroker audit tail: the newest rows, and those that come. */
#include "audit/read/follow.h"
#include "audit/read/records.h"
#include "broker/review/kept.h"
#include "broker/review/options.h"
#include "broker/review/review.h"
#include "broker/review/row_print.h"
#include "broker/review/seal_notice.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#define ROWS_DEFAULT 20U
#define ROWS_MAX 100000U
#define WAIT_MS 200
#define UNSEEN_MS 5000 /* a change that nobody told us of is seen after so long */
#define TRIES 25U      /* what cannot be read now may be in the middle of a change: so many waits */

/* clang-format off */
static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    REVIEW_TERM_OPTIONS,
    {.name = "follow", .letter = 'f', .help = "then go on with what comes, until interrupted"},
    {.name = "lines", .letter = 'n', .kind = VALUE_TEXT, .value = "N",
     .help = "so many of the newest first (default 20); with -f, 0 is: only what comes"},
    {.name = "raw", .help = "every record by itself"},
    {.name = "json", .help = "the records as they stand in the log, a line each"},
    {.name = "csv", .help = "comma-separated values, RFC 4180"},
    {.name = NULL}};
/* clang-format on */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

struct tailing {
    struct review_search search;
    struct row_print print;
    struct kept kept;
    bool no_memory;
};

static bool keep(void *ctx, const struct review_row *row)
{
    struct tailing *t = ctx;
    t->no_memory = !kept_add(&t->kept, row);
    return !t->no_memory;
}

static bool print_row(void *ctx, const struct review_row *row)
{
    return row_print_add(ctx, row);
}

/* newest_rows - looks at the newest segment, and at twice as many as long as it is not enough. */
static enum cb_code newest_rows(struct tailing *t, struct cb_err *err)
{
    size_t segments = 0;
    const size_t wanted = t->kept.most;
    TRY(audit_num_segments(t->search.dir, &segments, err));
    for (size_t newest = 1;; newest *= 2) {
        kept_free(&t->kept);
        kept_init(&t->kept, wanted);
        t->search.newest = newest;
        TRY(review_search(&t->search, keep, t, err));
        if (t->kept.seen >= wanted || newest >= segments || t->no_memory) {
            break;
        }
    }
    return t->no_memory ? cb_fail(err, CB_ENOMEM, "no memory for so many rows")
                        : kept_each(&t->kept, KEPT_OLDEST_FIRST, print_row, &t->print, err);
}

/* watch_log - a descriptor that becomes readable when a segment grows or is made; -1: cannot be told, or
 * the log is on a file system where others write unseen. Then it is looked at every so often. */
static int watch_log(const char *dir)
{
    char path[PATH_MAX];
    const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    (void)snprintf(path, sizeof(path), "%s/seg", dir);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* pause_for - false: interrupted, or nobody reads the output any more. Also where the log grows all the time
 * it is looked at no more than five times a second. */
static bool pause_for(int watch)
{
    char events[4096];
    struct pollfd fds[] = {{.fd = STDOUT_FILENO}, {.fd = watch, .events = POLLIN}};
    const int waits[] = {WAIT_MS, UNSEEN_MS};
    for (size_t i = 0; i < (watch < 0 ? 1U : 2U); i++) {
        const int n = poll(fds, (nfds_t)i + 1, waits[i]);
        if (interrupted || (n > 0 && (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)) {
            return false;
        }
    }
    while (watch >= 0 && read(watch, events, sizeof(events)) > 0) {
    }
    return true;
}

/* A log that is followed: what has come, and how far it was handed on. */
struct following {
    struct audit_follow *follow;
    struct records *records;
    struct review_stream *stream;
    uint64_t next, end; /* records to end - 1 are there */
    int watch;
};

/* hand_on - every record that is there. */
static enum cb_code hand_on(struct following *f, bool *ret_more, struct cb_err *err)
{
    while (*ret_more && f->next < f->end) {
        struct slice bytes = {NULL, 0};
        struct audit_line line;
        uint64_t seq = 0;
        TRY(audit_follow_next(f->follow, f->end, &bytes, &seq, err));
        if (bytes.ptr == NULL) {
            break;
        }
        TRY(audit_line_read(bytes, &line, err));
        TRY(review_stream_add(f->stream, &line, ret_more, err));
        f->next = seq + 1;
    }
    return CB_OK;
}

static enum cb_code follow_on(struct tailing *t, struct following *f, struct cb_err *err)
{
    unsigned failures = 0;
    bool more = true;
    while (more && !interrupted) {
        enum cb_code code = records_count(f->records, &f->end, err);
        if (code == CB_OK) {
            code = hand_on(f, &more, err);
        }
        failures = code == CB_OK ? 0 : failures + 1;
        if (failures >= TRIES) {
            return code;
        }
        more = more && row_print_flush(&t->print) && pause_for(f->watch);
    }
    return CB_OK;
}

static void be_interrupted(void)
{
    struct sigaction quiet = {.sa_handler = on_signal};
    (void)sigemptyset(&quiet.sa_mask);
    (void)sigaction(SIGINT, &quiet, NULL);
    (void)sigaction(SIGTERM, &quiet, NULL);
}

static enum cb_code follow(struct tailing *t, struct records *records, uint64_t from,
                           struct cb_err *err)
{
    struct following f = {.records = records, .next = from, .watch = watch_log(t->search.dir)};
    be_interrupted();
    t->search.newest = 0;
    t->search.below = 0;
    enum cb_code code = audit_follow_open(t->search.dir, from, &f.follow, err);
    if (code == CB_OK) {
        code = review_stream_open(&t->search, print_row, &t->print, &f.stream, err);
    }
    if (code == CB_OK) {
        code = follow_on(t, &f, err);
    }
    review_stream_close(f.stream);
    audit_follow_close(f.follow);
    if (f.watch >= 0) {
        (void)close(f.watch);
    }
    return code;
}

/* show - the rows there are, then, with -f, those that come. */
static enum cb_code show(const struct command_args *args, struct tailing *t,
                         struct records *records, struct cb_err *err)
{
    TRY(records_count(records, &t->search.below, err));
    const uint64_t end = t->search.below;
    if (t->kept.most > 0) {
        TRY(newest_rows(t, err));
    }
    return args_has(args, "follow") && row_print_flush(&t->print) ? follow(t, records, end, err)
                                                                  : CB_OK;
}

static int tail(const struct command_args *args, struct tailing *t, enum row_format format)
{
    struct cb_err err;
    struct records *records = NULL;
    const bool follows = args_has(args, "follow");
    row_print_begin(&t->print, format, CLI_STRAIGHT);
    t->print.table.is_roomy = follows;
    t->print.out.flush = follows;
    t->search.no_open = follows;
    enum cb_code code = records_open(t->search.dir, &records, &err);
    if (code == CB_OK) {
        records_tolerate(records);
        code = show(args, t, records, &err);
    }
    const int status = row_print_end(&t->print, EXIT_OK);
    records_close(records);
    kept_free(&t->kept);
    if (code != CB_OK) {
        return review_failed(&err);
    }
    return seal_notice(t->search.dir, review_damage_said(t->search.damage, status));
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct query query;
    struct cli_audit audit;
    uint64_t lines = 0;
    if (args_has(args, "csv") && args_has(args, "json")) {
        return command_usage_error(args, "--csv and --json: which?");
    }
    if (!review_number(args, "lines", args_has(args, "follow") ? 0 : 1, ROWS_MAX, ROWS_DEFAULT,
                       &lines) ||
        !review_query(args, &query)) {
        return EXIT_USAGE;
    }
    int status = EXIT_USAGE;
    if (cli_audit_open(env, args, &audit)) {
        struct review_damage damage = {.num = 0};
        struct tailing t = {.search = {.dir = audit.dir,
                                       .damage = &damage,
                                       .query = &query,
                                       .since_us = INT64_MIN,
                                       .until_us = INT64_MAX,
                                       .raw = args_has(args, "raw")}};
        t.search.housekeeping = t.search.raw || query_asks_for(&query, "type");
        kept_init(&t.kept, (size_t)lines);
        status = tail(args, &t,
                      args_has(args, "json")  ? ROWS_JSON
                      : args_has(args, "csv") ? ROWS_CSV
                                              : ROWS_TABLE);
        cli_audit_close(env, &audit);
    }
    query_free(&query);
    return status;
}

const struct command review_audit_tail = {
    .name = "audit tail",
    .summary = "the newest requests, and with -f those that come",
    .operands = "[TERM...]",
    .max_operands = QUERY_TERMS_MAX,
    .operand_words = review_term_words,
    .options = options,
    .notes = review_term_notes,
    .run = run,
};
