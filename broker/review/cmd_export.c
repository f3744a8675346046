/* cmd_export.c - certbroker audit export: records for other programs, one by one. */
#include "broker/base/file.h"
#include "broker/cli/output.h"
#include "broker/cli/terminal.h"
#include "broker/review/export.h"
#include "broker/review/options.h"
#include "broker/review/review.h"
#include "broker/review/row_csv.h"

#include <limits.h>

#define TEXT_MAX ((size_t)16 << 20)
#define GATHERED ((size_t)64 << 10)
#define ORIGIN_MAX 1024U

static const char *const formats[] = {"json", "csv", "sql", "ecs", "ocsf", NULL};

/* clang-format off */
static const struct command_option options[] = {
    {.name = "format", .is_required = true, .kind = VALUE_WORD, .value = "FORMAT",
     .words = formats, .help = "in which form"},
    CLI_AUDIT_OPTIONS,
    CLI_SPAN_OPTIONS,
    REVIEW_TERM_OPTIONS,
    {.name = NULL}};
/* clang-format on */

struct exporting {
    const char *format;
    struct slice origin;
    struct buf text;
    struct cli_out out;
    bool no_memory;
};

static bool flush(struct exporting *x)
{
    x->no_memory = x->no_memory || !buf_ok(&x->text);
    return cli_out_buf(&x->out, &x->text) && !x->no_memory;
}

static bool is_format(const struct exporting *x, const char *word)
{
    return strcmp(x->format, word) == 0;
}

static bool on_row(void *ctx, const struct review_row *row)
{
    struct exporting *x = ctx;
    const struct review_record *r = row_first(row);
    if (is_format(x, "json")) {
        buf_add_slice(&x->text, r->line.whole);
        buf_add_char(&x->text, '\n');
    } else if (is_format(x, "csv")) {
        row_csv_add(row, &x->text);
    } else if (is_format(x, "sql")) {
        export_sql(r, x->origin, &x->text);
    } else if (is_format(x, "ecs")) {
        export_ecs(r, x->origin, &x->text);
    } else {
        export_ocsf(r, x->origin, &x->text);
    }
    return x->text.len < GATHERED && buf_ok(&x->text) ? true : flush(x);
}

/* read_origin - the log's name; an export without it could not be told from another's. */
static enum cb_code read_origin(const char *dir, struct buf *ret, struct cb_err *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/state/origin", dir);
    TRY(file_read(path, FILE_PUBLIC, ORIGIN_MAX, ret, err));
    while (ret->len > 0 && (ret->data[ret->len - 1] == '\n' || ret->data[ret->len - 1] == ' ')) {
        ret->len--;
    }
    return CB_OK;
}

static int export_all(struct exporting *x, const struct review_search *search)
{
    struct cb_err err = {0};
    cli_out_begin(&x->out, CLI_STRAIGHT);
    buf_init(&x->text, TEXT_MAX);
    if (is_format(x, "csv")) {
        row_csv_titles(&x->text);
    } else if (is_format(x, "sql")) {
        export_sql_begin(&x->text);
    }
    const enum cb_code code = review_search(search, on_row, x, &err);
    /* Without the end a transaction is never committed: half of a log is no log. */
    if (is_format(x, "sql") && code == CB_OK) {
        export_sql_end(&x->text);
    }
    (void)flush(x);
    buf_free(&x->text);
    const int status = cli_out_end(&x->out, EXIT_OK);
    if (code != CB_OK) {
        return review_failed(&err);
    }
    return x->no_memory ? cli_no_memory() : status;
}

static int export_log(const struct command_args *args, struct review_search *search)
{
    struct exporting x = {.format = args_text(args, "format")};
    struct buf origin;
    struct cb_err err;
    if (!cli_span(args, &search->since_us, &search->until_us)) {
        return EXIT_USAGE;
    }
    if (read_origin(search->dir, &origin, &err) != CB_OK) {
        return review_failed(&err);
    }
    x.origin = buf_slice(&origin);
    const int status = export_all(&x, search);
    buf_free(&origin);
    return status;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct query query;
    struct cli_audit audit;
    int status = EXIT_USAGE;
    if (!review_query(args, &query)) {
        return EXIT_USAGE;
    }
    if (cli_audit_open(env, args, &audit)) {
        struct review_search search = {
            .dir = audit.dir, .query = &query, .raw = true, .housekeeping = true};
        status = export_log(args, &search);
        cli_audit_close(env, &audit);
    }
    query_free(&query);
    return status;
}

const struct command review_audit_export = {
    .name = "audit export",
    .summary = "records for a SIEM, a database or a spreadsheet",
    .operands = "[TERM...]",
    .max_operands = QUERY_TERMS_MAX,
    .operand_words = review_term_words,
    .options = options,
    .notes =
        "json: the records as they are. csv: RFC 4180, formulas defused. sql: for sqlite3 or "
        "psql.\n"
        "ecs: Elastic Common Schema " EXPORT_ECS_VERSION ". ocsf: OCSF " EXPORT_OCSF_VERSION
        ", API Activity (6003).\n"
        "Every record by itself; event.id and metadata.uid are the log's name and the record's\n"
        "number, so that what comes twice can be told and what is missing is seen. Terms: see\n"
        "certbroker audit search --help.\n"
        "Exit status: 0 done, 2 cannot, or the log is damaged: then what was written is not all.\n",
    .run = run,
};
