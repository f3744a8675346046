/* cmd_doctor.c - certbroker audit doctor: what state a log is in, in words; and, when somebody takes it upon
 * himself, opening a log whose unsigned end is damaged. */
#include "broker/commands/commands.h"

#include "audit/audit.h"
#include "audit/keep/doctor.h"
#include "audit/seal/keyfile.h"
#include "broker/cli/audit_source.h"
#include "broker/cli/escape.h"
#include "broker/cli/output.h"
#include "broker/cli/terminal.h"
#include "broker/commands/version.h"
#include "broker/config/config.h"
#include "broker/control/control_line.h"
#include "broker/issued/issued.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "archive",
     .kind = VALUE_FILE,
     .value = "DIR",
     .help = "where copies of damaged segments may be (default: audit.archive_to)"},
    {.name = "accept-loss",
     .kind = VALUE_TEXT,
     .value = "REASON",
     .help = "give up what keeps the log from opening; the log then says so, and why"},
    CLI_JSON_OPTION,
    {.name = NULL}};

struct report {
    struct buf out;
    bool json;
    size_t problems;
};

static void say(void *ctx, enum doctor_level level, const char *what, const char *advice)
{
    static const char *const words[] = {"good", "note", "problem"};
    static const char *const marks[] = {"  ", "- ", "! "};
    struct report *r = ctx;
    r->problems += level == DOCTOR_PROBLEM ? 1 : 0;
    if (r->json) {
        cli_json_item(&r->out);
        buf_add_char(&r->out, '{');
        cli_json_text(&r->out, "level", words[level]);
        cli_json_text(&r->out, "what", what);
        cli_json_text(&r->out, "advice", advice);
        buf_add_char(&r->out, '}');
        return;
    }
    const enum cli_charset charset = cli_terminal().is_utf8 ? CLI_UTF8 : CLI_ASCII;
    buf_add_str(&r->out, marks[level]);
    cli_add_escaped(&r->out, slice_of(what), charset);
    if (advice != NULL) {
        buf_add_str(&r->out, "\n    -> ");
        cli_add_escaped(&r->out, slice_of(advice), charset);
    }
    buf_add_char(&r->out, '\n');
}

static int look(const struct command_args *args, const char *dir, const struct config *config)
{
    struct report r = {.json = args_has(args, "json")};
    struct cb_err err;
    const char *archive = args_text(args, "archive");
    /* --audit with -c is a copy, to be looked at as that file has it. */
    const bool is_own = config != NULL && strcmp(dir, config->audit_dir) == 0;
    const struct doctor_options o = {
        .dir = dir,
        .key = !is_own ? NULL : config->audit_key,
        .archive = archive != NULL || config == NULL ? archive : config->audit_archive_to,
        .soft_free_bytes = config == NULL ? 0 : config->audit_soft_free_bytes,
        .hard_free_bytes = config == NULL ? 0 : config->audit_hard_free_bytes,
        .say = say,
        .ctx = &r};
    buf_init(&r.out, CLI_OUTPUT_MAX);
    buf_add_str(&r.out, r.json ? "{\"findings\":[" : "");
    if (doctor_look(&o, &err) != CB_OK) {
        buf_free(&r.out);
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return EXIT_USAGE;
    }
    if (r.json) {
        buf_printf(&r.out, "],\"problems\":%zu}\n", r.problems);
    } else if (r.problems == 0) {
        buf_add_str(&r.out, "nothing to be done. Whether it is genuine: certbroker audit verify\n");
    }
    return cli_print(&r.out, r.problems == 0 ? EXIT_OK : EXIT_PROBLEM);
}

/* ---- accepting a loss ---- */

/* check_user - what root writes the broker could not read afterwards. */
static enum cb_code check_user(const char *dir, struct cb_err *err)
{
    struct stat st;
    if (stat(dir, &st) != 0) {
        return cb_fail_errno(err, "%s", dir);
    }
    return st.st_uid == geteuid()
               ? CB_OK
               : cb_fail(err, CB_EINPUT, "%s belongs to uid %u: run this as that user", dir,
                         (unsigned)st.st_uid);
}

static enum cb_code open_accepting(const char *dir, const char *key_path, const char *reason,
                                   struct audit_recovery *ret, struct cb_err *err)
{
    char by[64];
    struct note_signer *key = NULL;
    struct audit *audit = NULL;
    (void)snprintf(by, sizeof(by), "uid %u, pid %d, the broker stopped", (unsigned)geteuid(),
                   (int)getpid());
    TRY(check_user(dir, err));
    TRY(keyfile_read(key_path, &key, err));
    const struct audit_accept accept = {.by = by, .note = reason};
    const struct audit_options o = {
        .dir = dir, .version = CERTBROKER_VERSION, .key = key, .accept_loss = &accept};
    const enum cb_code code = audit_open(&o, &audit, ret, err);
    if (code == CB_OK) {
        audit_close(audit);
    }
    note_signer_free(key);
    return code;
}

static int accept_loss(const char *dir, const struct config *config, const char *reason)
{
    struct audit_recovery recovery = {0};
    struct cb_err err;
    if (open_accepting(dir, config->audit_key, reason, &recovery, &err) != CB_OK) {
        (void)fprintf(stderr,
                      "certbroker: %s\n  the loss was not accepted: `certbroker audit doctor` "
                      "without it says what can be done\n",
                      err.msg);
        return EXIT_PROBLEM;
    }
    /* It knows of what was given up, and would keep the log from opening. */
    if (recovery.lost && issued_remove(config->index_path, &err) != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s: remove it before the next start\n", err.msg);
    }
    if (!recovery.lost) {
        (void)printf("the log opens as it is: nothing was given up\n");
    } else if (recovery.lost_last == UINT64_MAX) {
        (void)printf(
            "given up: everything from record %llu on. The log goes on there, and its record of "
            "type audit.loss says so\n",
            (unsigned long long)recovery.lost_first);
    } else {
        (void)printf(
            "given up: what was numbered %llu to %llu. The log goes on there, and its record of "
            "type audit.loss says so\n",
            (unsigned long long)recovery.lost_first, (unsigned long long)recovery.lost_last);
    }
    audit_recovery_free(&recovery);
    return EXIT_OK;
}

static int run_with(const struct command_args *args, const struct cli_audit *audit)
{
    const char *reason = args_text(args, "accept-loss");
    struct cb_err err;
    if (reason == NULL) {
        return look(args, audit->dir, audit->config.config);
    }
    if (!audit->has_config) {
        return command_usage_error(args, "--accept-loss needs -c FILE, which names the log's key");
    }
    if (control_reason_check(slice_of(reason), &err) != CB_OK) {
        return command_usage_error(args, "--accept-loss: %s", err.msg);
    }
    return accept_loss(audit->dir, audit->config.config, reason);
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

const struct command cmd_audit_doctor = {
    .name = "audit doctor",
    .summary = "what state an audit log is in, what is damaged, what can be done",
    .options = options,
    .notes = "Without --accept-loss it changes nothing and works beside a running broker. "
             "--accept-loss wants\n"
             "the broker stopped. It gives up only what no signed checkpoint covers; what was "
             "damaged stays in\n"
             "its file, and `audit verify` goes on telling of it.\n"
             "Exit status: 0 all is well, 1 something should be done, 2 cannot look.\n",
    .run = run,
};
