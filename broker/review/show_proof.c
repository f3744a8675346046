/* show_proof.c - see show.h: that the record is in the log, worked out on the spot. */
#include "audit/seal/prove.h"
#include "broker/review/show.h"

#define TIME_LEN 8U
#define COSIGNATURE_LEN 72U
#define PROOF_MAX ((size_t)256 << 10)

/* witness_lines - whose cosignatures are on the note. Their keys are not known here: that they are good
 * is for `audit verify --witness` to say. */
static void witness_lines(struct sheet *s, const struct prover_note *at)
{
    struct note note;
    struct cb_err ignored;
    bool any = false;
    if (note_parse(at->bytes, &note, &ignored) != CB_OK) {
        return;
    }
    for (size_t i = 0; i < note.num; i++) {
        const struct note_signature *sig = &note.signatures[i];
        uint64_t time_s = 0;
        if (sig->len != COSIGNATURE_LEN) {
            continue;
        }
        for (size_t k = 0; k < TIME_LEN; k++) {
            time_s = time_s << 8 | sig->bytes[k];
        }
        sheet_begin(s, any ? "" : "witnessed");
        sheet_say(s, "by ");
        sheet_add(s, sig->name);
        sheet_say(s, " at ");
        sheet_time(s, time_s > INT64_MAX / 1000000 ? 0 : (int64_t)time_s * 1000000);
        sheet_end(s);
        any = true;
    }
    if (!any) {
        sheet_begin(s, "witnessed");
        sheet_say(s, "by nobody yet");
        sheet_end(s);
    }
}

static void proven_lines(struct sheet *s, uint64_t seq, const struct proven *proven)
{
    char root[SHA256_HEX_LEN + 1];
    const struct checkpoint *c = &proven->note->checkpoint;
    hex_encode(c->root, SHA256_LEN, root);
    sheet_begin(s, "in the log");
    sheet_coloured(s, s->c.good, SLICE("proven"));
    sheet_say(s, ": record %llu of the %llu that a checkpoint holds", (unsigned long long)seq,
              (unsigned long long)c->size);
    sheet_end(s);
    sheet_begin(s, "root");
    sheet_say(s, "%s", root);
    sheet_end(s);
    sheet_begin(s, "signed");
    sheet_say(s, "by ");
    sheet_add(s, slice_of(c->origin));
    sheet_end(s);
    witness_lines(s, proven->note);
}

static void prove(struct sheet *s, struct prover *prover, uint64_t seq)
{
    struct buf file;
    struct proven proven;
    struct cb_err err;
    buf_init(&file, PROOF_MAX);
    if (prover_record(prover, seq, &file, &proven, &err) == CB_OK) {
        proven_lines(s, seq, &proven);
    } else {
        sheet_begin(s, "in the log");
        sheet_coloured(s, err.code == CB_ENOENT ? s->c.warn : s->c.bad,
                       err.code == CB_ENOENT ? SLICE("not proven") : SLICE("NOT PROVEN"));
        sheet_say(s, ": ");
        sheet_add(s, slice_of(err.msg));
        sheet_end(s);
    }
    buf_free(&file);
}

void show_proof(struct sheet *s, const struct story *story)
{
    struct prover *prover = NULL;
    struct cb_err err;
    sheet_heading(s, "Proof");
    if (prover_open(story->where.dir, &prover, &err) == CB_OK) {
        prove(s, prover, row_last(story->main)->line.seq);
    } else {
        sheet_begin(s, "in the log");
        sheet_coloured(s, s->c.warn, SLICE("not proven"));
        sheet_say(s, ": ");
        sheet_add(s, slice_of(err.msg));
        sheet_end(s);
    }
    prover_close(prover);
}
