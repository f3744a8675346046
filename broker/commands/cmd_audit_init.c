/* cmd_audit_init.c - certbroker audit init: makes a log and the key that signs for it. */
#include "broker/commands/commands.h"

#include "audit/audit.h"
#include "audit/seal/keyfile.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* create - the key first: a log must be signed for from its first record on. If the log cannot be made
 * the key goes again; nothing was signed with it that anybody has. */
static enum cb_code create(const char *dir, const char *origin, const char *key_path,
                           char ret_vkey[NOTE_KEY_TEXT_MAX], struct cb_err *err)
{
    struct note_signer *key = NULL;
    TRY(keyfile_create(key_path, slice_of(origin), NOTE_LOG, &key, err));
    const enum cb_code code = audit_init_signed(dir, origin, key, err);
    if (code == CB_OK) {
        note_key_text(note_signer_key(key), ret_vkey);
    } else {
        (void)unlink(key_path);
    }
    note_signer_free(key);
    return code;
}

/* give - to a log that was made without a key. The key stays once it may have signed anything. */
static enum cb_code give(const char *dir, const char *origin, const char *key_path,
                         char ret_vkey[NOTE_KEY_TEXT_MAX], uint64_t *ret_size, struct cb_err *err)
{
    struct note_signer *key = NULL;
    bool begun = false;
    TRY(keyfile_create(key_path, slice_of(origin), NOTE_LOG, &key, err));
    const enum cb_code code = audit_give_key(dir, origin, key, ret_size, &begun, err);
    note_key_text(note_signer_key(key), ret_vkey);
    if (code != CB_OK && !begun) {
        (void)unlink(key_path);
    }
    note_signer_free(key);
    return code;
}

static bool has_log(const char *dir)
{
    char path[4096];
    struct stat st;
    const int len = snprintf(path, sizeof(path), "%s/state/origin", dir);
    return len > 0 && (size_t)len < sizeof(path) && lstat(path, &st) == 0;
}

static int run_give(const char *dir, const char *origin, const char *key_path)
{
    char vkey[NOTE_KEY_TEXT_MAX];
    uint64_t size = 0;
    struct stat st;
    struct cb_err err = {0};
    enum cb_code code =
        stat(dir, &st) == 0 && st.st_uid != geteuid()
            ? cb_fail(&err, CB_EINPUT, "%s belongs to uid %u: run this as that user", dir,
                      (unsigned)st.st_uid)
            : give(dir, origin, key_path, vkey, &size, &err);
    if (code != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return EXIT_PROBLEM;
    }
    (void)printf(
        "%s: audit log \"%s\" had no key and has one now. It vouches for records 0 to %llu as they "
        "are: what was changed in them before cannot be found\n"
        "%s: its signing key; certbroker.yaml names it as audit.key\n"
        "verifier key, to be pinned by whoever checks the log:\n%s\n",
        dir, origin, (unsigned long long)size - 1, key_path, vkey);
    return EXIT_OK;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    const char *dir = args_text(args, "dir");
    const char *origin = args_text(args, "origin");
    const char *key_path = args_text(args, "key");
    char vkey[NOTE_KEY_TEXT_MAX];
    struct cb_err err = {0};
    if (audit_origin_check(origin, &err) != CB_OK) {
        return command_usage_error(args, "--origin: \"%.80s\": %s", origin, err.msg);
    }
    if (has_log(dir)) {
        return run_give(dir, origin, key_path);
    }
    if (create(dir, origin, key_path, vkey, &err) != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return EXIT_PROBLEM;
    }
    (void)printf("%s: audit log \"%s\" created\n"
                 "%s: its signing key; certbroker.yaml names it as audit.key\n"
                 "verifier key, to be pinned by whoever checks the log:\n%s\n",
                 dir, origin, key_path, vkey);
    return EXIT_OK;
}

static const struct command_option options[] = {
    {.name = "dir",
     .is_required = true,
     .kind = VALUE_FILE,
     .value = "DIR",
     .help = "the audit log's directory, e.g. /var/lib/certbroker/audit"},
    {.name = "origin",
     .is_required = true,
     .kind = VALUE_TEXT,
     .value = "NAME",
     .help = "what the log is called for ever, e.g. broker1.acme.example"},
    {.name = "key",
     .is_required = true,
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "where to put the key that signs for the log; must not exist"},
    {.name = NULL}};

const struct command cmd_audit_init = {.name = "audit init",
                                       .summary = "create an audit log and its signing key",
                                       .options = options,
                                       .notes = "Run it as the user the broker runs as. The last "
                                                "line it prints is the log's verifier key:\n"
                                                "keep it where the log cannot reach.\n"
                                                "A log that was made without a key, by a version "
                                                "that had none, gets its first one so:\n"
                                                "name its directory and its name. Every record is "
                                                "read, and then signed for.\n"
                                                "Exit status: 0 done, 1 not, 2 wrong usage.\n",
                                       .run = run};
