/* witness_add.c - one submission: read, checked in the order of C2SP tlog-witness, kept, cosigned.
 *
 * Nothing leaves before it is on the disk: if the process dies in between, the log asks again, is told
 * the size that was kept (409), and goes on from there. */
#include "broker/witness/witness_core.h"

#include <stdarg.h>
#include <stdio.h>

#define ANSWER_MAX (NOTE_BYTES_MAX + 1024U)
#define EVIDENCE_NAME_MAX 128U
#define WARN_EVERY_S 60U

static void answer_new(struct witness_answer *a, int status, const char *content_type)
{
    *a = (struct witness_answer){.status = status, .content_type = content_type};
    buf_init(&a->body, ANSWER_MAX);
}

void witness_answer_text(struct witness_answer *a, int status, const char *fmt, ...)
{
    va_list ap;
    answer_new(a, status, "text/plain; charset=utf-8");
    va_start(ap, fmt);
    (void)vsnprintf(a->message, sizeof(a->message), fmt, ap);
    va_end(ap);
    buf_add_str(&a->body, a->message);
    buf_add_char(&a->body, '\n');
}

/* answer_conflict - 409: the size that was kept, in the form that the client reads. */
static void answer_conflict(struct witness_answer *a, const struct witness_log *log)
{
    answer_new(a, 409, "text/x.tlog.size");
    buf_add_u64(&a->body, log->latest.size);
    buf_add_char(&a->body, '\n');
}

/* alarm - what the security team must hear of, however the client is answered. */
static void __attribute__((format(printf, 2, 3)))
alarm_set(struct witness_answer *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(a->message, sizeof(a->message), fmt, ap);
    va_end(ap);
    a->is_alarm = true;
}

static struct witness_log *find_log(const struct witness *w, const char *origin)
{
    for (size_t i = 0; i < w->num_logs; i++) {
        if (strcmp(w->logs[i].origin, origin) == 0) {
            return &w->logs[i];
        }
    }
    return NULL;
}

struct submission {
    struct add_checkpoint add;
    struct note note;
    struct checkpoint checkpoint;
    struct witness_log *log;
    size_t key; /* of the log's keys: whose signature is on it */
};

/* check_signature - by a key of the log, and by none that was followed by another: whoever finds a
 * retired key must not be able to write the log on. */
static bool check_signature(struct submission *s, struct witness_answer *ret)
{
    const struct witness_log *log = s->log;
    if (!witness_log_signed(log, &s->note, &s->key)) {
        witness_answer_text(ret, 403,
                            "no key of %.128s that this witness knows has signed the checkpoint",
                            log->origin);
        return false;
    }
    if (s->key < log->newest_key) {
        witness_answer_text(ret, 403,
                            "the checkpoint is signed by a retired key of %.128s, %08x: a key "
                            "that is listed behind it, %08x, has signed the newest one",
                            log->origin, (unsigned)log->keys[s->key].id,
                            (unsigned)log->keys[log->newest_key].id);
        return false;
    }
    return true;
}

/* read_submission - who is it about, and did that log sign it? */
static bool read_submission(const struct witness *w, struct slice body, struct submission *s,
                            struct witness_answer *ret)
{
    struct cb_err err = {0};
    if (add_checkpoint_parse(body, &s->add, &err) != CB_OK) {
        witness_answer_text(ret, 400, "not an add-checkpoint request: %s", err.msg);
        return false;
    }
    if (note_parse(s->add.note, &s->note, &err) != CB_OK ||
        checkpoint_parse(s->note.text, &s->checkpoint, &err) != CB_OK) {
        witness_answer_text(ret, 400, "the checkpoint is not one: %s", err.msg);
        return false;
    }
    s->log = find_log(w, s->checkpoint.origin);
    if (s->log == NULL) {
        witness_answer_text(ret, 404, "this witness does not know the log %.128s",
                            s->checkpoint.origin);
        return false;
    }
    return check_signature(s, ret);
}

static bool root_is(const struct checkpoint *c, const unsigned char root[SHA256_LEN])
{
    return memcmp(c->root, root, SHA256_LEN) == 0;
}

/* proof_holds - that the checkpoint continues what was cosigned, of the same or a smaller size. */
static bool proof_holds(struct witness *w, const struct submission *s)
{
    const struct checkpoint *now = &s->checkpoint;
    const struct checkpoint *before = &s->log->latest;
    if (s->add.old == 0) {
        unsigned char empty[SHA256_LEN];
        merkle_sha256(&w->sha, SLICE(""), empty);
        return s->add.proof.num == 0 && (now->size > 0 || root_is(now, empty));
    }
    if (s->add.old == now->size) {
        return s->add.proof.num == 0 && root_is(now, before->root);
    }
    return proof_check_consistency(&w->sha, &s->add.proof, s->add.old, now->size, before->root,
                                   now->root);
}

/* keep_evidence - of the first few: one is enough to convict. */
static enum cb_code keep_evidence(struct witness *w, const struct submission *s, const char *name,
                                  struct cb_err *err)
{
    bool is_new = false;
    if (s->log->num_evidence == WITNESS_EVIDENCE_MAX) {
        return cb_fail(err, CB_ELIMIT, "%u of this log were kept since the start",
                       WITNESS_EVIDENCE_MAX);
    }
    TRY(store_keep_evidence(&w->store, name, s->add.note, &is_new, err));
    s->log->num_evidence += is_new ? 1 : 0;
    return CB_OK;
}

/* contradicted - a key of the log has signed something that does not go with what was cosigned. */
static void contradicted(struct witness *w, const struct submission *s, const char *what,
                         struct witness_answer *ret)
{
    struct cb_err err = {0};
    char root[17];
    char name[EVIDENCE_NAME_MAX];
    hex_encode(s->checkpoint.root, 8, root);
    (void)snprintf(name, sizeof(name), "%s-%llu-%s.note", s->log->id,
                   (unsigned long long)s->checkpoint.size, root);
    const bool is_kept = keep_evidence(w, s, name, &err) == CB_OK;
    alarm_set(ret, "%.128s: a checkpoint of %llu records that its key signed %s; %s%.150s",
              s->log->origin, (unsigned long long)s->checkpoint.size, what,
              is_kept ? "kept as evidence/" : "not kept: ", is_kept ? name : err.msg);
}

/* unproven - a proof that does not hold says nothing about the log: anybody can put one to a genuine
 * checkpoint. What is a contradiction is a proof of the opposite, which nobody can make but of a log
 * whose key signed two histories. */
static void unproven(struct witness *w, const struct submission *s, uint64_t now_s,
                     struct witness_answer *ret)
{
    struct witness_log *log = s->log;
    const struct checkpoint *now = &s->checkpoint;
    witness_answer_text(ret, 422,
                        "%.128s: the proof does not show that %llu records continue the %llu that "
                        "were cosigned",
                        log->origin, (unsigned long long)now->size,
                        (unsigned long long)log->latest.size);
    if (proof_check_fork(&w->sha, &s->add.proof, s->add.old, now->size, log->latest.root,
                         now->root)) {
        contradicted(w, s, "continues other records than those that were cosigned", ret);
    } else if (log->warned_s == 0 || now_s - log->warned_s >= WARN_EVERY_S) {
        log->warned_s = now_s;
        ret->is_warning = true;
    }
}

static bool check_against_last(struct witness *w, const struct submission *s, uint64_t now_s,
                               struct witness_answer *ret)
{
    const struct checkpoint *now = &s->checkpoint;
    const struct checkpoint *before = &s->log->latest;
    if (s->add.old > now->size) {
        witness_answer_text(ret, 400, "old %llu is larger than the checkpoint's size, %llu",
                            (unsigned long long)s->add.old, (unsigned long long)now->size);
        return false;
    }
    if (s->add.old != before->size) {
        answer_conflict(ret, s->log);
        return false;
    }
    if (now->size > 0 && now->size == before->size && !root_is(now, before->root)) {
        answer_conflict(ret, s->log);
        contradicted(w, s, "has another root than the one of that size that was cosigned", ret);
        return false;
    }
    if (!proof_holds(w, s)) {
        unproven(w, s, now_s, ret);
        return false;
    }
    return true;
}

/* note_with - the note as it is kept: the text, the signature of the log, ours. Signatures by others
 * are left out: whether they are good is not ours to say. */
static enum cb_code note_with(const struct submission *s, struct slice cosignature, struct buf *out,
                              struct cb_err *err)
{
    const struct note_key *key = &s->log->keys[s->key];
    buf_add_slice(out, s->note.text);
    buf_add_char(out, '\n');
    for (size_t i = 0; i < s->note.num; i++) {
        const struct note_signature *signature = &s->note.signatures[i];
        if (signature->id == key->id && slice_eq_str(signature->name, key->name)) {
            buf_add_slice(out, signature->line);
        }
    }
    buf_add_slice(out, cosignature);
    return buf_ok(out) ? CB_OK : cb_fail(err, CB_ELIMIT, "the checkpoint is too long to be kept");
}

/* keep_and_answer - cosign, keep, and only then say so. */
static enum cb_code keep_and_answer(struct witness *w, const struct submission *s, uint64_t now_s,
                                    struct buf *line, struct buf *note, struct cb_err *err)
{
    TRY(note_sign(s->note.text, w->signer, now_s, line, err));
    TRY(note_with(s, buf_slice(line), note, err));
    TRY(store_replace(&w->store, s->log->id, buf_slice(note), err));
    buf_free(&s->log->note);
    s->log->note = *note;
    buf_init(note, 0);
    s->log->latest = s->checkpoint;
    s->log->newest_key = s->key;
    s->log->is_seen = true;
    return CB_OK;
}

void witness_add(struct witness *w, struct slice body, uint64_t now_s, struct witness_answer *ret)
{
    struct submission s = {.log = NULL};
    struct cb_err err = {0};
    struct buf note;
    if (!read_submission(w, body, &s, ret) || !check_against_last(w, &s, now_s, ret)) {
        return;
    }
    struct witness_answer a;
    answer_new(&a, 200, "text/plain; charset=utf-8");
    buf_init(&note, NOTE_BYTES_MAX);
    if (keep_and_answer(w, &s, now_s, &a.body, &note, &err) != CB_OK) {
        buf_free(&a.body);
        witness_answer_text(&a, 500, "the checkpoint cannot be kept, so it is not cosigned");
        alarm_set(&a, "%.128s: cannot keep a checkpoint: %.200s", s.log->origin, err.msg);
    }
    buf_free(&note);
    *ret = a;
}

void witness_get(const struct witness *w, struct slice path, struct witness_answer *ret)
{
    char wanted[WITNESS_LOG_PATH_MAX];
    for (size_t i = 0; i < w->num_logs; i++) {
        const struct witness_log *log = &w->logs[i];
        (void)snprintf(wanted, sizeof(wanted), "/%s/checkpoint", log->id);
        if (!slice_eq_str(path, wanted)) {
            continue;
        }
        if (!log->is_seen) {
            witness_answer_text(ret, 404, "nothing of this log was cosigned yet");
            return;
        }
        answer_new(ret, 200, "text/plain; charset=utf-8");
        buf_add_slice(&ret->body, buf_slice(&log->note));
        return;
    }
    witness_answer_text(ret, 404,
                        "nothing is here: POST /add-checkpoint, GET /<SHA-256 of a log's name in "
                        "hex>/checkpoint, GET /healthz");
}
