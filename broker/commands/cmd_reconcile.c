/* cmd_reconcile.c - certbroker audit reconcile: the log held against the CA's own database. The work is
 * broker/reconcile's; what the running broker is to record or revoke goes to it over the control socket
 * (cmd_reconcile_tell.c). */
#include "broker/commands/cmd_reconcile.h"

#include "broker/base/clock.h"
#include "broker/ca/answer.h"
#include "broker/cli/audit_source.h"
#include "broker/cli/output.h"
#include "broker/cli/progress.h"
#include "broker/commands/commands.h"
#include "broker/config/config.h"

#include <inttypes.h>
#include <stdio.h>

#define WINDOW_DEFAULT_S 120U /* where no certbroker.yaml says how long a call may take */
#define BACKDATE_DEFAULT_S 300U
#define SECONDS_MAX 31622400U /* a year */

/* ---- options ---- */

static bool read_seconds(const struct command_args *args, const char *name, uint64_t *io)
{
    const char *text = args_text(args, name);
    if (text != NULL && (!slice_to_u64(slice_of(text), io) || *io > SECONDS_MAX)) {
        (void)command_usage_error(args, "--%s: \"%s\" is no number of seconds up to %u", name, text,
                                  SECONDS_MAX);
        return false;
    }
    return true;
}

static bool read_times(const struct command_args *args, const struct config *config,
                       struct reconcile_options *ret)
{
    uint64_t window_s = WINDOW_DEFAULT_S;
    uint64_t backdate_s = BACKDATE_DEFAULT_S;
    const char *before = args_text(args, "ignore-before");
    if (config != NULL) {
        window_s = (config->ca.timeout_ms + config->request.queue_timeout_ms) / 1000 + 1;
    }
    if (!cli_span(args, &ret->since_us, &ret->until_us) ||
        !read_seconds(args, "window", &window_s) || !read_seconds(args, "backdate", &backdate_s)) {
        return false;
    }
    ret->before_us = INT64_MIN;
    if (before != NULL && !cli_time(before, &ret->before_us)) {
        (void)command_usage_error(args,
                                  "--ignore-before: \"%s\" is no time: write 2026-07-01 or "
                                  "2026-07-01T12:00:00Z",
                                  before);
        return false;
    }
    ret->window_us = (int64_t)window_s * 1000000;
    ret->backdate_us = (int64_t)backdate_s * 1000000;
    ret->now_us = clock_wall_us(&cb_system_clock);
    return true;
}

/* read_akis - in lower case and without colons, whatever way they were given. */
static bool read_akis(const struct command_args *args, char texts[RECONCILE_AKIS_MAX][65],
                      struct reconcile_options *ret)
{
    const char *text = NULL;
    for (size_t i = 0; (text = args_nth(args, "aki", i)) != NULL; i++) {
        if (i == RECONCILE_AKIS_MAX) {
            (void)command_usage_error(args, "--aki: at most %u of them", RECONCILE_AKIS_MAX);
            return false;
        }
        if (!reconcile_aki(slice_of(text), texts[i])) {
            (void)command_usage_error(args,
                                      "--aki: \"%s\" is no key identifier: hex, as `openssl x509 "
                                      "-noout -ext subjectKeyIdentifier` of the CA prints it",
                                      text);
            return false;
        }
        ret->akis[ret->num_akis++] = texts[i];
    }
    return true;
}

static bool read_source(const struct command_args *args, const struct config *config,
                        struct reconcile_options *ret)
{
    struct cb_err err = {0};
    ret->certdb = args_text(args, "certdb");
    ret->password = args_text(args, "password");
    ret->known_path = args_text(args, "known");
    if (ret->certdb != NULL && args_has(args, "certinfo")) {
        (void)command_usage_error(args, "--certdb and --certinfo: give only one of them");
        return false;
    }
    if (ret->certdb == NULL && !args_has(args, "certinfo")) {
        (void)command_usage_error(args, "where is the CA's side? Give --certdb FILE|URL, or "
                                        "--certinfo to ask the CA itself");
        return false;
    }
    if (ret->certdb == NULL && config == NULL) {
        (void)command_usage_error(args, "--certinfo needs -c FILE: it says where the CA is");
        return false;
    }
    if (ret->certdb == NULL) {
        ret->kind = RECONCILE_CERTINFO;
        ret->ca = &config->ca;
    } else if (reconcile_kind_of(ret->certdb, &ret->kind, &err) != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return false;
    }
    if (ret->password != NULL && ret->kind != RECONCILE_POSTGRES) {
        (void)command_usage_error(args, "--password is for --certdb postgresql://...");
        return false;
    }
    return true;
}

/* ---- running ---- */

/* look - on the display's thread. */
static struct cli_progress_at look(void *ctx)
{
    static const char *const what[] = {[RECONCILE_READING_LOG] = "reading the log",
                                       [RECONCILE_READING_CA] = "reading the CA's certificates",
                                       [RECONCILE_SETTLING] = "comparing"};
    struct reconcile_progress *p = ctx;
    return (struct cli_progress_at){.what = what[atomic_load(&p->phase)],
                                    .done = atomic_load(&p->done)};
}

static enum cb_code run_shown(struct reconcile_options *options, struct reconcile_result *ret,
                              struct cb_err *err)
{
    struct reconcile_progress at = {0};
    struct cli_progress shown;
    options->progress = &at;
    cli_progress_begin(&shown, look, &at);
    const enum cb_code code = reconcile_run(options, ret, err);
    cli_progress_end(&shown);
    options->progress = NULL;
    return code;
}

static enum cb_code set_up(const struct reconcile_options *options, struct cb_err *err)
{
    if (options->kind == RECONCILE_CERTINFO) {
        TRY(ca_setup(err));
        ca_answer_setup();
    }
    return CB_OK;
}

/* warn - of options that leave something out: a finding that is not made looks like none. */
static void warn(const struct reconcile_options *options, const struct reconcile_result *result)
{
    struct buf left;
    for (size_t i = 0; i < options->num_akis; i++) {
        if (!result->is_aki_met[i]) {
            (void)fprintf(stderr,
                          "certbroker: --aki %s: no certificate at the CA or in the log is signed "
                          "by that key: is it right?\n",
                          options->akis[i]);
        }
    }
    if (result->num_before_claimed > 0) {
        (void)fprintf(stderr,
                      "certbroker: warning: that %" PRIu64
                      " of the certificates at the CA are older "
                      "than the log only their notBefore says, which can be chosen: look at them "
                      "(before)\n",
                      result->num_before_claimed);
    }
    buf_init(&left, CLI_OUTPUT_MAX);
    const uint64_t num = reconcile_left_out(result, &left);
    if (num > 0) {
        (void)fprintf(stderr,
                      "certbroker: of %" PRIu64 " certificates at the CA %" PRIu64
                      " were not held against the log: %.*s\n",
                      result->num_rows, num, (int)left.len, left.data);
    }
    buf_free(&left);
}

static int show(const struct command_args *args, const char *dir,
                const struct reconcile_result *result, const struct reconcile_telling *told)
{
    struct buf out;
    buf_init(&out, CLI_OUTPUT_MAX);
    if (args_has(args, "json")) {
        buf_add_char(&out, '{');
        reconcile_json_members(result, dir, &out);
        reconcile_telling_json(told, &out);
        buf_add_str(&out, "}\n");
    } else {
        reconcile_print(result, dir, &out);
        reconcile_telling_print(told, &out);
    }
    const bool is_wrong =
        args_has(args, "new") ? reconcile_num_new(result) > 0 : reconcile_has_problems(result);
    const bool is_bad = is_wrong || told->num_failed > 0;
    return cli_print(&out, is_bad ? EXIT_PROBLEM : EXIT_OK);
}

static int compare(const struct command_args *args, const struct cli_audit *audit,
                   struct reconcile_options *options, const struct reconcile_orders *orders)
{
    struct cb_err err = {0};
    struct reconcile_result result;
    struct reconcile_telling told = {0};
    enum cb_code code = set_up(options, &err);
    if (code == CB_OK) {
        code = run_shown(options, &result, &err);
    }
    if (code != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return EXIT_USAGE;
    }
    warn(options, &result);
    int status = EXIT_USAGE;
    if (reconcile_tell(orders, options, &result, &told)) {
        status = show(args, audit->dir, &result, &told);
    }
    reconcile_telling_free(&told);
    reconcile_free(&result);
    return status;
}

static int run_with(const struct command_args *args, const struct cli_audit *audit)
{
    const struct config *config = audit->has_config ? audit->config.config : NULL;
    struct reconcile_options options = {.audit_dir = audit->dir};
    struct reconcile_orders orders = {0};
    char akis[RECONCILE_AKIS_MAX][65];
    if (!read_times(args, config, &options) || !read_akis(args, akis, &options) ||
        !read_source(args, config, &options) || !reconcile_read_orders(args, config, &orders)) {
        return EXIT_USAGE;
    }
    return compare(args, audit, &options, &orders);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct cli_audit audit;
    if (!cli_audit_open(env, args, &audit)) {
        return EXIT_USAGE;
    }
    const int status = run_with(args, &audit);
    cli_audit_close(env, &audit);
    return status;
}

/* clang-format off */
static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "certdb", .kind = VALUE_FILE, .value = "FILE|URL",
     .help = "the CA's certificate database: an SQLite file, a CSV dump of the table, or "
             "postgresql://USER@HOST/DB"},
    {.name = "password", .kind = VALUE_TEXT, .value = "file:PATH|env:NAME",
     .help = "where the password for PostgreSQL is"},
    {.name = "certinfo",
     .help = "ask the CA about each certificate instead; cannot find what the log does not know"},
    CLI_SPAN_OPTIONS,
    {.name = "ignore-before", .kind = VALUE_TEXT, .value = "TIME",
     .help = "a certificate issued before then need not be in the log (default: where the log begins), "
             "unless the CA stored it after one that is in the log: then its date is not believed"},
    {.name = "aki", .many = true, .kind = VALUE_TEXT, .value = "HEX",
     .help = "of certificates that the log does not know, only those signed by the CA key with this "
             "identifier (default: by any)"},
    {.name = "known", .kind = VALUE_FILE, .value = "FILE",
     .help = "serial numbers that are meant to be issued past the broker, a line each"},
    {.name = "window", .kind = VALUE_TEXT, .value = "SECONDS",
     .help = "how long after its attempt a certificate may be issued (default: as -c says, or 120)"},
    {.name = "backdate", .kind = VALUE_TEXT, .value = "SECONDS",
     .help = "how far the CA sets notBefore back (default 300, which is CFSSL's)"},
    {.name = "new",
     .help = "exit status 1 only for problems that no earlier run has recorded"},
    {.name = "record",
     .help = "have the running broker write the outcome into the log"},
    {.name = "revoke", .many = true, .kind = VALUE_TEXT, .value = "orphans|bypass|SERIAL",
     .help = "have the running broker revoke what was found; without --yes only say what that is"},
    {.name = "yes", .help = "with --revoke: do it"},
    {.name = "reason", .kind = VALUE_TEXT, .value = "WORD",
     .help = "with --revoke: RFC 5280's reason (default superseded)"},
    {.name = "why", .kind = VALUE_TEXT, .value = "TEXT",
     .help = "with --revoke or --record: goes into the log"},
    {.name = "max", .kind = VALUE_TEXT, .value = "N",
     .help = "with --revoke: at most so many certificates (default 100)"},
    CLI_JSON_OPTION,
    {.name = NULL}};
/* clang-format on */

const struct command cmd_audit_reconcile = {
    .name = "audit reconcile",
    .summary = "compare the log with the CA's own database",
    .options = options,
    .notes =
        "Reads both and changes neither; beside a running CFSSL, too. --record and --revoke go "
        "through the running\nbroker, which writes down who wanted it.\n"
        "Exit status: 0 both agree, 1 they do not (or a revocation failed), 2 cannot compare.\n"
        "For a run each night: --record --new. What it finds it records, and is silent about from "
        "then on;\n`audit report` goes on listing what is open.\n",
    .run = run,
};
