/* verify.c - certbroker audit verify: is the log whole? Looking is audit/verify/'s. */
#include "audit/verify/verify.h"

#include "broker/cli/audit_source.h"
#include "broker/cli/output.h"
#include "broker/cli/progress.h"
#include "broker/review/review.h"
#include "broker/review/verify_inputs.h"
#include "broker/review/verify_print.h"

#include <stdlib.h>

#define EXIT_UNKNOWN 3 /* it cannot be told whether the log is whole */

static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "key",
     .kind = VALUE_TEXT,
     .value = "KEY",
     .help = "the log's verifier key, noted when it was made: NAME+ID+..., or file:PATH"},
    {.name = "checkpoint",
     .many = true,
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "a checkpoint saved earlier: the log must continue it"},
    {.name = "witness",
     .many = true,
     .kind = VALUE_TEXT,
     .value = "URL",
     .help = "a witness: the log must continue the newest checkpoint it has seen"},
    {.name = "witness-key",
     .many = true,
     .kind = VALUE_TEXT,
     .value = "KEY",
     .help = "the verifier key of that witness, or file:PATH; once for each --witness"},
    {.name = "witness-ca",
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "PEM: who may have signed the witnesses' TLS certificates"},
    {.name = "threads",
     .kind = VALUE_TEXT,
     .value = "N",
     .help = "read with so many (default: one for each processor)"},
    {.name = "quick",
     .help = "of the checkpoints in the log's history check the newest one's signature alone; all "
             "roots are compared all the same"},
    CLI_JSON_OPTION,
    {.name = "quiet", .letter = 'q', .help = "print nothing but the first thing that is wrong"},
    {.name = NULL}};

/* ---- progress ---- */

static struct cli_progress_at read_progress(void *ctx)
{
    struct verify_progress *p = ctx;
    const uint64_t notes = atomic_load(&p->total_notes);
    if (notes > 0) {
        return (struct cli_progress_at){
            .what = "checking signatures", .done = atomic_load(&p->notes), .total = notes};
    }
    return (struct cli_progress_at){.what = "reading",
                                    .done = atomic_load(&p->bytes),
                                    .total = atomic_load(&p->total_bytes),
                                    .is_bytes = true};
}

/* ---- the command ---- */

static int say_unknown(const struct cb_err *err)
{
    cli_complain("cannot tell whether the log is whole: ", err);
    return EXIT_UNKNOWN;
}

static int print(const struct command_args *args, const struct verify_report *report,
                 const struct verify_inputs *in)
{
    const int status = report->verdict == VERIFY_INTACT ? EXIT_OK : EXIT_PROBLEM;
    const struct verify_against against = {
        .saved = in->saved, .witnesses = in->num - in->saved, .quick = args_has(args, "quick")};
    struct buf out;
    buf_init(&out, CLI_OUTPUT_MAX);
    if (args_has(args, "json")) {
        verify_print_json(report, &against, &out);
    } else if (args_has(args, "quiet")) {
        verify_print_first(report, &out);
    } else {
        verify_print_text(report, &against, &out);
    }
    return cli_print(&out, status);
}

static int verify(const struct command_args *args, const char *dir, const struct verify_inputs *in,
                  unsigned threads)
{
    struct verify_progress progress = {0};
    struct verify_report *report = calloc(1, sizeof(*report));
    struct cli_progress bar;
    struct cb_err err;
    const struct verify_options o = {.dir = dir,
                                     .key = in->has_key ? &in->key : NULL,
                                     .outside = in->outside,
                                     .num_outside = in->num,
                                     .threads = threads,
                                     .quick = args_has(args, "quick"),
                                     .progress = &progress};
    if (report == NULL) {
        (void)cb_fail(&err, CB_ENOMEM, "out of memory");
        return say_unknown(&err);
    }
    cli_progress_begin(&bar, read_progress, &progress);
    const enum cb_code code = verify_log(&o, report, &err);
    cli_progress_end(&bar);
    const int status = code == CB_OK ? print(args, report, in) : say_unknown(&err);
    free(report);
    return status;
}

static bool take_threads(const struct command_args *args, unsigned *ret)
{
    const char *text = args_text(args, "threads");
    uint64_t number = 0;
    if (text != NULL &&
        (!slice_to_u64(slice_of(text), &number) || number == 0 || number > VERIFY_THREADS_MAX)) {
        (void)command_usage_error(args, "--threads: \"%s\" is not a number of 1 to %u", text,
                                  VERIFY_THREADS_MAX);
        return false;
    }
    *ret = (unsigned)number;
    return true;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct cli_audit audit;
    struct verify_inputs in;
    struct cb_err err;
    unsigned threads = 0;
    if (!take_threads(args, &threads) || !cli_audit_open(env, args, &audit)) {
        return EXIT_USAGE;
    }
    /* Witnesses first: what they have seen, the log had before. */
    const enum cb_code code = verify_inputs_read(args, audit.dir, &in, &err);
    int status = EXIT_OK;
    if (code == CB_OK) {
        status = verify(args, audit.dir, &in, threads);
        verify_inputs_free(&in);
    } else {
        status = code == CB_EINPUT ? command_usage_error(args, "%s", err.msg) : say_unknown(&err);
    }
    cli_audit_close(env, &audit);
    return status;
}

const struct command review_audit_verify = {
    .name = "audit verify",
    .summary = "is the audit log whole: every record, the hash tree, signatures, witnesses",
    .options = options,
    .notes = "Works beside a running broker, and on copies.\n"
             "Exit status: 0 intact, 1 tampered with, 2 usage, 3 it cannot be told.\n",
    .run = run};
