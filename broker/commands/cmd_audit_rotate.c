/* cmd_audit_rotate.c - certbroker audit rotate-key: gives a log another signing key.
 *
 * It writes the log itself, which has one writer, so the broker must be stopped: the lock says so. That
 * is simpler to be sure of than changing the key under a running broker, and it needs a new
 * certbroker.yaml anyway. */
#include "broker/commands/commands.h"

#include "audit/audit.h"
#include "audit/seal/keyfile.h"
#include "broker/commands/version.h"
#include "broker/config/config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct rotation {
    const char *dir, *old_path, *new_path;
    struct note_signer *old_key, *new_key;
    struct audit *audit;
};

/* check_user - what root writes the broker could not read afterwards. */
static enum cb_code check_user(const char *dir, struct cb_err *err)
{
    struct stat st;
    if (stat(dir, &st) != 0) {
        return cb_fail_errno(err, "%s", dir);
    }
    if (st.st_uid != geteuid()) {
        return cb_fail(err, CB_EINPUT, "%s belongs to uid %u: run this as that user", dir,
                       (unsigned)st.st_uid);
    }
    return CB_OK;
}

static enum cb_code open_log(struct rotation *r, struct cb_err *err)
{
    struct audit_recovery recovery = {0};
    struct cb_err why;
    TRY(check_user(r->dir, err));
    TRY(keyfile_read(r->old_path, &r->old_key, err));
    const struct audit_options options = {
        .dir = r->dir, .version = CERTBROKER_VERSION, .key = r->old_key};
    const enum cb_code code = audit_open(&options, &r->audit, &recovery, &why);
    audit_recovery_free(&recovery);
    if (code != CB_OK) {
        return cb_fail(err, code, "%s%s", why.msg,
                       code == CB_EBUSY ? ": stop the broker first" : "");
    }
    return CB_OK;
}

static enum cb_code rotate(struct rotation *r, struct cb_err *err)
{
    struct cb_err why;
    TRY(open_log(r, err));
    const char *name = note_signer_key(r->old_key)->name;
    TRY(keyfile_create(r->new_path, slice_of(name), NOTE_LOG, &r->new_key, err));
    const enum cb_code code = audit_rotate_key(r->audit, r->new_key, &why);
    if (code != CB_OK) {
        return cb_fail(err, code,
                       "%s (%s stays: `certbroker audit verify` says which key the log has now)",
                       why.msg, r->new_path);
    }
    return CB_OK;
}

static int finish(struct rotation *r, enum cb_code code, const struct cb_err *err)
{
    char vkey[NOTE_KEY_TEXT_MAX];
    audit_close(r->audit);
    if (code == CB_OK) {
        note_key_text(note_signer_key(r->new_key), vkey);
        (void)printf(
            "%s: from now on the key in %s signs; name it as audit.key in certbroker.yaml\n"
            "%s: no longer needed once the broker runs with the new one\n"
            "verifier key; whoever pinned the one before is led to it by the log:\n%s\n",
            r->dir, r->new_path, r->old_path, vkey);
    } else {
        (void)fprintf(stderr, "certbroker: %s\n", err->msg);
    }
    note_signer_free(r->old_key);
    note_signer_free(r->new_key);
    return code == CB_OK ? EXIT_OK : EXIT_PROBLEM;
}

static int run_with(const char *dir, const char *key, const struct command_args *args)
{
    struct rotation r = {.dir = dir, .old_path = key, .new_path = args_text(args, "new")};
    struct cb_err err = {0};
    const enum cb_code code = rotate(&r, &err);
    return finish(&r, code, &err);
}

static int run_with_config(const struct command_args *args)
{
    struct config *config = NULL;
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        return EXIT_USAGE;
    }
    const enum cb_code code = config_load(args_config(args), diags, &config);
    diag_print(diags, stderr);
    diag_free(diags);
    if (code != CB_OK) {
        return EXIT_USAGE;
    }
    const int status = run_with(config->audit_dir, config->audit_key, args);
    config_free(config);
    return status;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    const char *audit = args_text(args, "audit");
    const char *dir = audit == NULL ? args_text(args, "dir") : audit;
    if (audit != NULL && args_has(args, "dir")) {
        return command_usage_error(args, "--dir is another name of --audit: give one of them");
    }
    if (dir == NULL && !args_has(args, "key")) {
        return run_with_config(args);
    }
    if (dir == NULL || !args_has(args, "key")) {
        return command_usage_error(args, "--audit and --key go together");
    }
    return run_with(dir, args_text(args, "key"), args);
}

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    {.name = "audit", .kind = VALUE_FILE, .value = "DIR", .help = "the log, instead of --config"},
    {.name = "dir", .kind = VALUE_FILE, .value = "DIR", .help = "another name of --audit"},
    {.name = "key",
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "the key it has now, instead of --config"},
    {.name = "new",
     .is_required = true,
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "where to put the new key; must not exist"},
    {.name = NULL}};

const struct command cmd_audit_rotate_key = {
    .name = "audit rotate-key",
    .summary = "give an audit log a new signing key",
    .options = options,
    .notes = "Stop the broker first, and run it as the user the broker runs as.\n",
    .run = run};
