/* checkpoint.c - certbroker audit checkpoint: the newest checkpoint of a log, to be kept elsewhere. */
#include "audit/seal/prove.h"
#include "broker/base/base64.h"
#include "broker/base/clock.h"
#include "broker/cli/audit_source.h"
#include "broker/cli/output.h"
#include "broker/review/review.h"

static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "cosigned", .help = "the newest that a witness has cosigned, with its cosignatures"},
    CLI_JSON_OPTION,
    {.name = NULL}};

static uint64_t cosignature_time(const struct note_signature *s)
{
    uint64_t time_s = 0;
    for (size_t i = 0; i < 8; i++) {
        time_s = time_s << 8 | s->bytes[i];
    }
    return time_s;
}

static bool is_cosignature(const struct note_signature *s)
{
    return s->len == sizeof(s->bytes) && cosignature_time(s) <= INT64_MAX / 1000000;
}

/* say_cosigned - by whom and when; the witnesses' keys are not known here. */
static void say_cosigned(const struct prover_note *note, uint64_t behind)
{
    struct note parsed;
    struct cb_err ignored;
    if (note_parse(note->bytes, &parsed, &ignored) != CB_OK) {
        return;
    }
    for (size_t i = 0; i < parsed.num; i++) {
        const struct note_signature *s = &parsed.signatures[i];
        char time[21];
        if (!is_cosignature(s)) {
            continue;
        }
        time_format_s((int64_t)cosignature_time(s), time);
        (void)fprintf(stderr, "cosigned: the first %llu records, by %.*s at %s (%llu %s behind)\n",
                      (unsigned long long)note->checkpoint.size, (int)s->name.len, s->name.ptr,
                      time, (unsigned long long)behind, behind == 1 ? "record" : "records");
    }
}

static void say(const struct prover *p)
{
    const struct prover_note *newest = prover_newest(p);
    const struct prover_note *cosigned = prover_cosigned(p);
    uint64_t records = 0;
    struct cb_err err;
    if (prover_num_records(p, &records, &err) == CB_OK && records >= newest->checkpoint.size) {
        const uint64_t behind = records - newest->checkpoint.size;
        (void)fprintf(stderr, "signed: the first %llu records of %s (%llu %s behind)\n",
                      (unsigned long long)newest->checkpoint.size, newest->checkpoint.origin,
                      (unsigned long long)behind, behind == 1 ? "record" : "records");
    } else {
        (void)fprintf(stderr, "signed: the first %llu records of %s\n",
                      (unsigned long long)newest->checkpoint.size, newest->checkpoint.origin);
    }
    if (cosigned->bytes.ptr != NULL) {
        say_cosigned(cosigned, newest->checkpoint.size - cosigned->checkpoint.size);
    } else {
        (void)fprintf(stderr, "cosigned: by no witness yet\n");
    }
}

static void add_note_json(struct buf *out, const char *name, const struct prover_note *note)
{
    struct buf root;
    cli_json_key(out, name);
    if (note->bytes.ptr == NULL) {
        buf_add_str(out, "null");
        return;
    }
    buf_init(&root, 64);
    buf_add_base64(&root, note->checkpoint.root, SHA256_LEN);
    buf_add_char(out, '{');
    cli_json_u64(out, "size", note->checkpoint.size);
    cli_json_slice(out, "root", buf_slice(&root));
    cli_json_slice(out, "note", note->bytes);
    buf_add_char(out, '}');
    buf_free(&root);
}

static void add_json(struct buf *out, const struct prover *p)
{
    uint64_t records = 0;
    struct cb_err ignored;
    buf_add_char(out, '{');
    cli_json_text(out, "origin", prover_newest(p)->checkpoint.origin);
    if (prover_num_records(p, &records, &ignored) == CB_OK) {
        cli_json_u64(out, "records", records);
    }
    add_note_json(out, "signed", prover_newest(p));
    add_note_json(out, "cosigned", prover_cosigned(p));
    buf_add_str(out, "}\n");
}

static int print(const struct command_args *args, const struct prover *p)
{
    struct buf out;
    const struct prover_note *note =
        args_has(args, "cosigned") ? prover_cosigned(p) : prover_newest(p);
    buf_init(&out, CLI_OUTPUT_MAX);
    if (args_has(args, "json")) {
        add_json(&out, p);
        return cli_print(&out, EXIT_OK);
    }
    say(p);
    if (note->bytes.ptr == NULL) {
        return EXIT_PROBLEM;
    }
    buf_add_slice(&out, note->bytes);
    return cli_print(&out, EXIT_OK);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct cli_audit audit;
    struct prover *p = NULL;
    struct cb_err err;
    if (!cli_audit_open(env, args, &audit)) {
        return EXIT_USAGE;
    }
    const enum cb_code code = prover_open(audit.dir, &p, &err);
    int status = code == CB_ECORRUPT ? EXIT_PROBLEM : EXIT_USAGE;
    if (code != CB_OK) {
        cli_complain("", &err);
    } else {
        status = print(args, p);
    }
    prover_close(p);
    cli_audit_close(env, &audit);
    return status;
}

const struct command review_audit_checkpoint = {
    .name = "audit checkpoint",
    .summary = "print the newest signed checkpoint, to be kept where the log is not",
    .options = options,
    .notes =
        "The checkpoint goes to standard output as it is, a C2SP signed note; how far it and the\n"
        "witnesses are behind goes to standard error.\n"
        "Exit status: 0 printed, 1 there is no such checkpoint, or it is not signed by the log's\n"
        "key, 2 cannot.\n",
    .run = run,
};
