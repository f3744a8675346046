/* cmd_report.c - certbroker audit report: reads the arguments, has the log read, and writes one of the
 * three forms. */
#include "broker/base/clock.h"
#include "broker/cli/audit_source.h"
#include "broker/cli/output.h"
#include "broker/report/html.h"
#include "broker/report/report.h"
#include "broker/report/writers.h"

#include <stdio.h>

#define DAYS_DEFAULT INT64_C(30)
#define DAY_US INT64_C(86400000000)

enum form { FORM_TEXT, FORM_HTML, FORM_JSON, FORM_NONE };

/* clang-format off */
static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "since", .kind = VALUE_TEXT, .value = "TIME",
     .help = "from then on: 30d, 12h, 2026-07-01 or 2026-07-01T12:00:00Z (default 30d)"},
    {.name = "until", .kind = VALUE_TEXT, .value = "TIME", .help = "and before then (default now)"},
    {.name = "output", .letter = 'o', .kind = VALUE_FILE, .value = "FILE",
     .help = "write it there; .html, .json or .txt at its end decides the form"},
    {.name = "html", .help = "one HTML page that needs nothing else"},
    {.name = "text", .help = "plain text (default)"},
    CLI_JSON_OPTION,
    CLI_NO_PAGER_OPTION,
    {.name = NULL}};
/* clang-format on */

/* form_of_ending - FORM_NONE: the name has one that says nothing. A name without one is left to the
 * options: it may be a pipe. */
static enum form form_of_ending(struct slice file, enum form without)
{
    static const struct {
        const char *ending;
        enum form form;
    } endings[] = {
        {".html", FORM_HTML}, {".htm", FORM_HTML}, {".json", FORM_JSON}, {".txt", FORM_TEXT}};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (slice_has_suffix(file, slice_of(endings[i].ending))) {
            return endings[i].form;
        }
    }
    for (size_t i = file.len; i > 0 && file.ptr[i - 1] != '/'; i--) {
        if (file.ptr[i - 1] == '.') {
            return FORM_NONE;
        }
    }
    return without;
}

static const char *const form_words[] = {
    [FORM_TEXT] = "text", [FORM_HTML] = "html", [FORM_JSON] = "json"};

/* read_option - FORM_NONE: none of them is given. */
static bool read_option(const struct command_args *args, enum form *ret)
{
    *ret = FORM_NONE;
    for (enum form form = FORM_TEXT; form <= FORM_JSON; form++) {
        if (args_has(args, form_words[form]) && *ret != FORM_NONE) {
            (void)command_usage_error(args, "only one of --html, --text and --json can be had");
            return false;
        }
        *ret = args_has(args, form_words[form]) ? form : *ret;
    }
    return true;
}

static bool read_form(const struct command_args *args, enum form *ret)
{
    const char *path = args_text(args, "output");
    enum form wanted = FORM_NONE;
    if (!read_option(args, &wanted)) {
        return false;
    }
    const enum form without = wanted == FORM_NONE ? FORM_TEXT : wanted;
    const enum form by_name = path == NULL ? without : form_of_ending(slice_of(path), without);
    if (wanted == FORM_NONE && by_name == FORM_NONE) {
        (void)command_usage_error(args,
                                  "-o %s: which form is that? Names end in .html, .htm, .json or "
                                  ".txt; or say --html, --json or --text",
                                  path);
        return false;
    }
    if (wanted != FORM_NONE && by_name != FORM_NONE && by_name != wanted) {
        (void)command_usage_error(args, "--%s contradicts -o %s, whose ending says %s",
                                  form_words[wanted], path, form_words[by_name]);
        return false;
    }
    *ret = wanted == FORM_NONE ? by_name : wanted;
    return true;
}

static void write_form(struct report *r, enum form form, const struct cli_terminal *terminal,
                       struct buf *out)
{
    switch (form) {
    case FORM_HTML:
        html_page(r, out);
        break;
    case FORM_JSON:
        json_report(r, out);
        break;
    case FORM_NONE:
    case FORM_TEXT:
        text_report(r, terminal, out);
        break;
    }
}

static int write_to_file(const char *path, struct buf *out, int status)
{
    struct cb_err err;
    if (!buf_ok(out)) {
        status = cli_no_memory();
    } else if (output_file(path, buf_slice(out), &err) != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        status = EXIT_USAGE;
    }
    buf_free(out);
    return status;
}

static int write_to_stdout(enum form form, bool may_page, struct buf *out, int status)
{
    struct cli_out to;
    if (form != FORM_TEXT) {
        return cli_print(out, status);
    }
    if (!buf_ok(out)) {
        buf_free(out);
        return cli_no_memory();
    }
    cli_out_begin(&to, may_page ? CLI_PAGED : CLI_STRAIGHT);
    (void)cli_out_buf(&to, out);
    buf_free(out);
    return cli_out_end(&to, status);
}

static int write_out(struct report *r, const struct command_args *args, enum form form)
{
    struct buf out;
    const char *path = args_text(args, "output");
    const bool to_file = path != NULL && !slice_eq_str(SLICE("-"), path);
    struct cli_terminal terminal = cli_terminal();
    const int status = r->is_damaged ? EXIT_PROBLEM : EXIT_OK;
    if (to_file) {
        terminal = (struct cli_terminal){.is_utf8 = terminal.is_utf8};
    }
    buf_init(&out, CLI_OUTPUT_MAX);
    write_form(r, form, &terminal, &out);
    return to_file ? write_to_file(path, &out, status)
                   : write_to_stdout(form, !args_has(args, "no-pager"), &out, status);
}

static int make(struct report *r, const struct command_args *args, enum form form)
{
    struct cb_err err;
    if (report_collect(r, &err) != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return EXIT_USAGE;
    }
    if (r->is_damaged) {
        (void)fprintf(stderr, "certbroker: the report ends where the log is damaged: %s\n",
                      r->damage.msg);
    }
    report_read_state(r);
    report_add_diffs(r);
    report_finish(r);
    return write_out(r, args, form);
}

/* read_span - the last 30 days, where nothing else is said. */
static bool read_span(const struct command_args *args, int64_t now_us, int64_t *ret_since_us,
                      int64_t *ret_until_us)
{
    if (!cli_span(args, ret_since_us, ret_until_us)) {
        return false;
    }
    if (*ret_since_us >= now_us) {
        (void)command_usage_error(args, "--since is later than now: nothing has happened then");
        return false;
    }
    if (*ret_since_us == INT64_MIN) {
        const int64_t end_us = *ret_until_us == INT64_MAX ? now_us : *ret_until_us;
        *ret_since_us = end_us - DAYS_DEFAULT * DAY_US;
    }
    return true;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    const int64_t now_us = clock_wall_us(&cb_system_clock);
    struct cli_audit audit;
    int64_t since_us = 0;
    int64_t until_us = 0;
    enum form form = FORM_TEXT;
    if (!read_form(args, &form) || !read_span(args, now_us, &since_us, &until_us) ||
        !cli_audit_open(env, args, &audit)) {
        return EXIT_USAGE;
    }
    struct report *r = report_new(audit.dir, since_us, until_us, now_us);
    const int status = r == NULL ? cli_no_memory() : make(r, args, form);
    report_free(r);
    cli_audit_close(env, &audit);
    return status;
}

const struct command report_audit_report = {
    .name = "audit report",
    .summary = "what happened in a span of time, as a page, text or JSON",
    .options = options,
    .notes = "Reads the files of the log alone; the broker may be running. The page needs no "
             "server, no\n"
             "script and nothing from elsewhere.\n"
             "Exit status: 0 made, 1 made of a damaged log as far as that can be read, 2 cannot.\n",
    .run = run,
};
