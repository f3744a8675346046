/* cmd_tail.c - certbroker audit tail: the newest rows, and those that come. */
#include "audit/follow.h"
#include "audit/records.h"
#include "broker/review/kept.h"
#include "broker/review/options.h"
#include "broker/review/review.h"
#include "broker/review/row_print.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define ROWS_DEFAULT 20U
#define ROWS_MAX 100000U
#define WAIT_MS 200
#define TRIES 25U /* what cannot be read now may be in the middle of a change: so many waits */

/* clang-format off */
static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    REVIEW_TERM_OPTIONS,
    {.name = "follow", .letter = 'f', .help = "then go on with what comes, until interrupted"},
    {.name = "lines", .letter = 'n', .kind = VALUE_TEXT, .value = "N",
     .help = "so many of the newest (default 20; 0 with -f: only what comes)"},
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

/* wait - false: interrupted, or nobody reads the output any more. */
static bool wait(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = 0};
    const int n = poll(&out, 1, WAIT_MS);
    return !interrupted && !(n > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0);
}

/* next - one more record into the stream. *ret_idle: there was none. */
static enum cb_code next(struct audit_follow *follow, struct review_stream *stream, bool *ret_idle,
                         bool *ret_more, struct cb_err *err)
{
    struct slice bytes = {NULL, 0};
    struct audit_line line;
    uint64_t seq = 0;
    TRY(audit_follow_next(follow, UINT64_MAX, &bytes, &seq, err));
    *ret_idle = bytes.ptr == NULL;
    if (*ret_idle) {
        return CB_OK;
    }
    TRY(audit_line_read(bytes, &line, err));
    return review_stream_add(stream, &line, ret_more, err);
}

static enum cb_code follow_on(struct tailing *t, struct audit_follow *follow,
                              struct review_stream *stream, struct cb_err *err)
{
    unsigned failures = 0;
    bool more = true;
    while (more && !interrupted) {
        bool idle = false;
        const enum cb_code code = next(follow, stream, &idle, &more, err);
        failures = code == CB_OK ? 0 : failures + 1;
        if (failures >= TRIES) {
            return code;
        }
        if (code != CB_OK || idle) {
            more = row_print_flush(&t->print) && wait();
        }
    }
    return CB_OK;
}

static enum cb_code follow(struct tailing *t, uint64_t from, struct cb_err *err)
{
    struct audit_follow *follow = NULL;
    struct review_stream *stream = NULL;
    struct sigaction quiet = {.sa_handler = on_signal};
    (void)sigemptyset(&quiet.sa_mask);
    (void)sigaction(SIGINT, &quiet, NULL);
    (void)sigaction(SIGTERM, &quiet, NULL);
    t->search.newest = 0;
    t->search.below = 0;
    enum cb_code code = audit_follow_open(t->search.dir, from, &follow, err);
    if (code == CB_OK) {
        code = review_stream_open(&t->search, print_row, &t->print, &stream, err);
    }
    if (code == CB_OK) {
        code = follow_on(t, follow, stream, err);
    }
    review_stream_close(stream);
    audit_follow_close(follow);
    return code;
}

static enum cb_code count_records(const char *dir, uint64_t *ret, struct cb_err *err)
{
    struct records *records = NULL;
    TRY(records_open(dir, &records, err));
    const enum cb_code code = records_count(records, ret, err);
    records_close(records);
    return code;
}

static int tail(const struct command_args *args, struct tailing *t, enum row_format format)
{
    struct cb_err err;
    uint64_t end = 0;
    const bool follows = args_has(args, "follow");
    row_print_begin(&t->print, format, CLI_STRAIGHT);
    t->print.table.is_roomy = follows;
    t->print.out.flush = follows;
    t->search.no_open = follows;
    enum cb_code code = count_records(t->search.dir, &end, &err);
    t->search.below = end;
    if (code == CB_OK && t->kept.most > 0) {
        code = newest_rows(t, &err);
    }
    if (code == CB_OK && follows && row_print_flush(&t->print)) {
        code = follow(t, end, &err);
    }
    const int status = row_print_end(&t->print, EXIT_OK);
    kept_free(&t->kept);
    return code == CB_OK ? status : review_failed(&err);
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
        struct tailing t = {.search = {.dir = audit.dir,
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
