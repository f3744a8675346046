/* cmd_search.c - certbroker audit search: rows of the log that fit. */
#include "broker/review/kept.h"
#include "broker/review/options.h"
#include "broker/review/review.h"
#include "broker/review/row_print.h"
#include "broker/review/seal_notice.h"

#define LIMIT_MAX 1000000U
#define REVERSED_MAX 100000U /* rows that are held to turn the order, where no limit is given */

/* clang-format off */
static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    CLI_SPAN_OPTIONS,
    REVIEW_TERM_OPTIONS,
    {.name = "limit", .letter = 'n', .kind = VALUE_TEXT, .value = "N", .help = "only the newest N"},
    {.name = "reverse", .letter = 'r', .help = "newest first"},
    {.name = "count", .help = "only say how many there are"},
    {.name = "raw", .help = "every record by itself, an attempt and its outcome too; also those\n"
                            "                             about the log's own files"},
    {.name = "json", .help = "the records as they stand in the log, a line each"},
    {.name = "csv", .help = "comma-separated values, RFC 4180"},
    CLI_NO_PAGER_OPTION,
    {.name = NULL}};
/* clang-format on */

struct finding {
    struct row_print print;
    struct kept kept;
    bool is_kept;  /* the newest ones, to be printed at the end */
    bool is_count; /* none is printed */
    uint64_t num;
    bool no_memory;
};

static bool on_row(void *ctx, const struct review_row *row)
{
    struct finding *f = ctx;
    f->num++;
    if (f->is_count) {
        return true;
    }
    if (!f->is_kept) {
        return row_print_add(&f->print, row);
    }
    f->no_memory = !kept_add(&f->kept, row);
    return !f->no_memory;
}

static bool print_row(void *ctx, const struct review_row *row)
{
    return row_print_add(ctx, row);
}

static int print_count(const struct command_args *args, uint64_t num)
{
    (void)printf(args_has(args, "json") ? "{\"count\":%llu}\n" : "%llu\n", (unsigned long long)num);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_USAGE;
}

static void say_nothing_found(const struct review_search *search)
{
    (void)fprintf(stderr, "certbroker: nothing in %s fits%s\n", search->dir,
                  search->since_us != INT64_MIN || search->until_us != INT64_MAX
                      ? " in that span of time"
                      : "");
}

static int find(const struct command_args *args, const struct review_search *search,
                struct finding *f)
{
    struct cb_err err = {0};
    const bool newest_first = args_has(args, "reverse");
    enum cb_code code = review_search(search, on_row, f, &err);
    if (code == CB_OK && f->is_kept) {
        code = kept_each(&f->kept, newest_first ? KEPT_NEWEST_FIRST : KEPT_OLDEST_FIRST, print_row,
                         &f->print, &err);
    }
    int status = row_print_end(&f->print, EXIT_OK);
    if (code != CB_OK) {
        return review_failed(&err);
    }
    if (f->no_memory) {
        return cli_no_memory();
    }
    if (f->is_count) {
        status = review_damage_said(search->damage, print_count(args, f->num));
        return seal_notice(search->dir, status);
    }
    if (f->num == 0) {
        say_nothing_found(search);
    }
    if (f->is_kept && !args_has(args, "limit") && f->kept.seen > f->kept.num) {
        (void)fprintf(stderr, "certbroker: these are the newest %zu of %llu: --limit shows more\n",
                      f->kept.num, (unsigned long long)f->kept.seen);
    }
    return seal_notice(search->dir, review_damage_said(search->damage, status));
}

static bool read_format(const struct command_args *args, enum row_format *ret)
{
    const bool json = args_has(args, "json");
    const bool csv = args_has(args, "csv");
    if (csv && (json || args_has(args, "count"))) {
        (void)command_usage_error(args, "--csv and --%s: which?", json ? "json" : "count");
        return false;
    }
    *ret = json ? ROWS_JSON : csv ? ROWS_CSV : ROWS_TABLE;
    return true;
}

static int search_log(const struct command_args *args, struct review_search *search)
{
    struct finding f = {.num = 0};
    enum row_format format = ROWS_TABLE;
    uint64_t limit = 0;
    if (!cli_span(args, &search->since_us, &search->until_us) || !read_format(args, &format) ||
        !review_number(args, "limit", 1, LIMIT_MAX, REVERSED_MAX, &limit)) {
        return EXIT_USAGE;
    }
    search->raw = args_has(args, "raw");
    search->housekeeping = search->raw || query_asks_for(search->query, "type") ||
                           query_asks_for(search->query, "seq");
    f.is_count = args_has(args, "count");
    f.is_kept = args_has(args, "limit") || args_has(args, "reverse");
    kept_init(&f.kept, (size_t)limit);
    row_print_begin(&f.print, format, args_has(args, "no-pager") ? CLI_STRAIGHT : CLI_PAGED);
    const int status = find(args, search, &f);
    kept_free(&f.kept);
    return status;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct query query;
    struct cli_audit audit;
    if (!review_query(args, &query)) {
        return EXIT_USAGE;
    }
    int status = EXIT_USAGE;
    if (cli_audit_open(env, args, &audit)) {
        struct review_damage damage = {.num = 0};
        struct review_search search = {.dir = audit.dir, .damage = &damage, .query = &query};
        status = search_log(args, &search);
        cli_audit_close(env, &audit);
    }
    query_free(&query);
    return status;
}

const struct command review_audit_search = {
    .name = "audit search",
    .summary = "find requests and what became of them",
    .operands = "[TERM...]",
    .max_operands = QUERY_TERMS_MAX,
    .operand_words = review_term_words,
    .options = options,
    .notes = review_term_notes,
    .run = run,
};
