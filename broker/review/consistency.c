/* consistency.c - certbroker audit consistency: that the newer of two saved checkpoints continues the
 * older one. */
#include "audit/seal/prove.h"
#include "broker/base/base64.h"
#include "broker/base/file.h"
#include "broker/cli/audit_source.h"
#include "broker/cli/output.h"
#include "broker/review/output_file.h"
#include "broker/review/review.h"

static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "output",
     .letter = 'o',
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "write the proof there (default: standard output)"},
    {.name = NULL}};

/* A saved checkpoint. */
struct saved {
    const char *path;
    struct buf bytes;
    struct checkpoint checkpoint;
};

static enum cb_code read_saved(const struct prover *p, const char *path, struct saved *ret,
                               struct cb_err *err)
{
    struct cb_err why;
    ret->path = path;
    TRY(file_read(path, FILE_PUBLIC, NOTE_BYTES_MAX, &ret->bytes, err));
    const enum cb_code code = prover_open_note(p, buf_slice(&ret->bytes), &ret->checkpoint, &why);
    return code == CB_OK ? CB_OK : cb_fail(err, code, "%s: %s", path, why.msg);
}

/* add_proof - as C2SP tlog-witness has it in an add-checkpoint request, so that any witness takes it. */
static void add_proof(struct buf *out, const struct saved *old, const struct saved *new,
                      const struct proof *proof)
{
    buf_printf(out, "old %llu\n", (unsigned long long)old->checkpoint.size);
    for (size_t i = 0; i < proof->num; i++) {
        buf_add_base64(out, proof->hashes[i], SHA256_LEN);
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
    buf_add_slice(out, buf_slice(&new->bytes));
}

static enum cb_code prove(struct prover *p, const struct saved *old, const struct saved *new,
                          struct buf *out, struct cb_err *err)
{
    struct proof proof;
    if (old->checkpoint.size > new->checkpoint.size) {
        return cb_fail(err, CB_EINPUT,
                       "%s has %llu records and %s only %llu: give the older one first", old->path,
                       (unsigned long long)old->checkpoint.size, new->path,
                       (unsigned long long)new->checkpoint.size);
    }
    TRY(prover_consistency(p, &old->checkpoint, &new->checkpoint, &proof, err));
    add_proof(out, old, new, &proof);
    return buf_ok(out) ? CB_OK : cb_fail(err, CB_ENOMEM, "no memory for a proof");
}

/* make - into *out; what was proven is said on stderr. */
static enum cb_code make(const struct command_args *args, const char *dir, struct buf *out,
                         struct cb_err *err)
{
    struct prover *p = NULL;
    struct saved old = {.path = NULL};
    struct saved new = {.path = NULL};
    TRY(prover_open(dir, &p, err));
    enum cb_code code = read_saved(p, args_operand(args, 0), &old, err);
    if (code == CB_OK) {
        code = read_saved(p, args_operand(args, 1), &new, err);
    }
    if (code == CB_OK) {
        code = prove(p, &old, &new, out, err);
    }
    if (code == CB_OK && args_text(args, "output") != NULL) {
        code = output_file_write(args_text(args, "output"), buf_slice(out), err);
    }
    if (code == CB_OK) {
        (void)fprintf(stderr, "the %llu records of %s begin with the %llu of %s\n",
                      (unsigned long long)new.checkpoint.size, new.path,
                      (unsigned long long)old.checkpoint.size, old.path);
    }
    prover_close(p);
    buf_free(&old.bytes);
    buf_free(&new.bytes);
    return code;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct cli_audit audit;
    struct buf out;
    struct cb_err err;
    if (!cli_audit_open(env, args, &audit)) {
        return EXIT_USAGE;
    }
    buf_init(&out, CLI_OUTPUT_MAX);
    const enum cb_code code = make(args, audit.dir, &out, &err);
    cli_audit_close(env, &audit);
    if (code == CB_OK && args_text(args, "output") == NULL) {
        return cli_print(&out, EXIT_OK);
    }
    buf_free(&out);
    if (code != CB_OK) {
        cli_complain("", &err);
    }
    return code == CB_OK                               ? EXIT_OK
           : code == CB_ECORRUPT || code == CB_ECRYPTO ? EXIT_PROBLEM
                                                       : EXIT_USAGE;
}

const struct command review_audit_consistency = {
    .name = "audit consistency",
    .summary = "prove that one saved checkpoint continues another",
    .operands = "OLD NEW",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .notes =
        "Both are signed checkpoints as `certbroker audit checkpoint` prints them. The proof is "
        "an\n"
        "add-checkpoint request of C2SP tlog-witness: any witness that cosigned OLD takes it.\n"
        "Exit status: 0 NEW continues OLD, 1 it does not, or a checkpoint is not signed by the "
        "log,\n"
        "2 cannot.\n",
    .run = run,
};
