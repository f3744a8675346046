/* prove.c - certbroker audit prove: one record as a file that proves itself to whoever has the log's
 * key. */
#include "audit/seal/prove.h"
#include "audit/tlog/proof_file.h"
#include "broker/cli/audit_source.h"
#include "broker/cli/output.h"
#include "broker/review/output_file.h"
#include "broker/review/prove_find.h"
#include "broker/review/review.h"

#include <errno.h>
#include <sys/stat.h>

#define PATH_LEN_MAX 4096U

static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "output",
     .letter = 'o',
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "write the proof there (default: standard output); with --all, a directory"},
    {.name = "all", .help = "every record about it, each into a file of its own in -o DIR"},
    {.name = NULL}};

/* say - what was done, beside the proof. */
static void say(const struct prover *p, uint64_t seq, const struct proven *proven)
{
    char key[NOTE_KEY_TEXT_MAX];
    const bool is_cosigned = proven->note == prover_cosigned(p);
    (void)snprintf(key, sizeof(key), "%s", proven->note->checkpoint.origin);
    (void)fprintf(stderr, "record %llu of %s: proven within the first %llu records, %s\n",
                  (unsigned long long)seq, key, (unsigned long long)proven->note->checkpoint.size,
                  is_cosigned ? "with a witness's cosignature"
                              : "signed by the log alone: no witness has cosigned that far");
    if (proven->tiles_wrong) {
        (void)fprintf(stderr,
                      "certbroker: warning: a hash tile of the log is damaged; the proof was made "
                      "from the records instead. `certbroker audit verify` finds it\n");
    }
}

static int status_of(enum cb_code code)
{
    return code == CB_ECORRUPT ? EXIT_PROBLEM : EXIT_USAGE;
}

static int fail(enum cb_code code, const struct cb_err *err)
{
    cli_complain("", err);
    return status_of(code);
}

/* prove_one - path: NULL for standard output. */
static int prove_one(struct prover *p, uint64_t seq, const char *path)
{
    struct buf out;
    struct proven proven;
    struct cb_err err;
    buf_init(&out, PROOF_FILE_MAX);
    enum cb_code code = prover_record(p, seq, &out, &proven, &err);
    if (code == CB_OK && path != NULL) {
        code = output_file_write(path, buf_slice(&out), &err);
    }
    if (code != CB_OK) {
        buf_free(&out);
        return fail(code, &err);
    }
    say(p, seq, &proven);
    if (path == NULL) {
        return cli_print(&out, EXIT_OK);
    }
    buf_free(&out);
    return EXIT_OK;
}

/* prove_all - into DIR/SEQ-TYPE.tlog-proof. */
static int prove_all(struct prover *p, const struct prove_found *found, const char *dir)
{
    struct cb_err err;
    if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
        return fail(cb_fail_errno(&err, "cannot make the directory %s", dir), &err);
    }
    for (size_t i = 0; i < found->num; i++) {
        char path[PATH_LEN_MAX];
        const char *type = found->by_number ? "record" : audit_type_word(found->list[i].type);
        const int len = snprintf(path, sizeof(path), "%s/%llu-%s.tlog-proof", dir,
                                 (unsigned long long)found->list[i].seq, type);
        if (len < 0 || (size_t)len >= sizeof(path)) {
            return fail(cb_fail(&err, CB_EINPUT, "-o: the name is too long"), &err);
        }
        const int status = prove_one(p, found->list[i].seq, path);
        if (status != EXIT_OK) {
            return status;
        }
        (void)printf("%s\n", path);
    }
    return EXIT_OK;
}

/* say_others - which of the records about it is proven, and that there are more. */
static void say_others(const struct prove_found *found)
{
    if (found->by_number || found->num == 1) {
        return;
    }
    (void)fprintf(stderr, "%zu records are about it; this is %llu, %s. The others:", found->num,
                  (unsigned long long)found->list[found->best].seq,
                  audit_type_word(found->list[found->best].type));
    for (size_t i = 0; i < found->num; i++) {
        if (i != found->best) {
            (void)fprintf(stderr, " %llu (%s)", (unsigned long long)found->list[i].seq,
                          audit_type_word(found->list[i].type));
        }
    }
    (void)fprintf(stderr, "; --all -o DIR proves each\n");
}

static int prove(const struct command_args *args, const char *dir)
{
    struct prove_found found;
    struct prover *p = NULL;
    struct cb_err err;
    const char *what = args_operand(args, 0);
    const char *path = args_text(args, "output");
    enum cb_code code = prove_find(dir, slice_of(what), &found, &err);
    if (code == CB_EINPUT) {
        return command_usage_error(args, "%s", err.msg);
    }
    code = code == CB_OK ? prover_open(dir, &p, &err) : code;
    if (code != CB_OK) {
        return fail(code, &err);
    }
    int status = EXIT_OK;
    if (args_has(args, "all")) {
        status = prove_all(p, &found, path);
    } else {
        say_others(&found);
        status = prove_one(p, found.list[found.best].seq, path);
    }
    prover_close(p);
    return status;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct cli_audit audit;
    if (args_has(args, "all") && !args_has(args, "output")) {
        return command_usage_error(args, "--all wants a directory for the proofs: -o DIR");
    }
    if (!cli_audit_open(env, args, &audit)) {
        return EXIT_USAGE;
    }
    const int status = prove(args, audit.dir);
    cli_audit_close(env, &audit);
    return status;
}

const struct command review_audit_prove = {
    .name = "audit prove",
    .summary = "prove one record to somebody who does not have the log",
    .operands = "RECORD|SERIAL|REQUEST",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .notes =
        "Of a serial or request id the first 8 digits will do.\n"
        "Writes a C2SP .tlog-proof: the record, the path through the hash tree and the signed\n"
        "checkpoint. Of several records about a certificate or a request it takes what came of it\n"
        "(issue.ok before revoke.ok before other outcomes). `certbroker audit check-proof` checks "
        "it\n"
        "with the log's verifier key and nothing else.\n"
        "Exit status: 0 proven, 1 the log is not what was signed, 2 cannot (no such record, not\n"
        "yet sealed, wrong arguments).\n",
    .run = run,
};
