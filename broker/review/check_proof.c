/* check_proof.c - certbroker audit check-proof: what audit prove wrote, checked by somebody who has the
 * log's key and no log. */
#include "audit/read/reader.h"
#include "broker/base/file.h"
#include "broker/cli/output.h"
#include "broker/review/check_proof_parts.h"
#include "broker/review/key_option.h"
#include "broker/review/review.h"

static const struct command_option options[] = {
    {.name = "key",
     .letter = 'k',
     .is_required = true,
     .many = true,
     .kind = VALUE_TEXT,
     .value = "KEY",
     .help = "the log's verifier key, or file:PATH: one of these must have signed"},
    {.name = "witness",
     .letter = 'w',
     .many = true,
     .kind = VALUE_TEXT,
     .value = "KEY",
     .help = "a witness's verifier key, or file:PATH: it must have cosigned"},
    CLI_JSON_OPTION,
    {.name = NULL}};

static enum cb_code read_keys(const struct command_args *args, const char *option,
                              enum note_type type, struct note_key *keys, size_t *ret_num,
                              struct cb_err *err)
{
    const char *text = NULL;
    size_t num = 0;
    while ((text = args_nth(args, option, num)) != NULL) {
        if (num == CHECK_KEYS_MAX) {
            return cb_fail(err, CB_EINPUT, "--%s: more than %u keys", option, CHECK_KEYS_MAX);
        }
        TRY(key_option_read(option, text, type, &keys[num], err));
        num++;
    }
    *ret_num = num;
    return CB_OK;
}

/* open_by_any - the checkpoint, signed by one of the keys. What is said if none did is said of the last
 * one, which is the only one as a rule. */
static enum cb_code open_by_any(struct slice bytes, const struct check_keys *keys,
                                struct note *ret_note, struct check_result *r, struct cb_err *err)
{
    enum cb_code code = CB_EINPUT;
    for (size_t i = 0; code != CB_OK && i < keys->num_logs; i++) {
        code = checkpoint_open(bytes, &keys->logs[i], ret_note, &r->checkpoint, err);
        r->log = &keys->logs[i];
    }
    return code;
}

static enum cb_code check_witnesses(const struct note *note, struct check_keys *keys,
                                    struct cb_err *err)
{
    for (size_t i = 0; i < keys->num_witnesses; i++) {
        const struct note_key *key = &keys->witnesses[i];
        switch (note_verify(note, key, &keys->seen_s[i])) {
        case NOTE_GOOD:
            break;
        case NOTE_UNSIGNED:
            return cb_fail(err, CB_ECRYPTO, "the witness %s+%08x has not cosigned it", key->name,
                           key->id);
        case NOTE_BAD:
            return cb_fail(err, CB_ECRYPTO, "the cosignature of the witness %s+%08x is wrong",
                           key->name, key->id);
        }
    }
    return CB_OK;
}

static enum cb_code check_path(const struct proof_file *f, const struct checkpoint *c,
                               struct cb_err *err)
{
    struct merkle m;
    unsigned char leaf[SHA256_LEN];
    TRY(merkle_init(&m, err));
    merkle_leaf(&m, f->extra, leaf);
    const bool is_in = proof_check_inclusion(&m, &f->proof, c->size, f->index, leaf, c->root);
    merkle_free(&m);
    if (!is_in) {
        return cb_fail(
            err, CB_ECRYPTO,
            "the record is not number %llu of the %llu that the checkpoint covers: it, its "
            "number or the path was changed",
            (unsigned long long)f->index, (unsigned long long)c->size);
    }
    return CB_OK;
}

/* check_number - what the record says of itself is not another number. */
static enum cb_code check_number(const struct proof_file *f, struct cb_err *err)
{
    uint64_t seq = 0;
    uint64_t floor = 0;
    enum audit_type type = AUDIT_SEGMENT_OPEN;
    struct cb_err ignored;
    if (audit_line_check(f->extra, &seq, &floor, &type, &ignored) == CB_OK && seq != f->index) {
        return cb_fail(err, CB_EINPUT,
                       "the record says that it is number %llu, but it stands at %llu",
                       (unsigned long long)seq, (unsigned long long)f->index);
    }
    return CB_OK;
}

static bool is_by(const struct note_signature *s, const struct note_key *key)
{
    return s->id == key->id && slice_eq_str(s->name, key->name);
}

/* count_others - signatures that nobody looked at. */
static size_t count_others(const struct note *note, const struct check_keys *keys,
                           const struct note_key *log)
{
    size_t num = 0;
    for (size_t i = 0; i < note->num; i++) {
        bool known = is_by(&note->signatures[i], log);
        for (size_t k = 0; k < keys->num_witnesses; k++) {
            known = known || is_by(&note->signatures[i], &keys->witnesses[k]);
        }
        num += !known;
    }
    return num;
}

static enum cb_code check(struct slice bytes, struct check_keys *keys, struct buf *extra,
                          struct check_result *r, struct cb_err *err)
{
    struct proof_file f;
    struct note note;
    TRY(proof_file_parse(bytes, extra, &f, err));
    if (f.extra.ptr == NULL) {
        return cb_fail(err, CB_EINPUT, "the proof has no record in it (\"extra\" in line 2)");
    }
    TRY(open_by_any(f.note, keys, &note, r, err));
    TRY(check_path(&f, &r->checkpoint, err));
    TRY(check_witnesses(&note, keys, err));
    TRY(check_number(&f, err));
    r->index = f.index;
    r->record = f.extra;
    r->num_others = count_others(&note, keys, r->log);
    r->good = true;
    return CB_OK;
}

/* other_key - the last signature by a key that is called like one of the log's; NULL: there is none, or one
 * of the log's own has signed. */
static const struct note_signature *other_key(const struct note *note,
                                              const struct check_keys *keys)
{
    const struct note_signature *other = NULL;
    for (size_t i = 0; i < note->num * keys->num_logs; i++) {
        const struct note_signature *s = &note->signatures[i / keys->num_logs];
        const struct note_key *key = &keys->logs[i % keys->num_logs];
        if (is_by(s, key)) {
            return NULL;
        }
        other = slice_eq_str(s->name, key->name) ? s : other;
    }
    return other;
}

/* hint_at_rotation - none of the keys has signed it, but another of the same name: it may be a later key of
 * the log. It need not: whoever forges one can call it so. */
static void hint_at_rotation(struct slice bytes, const struct check_keys *keys)
{
    struct buf extra = {0};
    struct proof_file f;
    struct note note;
    struct cb_err ignored;
    if (proof_file_parse(bytes, &extra, &f, &ignored) == CB_OK &&
        note_parse(f.note, &note, &ignored) == CB_OK) {
        const struct note_signature *other = other_key(&note, keys);
        if (other != NULL) {
            (void)fprintf(stderr,
                          "certbroker: a key of that name, +%08x, has signed it: the log's key may "
                          "have been rotated. `certbroker audit verify` with the old key follows "
                          "rotations; what it names as the newest key is a further --key\n",
                          other->id);
        }
    }
    buf_free(&extra);
}

static int print(const struct command_args *args, const struct check_keys *keys,
                 const struct check_result *r)
{
    struct buf out;
    const char *path = args_operand(args, 0);
    buf_init(&out, CLI_OUTPUT_MAX);
    if (args_has(args, "json")) {
        check_print_json(path, keys, r, &out);
    } else {
        check_print(path, keys, r, &out);
    }
    return cli_print(&out, r->good ? EXIT_OK : EXIT_PROBLEM);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct check_keys keys = {.num_logs = 0};
    struct check_result result = {.good = false};
    struct buf bytes = {0};
    struct buf extra = {0};
    struct cb_err err;
    (void)env;
    enum cb_code code = read_keys(args, "key", NOTE_LOG, keys.logs, &keys.num_logs, &err);
    if (code == CB_OK) {
        code = read_keys(args, "witness", NOTE_WITNESS, keys.witnesses, &keys.num_witnesses, &err);
    }
    if (code == CB_OK) {
        code = file_read(args_operand(args, 0), FILE_PUBLIC, PROOF_FILE_MAX, &bytes, &err);
    }
    if (code != CB_OK) {
        cli_complain("", &err);
        return EXIT_USAGE;
    }
    if (check(buf_slice(&bytes), &keys, &extra, &result, &err) != CB_OK) {
        result = (struct check_result){.why = err.msg};
        hint_at_rotation(buf_slice(&bytes), &keys);
    }
    const int status = print(args, &keys, &result);
    buf_free(&extra);
    buf_free(&bytes);
    return status;
}

const struct command review_audit_check_proof = {
    .name = "audit check-proof",
    .summary = "check a record's proof with the log's key; needs no log",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .notes =
        "A log that was given a new key (audit rotate-key) signs with that from then on: pin the "
        "old "
        "and the\nnew one. `certbroker audit verify` with the old key follows the rotation, and "
        "says which it is.\n"
        "Exit status: 0 good, 1 not good, 2 cannot tell (wrong arguments, unreadable file).\n",
    .run = run,
};
