/* submit.c - see submit.h. The exchange of C2SP tlog-witness, seen from the log.
 *
 * A witness may know more of us than we remember: it keeps a checkpoint before it answers. So a 409 is
 * ordinary, as long as the size it names is one that we have. When it is not, or when a proof is not
 * accepted (422), the witness's own note is fetched. It is an alarm only if our log's key signed that
 * note, and if we cannot continue it: a status can be made up, and so can a note by the witness alone;
 * one that lies must not be able to stop the broker. */
#include "broker/anchor/submit.h"

#include "audit/tlog/add_checkpoint.h"
#include "broker/anchor/fetch.h"

#include <stdio.h>

#define ANSWER_MAX 16384U
#define TRIES_MAX 4U

struct answer {
    long status;
    struct buf body;
};

static enum cb_code post(struct submit *s, uint64_t old, uint64_t size, struct slice note,
                         struct answer *ret, struct cb_err *err)
{
    struct add_checkpoint add = {.old = old, .note = note};
    struct buf body;
    if (old > 0 && old < size) {
        TRY(s->log->consistency(s->log->ctx, old, size, &add.proof, err));
    }
    buf_init(&body, ADD_CHECKPOINT_MAX);
    add_checkpoint_text(&add, &body);
    enum cb_code code = buf_ok(&body) ? CB_OK : cb_fail(err, CB_ELIMIT, "the request is too long");
    if (code == CB_OK) {
        code = anchor_http_run(s->http, ADD_CHECKPOINT_PATH, buf_slice(&body), &ret->status,
                               &ret->body, err);
    }
    buf_free(&body);
    return code;
}

/* ---- a contradiction, or not ---- */

/* continues - that what the witness signed is the beginning of our log. */
static bool continues(const struct submit *s, const struct checkpoint *seen,
                      const struct checkpoint *ours)
{
    struct proof proof = {.num = 0};
    struct merkle m;
    struct cb_err ignored = {0};
    if (seen->size > ours->size) {
        return false;
    }
    if (seen->size == 0) {
        return true;
    }
    if (seen->size == ours->size) {
        return memcmp(seen->root, ours->root, SHA256_LEN) == 0;
    }
    if (s->log->consistency(s->log->ctx, seen->size, ours->size, &proof, &ignored) != CB_OK ||
        merkle_init(&m, &ignored) != CB_OK) {
        return true; /* we cannot tell, so we do not say it */
    }
    const bool ok =
        proof_check_consistency(&m, &proof, seen->size, ours->size, seen->root, ours->root);
    merkle_free(&m);
    return ok;
}

/* shown - what the witness has signed, if the log has, too; it counts for nothing else. */
static enum cb_code shown(const struct submit *s, const struct checkpoint *ours,
                          struct checkpoint *ret, uint64_t *ret_time_s, struct cb_err *err)
{
    const struct fetch_options options = {.url = s->witness->url, .ca_file = s->witness->ca_file};
    struct buf bytes;
    struct note note;
    bool is_ours = false;
    TRY(fetch_checkpoint(&options, &s->witness->key, slice_of(ours->origin), ret, ret_time_s,
                         &bytes, err));
    const enum cb_code code = note_parse(buf_slice(&bytes), &note, err);
    if (code == CB_OK) {
        is_ours = s->log->has_signed(s->log->ctx, &note);
    }
    buf_free(&bytes);
    TRY(code);
    return is_ours ? CB_OK
                   : cb_fail(err, CB_ECRYPTO,
                             "it shows a checkpoint of %llu records that this "
                             "log's key did not sign",
                             (unsigned long long)ret->size);
}

/* contradiction - the witness answered as one does who has seen something else. Has it? */
static enum submit_result contradiction(const struct submit *s, const struct checkpoint *ours,
                                        const char *what, uint64_t *ret_seen, struct cb_err *err)
{
    struct checkpoint seen;
    struct cb_err why = {0};
    uint64_t time_s = 0;
    char when[21];
    char root[2 * SHA256_LEN + 1];
    char our_root[2 * SHA256_LEN + 1];
    if (shown(s, ours, &seen, &time_s, &why) != CB_OK) {
        (void)cb_fail(err, CB_ESYS, "%s, so it says, without proof: %.240s", what, why.msg);
        return SUBMIT_FAILED;
    }
    *ret_seen = seen.size;
    if (continues(s, &seen, ours)) {
        (void)cb_fail(err, CB_ESYS,
                      "%s, but what it has signed, %llu records, is the beginning of this log: "
                      "asking again",
                      what, (unsigned long long)seen.size);
        return SUBMIT_FAILED;
    }
    time_format_s((int64_t)time_s, when);
    hex_encode(seen.root, SHA256_LEN, root);
    hex_encode(ours->root, SHA256_LEN, our_root);
    (void)cb_fail(err, CB_ECORRUPT,
                  "%s: at %s it signed %llu records with the root %.16s.., as this log's key did; "
                  "this log has %llu with %.16s..",
                  what, when, (unsigned long long)seen.size, root, (unsigned long long)ours->size,
                  our_root);
    return SUBMIT_SPLIT;
}

/* ---- answers ---- */

static bool read_size(struct slice body, uint64_t *ret)
{
    return body.len > 0 && body.ptr[body.len - 1] == '\n' &&
           slice_to_u64((struct slice){body.ptr, body.len - 1}, ret);
}

/* refused - a status that no try of ours can change. */
static enum submit_result refused(const struct answer *a, struct cb_err *err)
{
    const char *hint = "";
    if (a->status == 403) {
        hint = ": it does not know the key of this log, or knows it as retired; add the verifier "
               "key there (after a rotation, the new one)";
    } else if (a->status == 404) {
        hint = ": it does not know this log; add its name and verifier key there";
    }
    (void)cb_fail(err, CB_ESYS, "status %ld%s", a->status, hint);
    return SUBMIT_FAILED;
}

static enum submit_result cosigned(struct submit *s, struct slice note, const struct answer *a,
                                   uint64_t size, struct buf *line, struct cb_err *err)
{
    struct note parsed;
    struct slice found;
    if (note_parse(note, &parsed, err) != CB_OK ||
        cosignature_find(parsed.text, buf_slice(&a->body), &s->witness->key, &found, err) !=
            CB_OK) {
        return SUBMIT_FAILED;
    }
    buf_add_slice(line, found);
    s->known_size = size;
    return SUBMIT_COSIGNED;
}

enum step { STEP_AGAIN, STEP_DONE };

/* conflict - 409: it names the size that it has. */
static enum step conflict(struct submit *s, const struct answer *a, const struct checkpoint *ours,
                          uint64_t old, uint64_t *ret_seen, enum submit_result *ret,
                          struct cb_err *err)
{
    uint64_t size = 0;
    *ret = SUBMIT_FAILED;
    if (!read_size(buf_slice(&a->body), &size)) {
        (void)cb_fail(err, CB_EINPUT, "status 409 without the size that it has seen");
        return STEP_DONE;
    }
    *ret_seen = size;
    if (size > ours->size) {
        *ret = contradiction(s, ours, "it has seen more records than this log has", ret_seen, err);
        return STEP_DONE;
    }
    if (size == old && size == ours->size) {
        *ret = contradiction(s, ours, "it has seen another log of the same size", ret_seen, err);
        return STEP_DONE;
    }
    if (size == old) {
        (void)cb_fail(err, CB_EINPUT, "status 409, and yet it has the size that we named");
        return STEP_DONE;
    }
    s->forgot_size = size < old ? old : s->forgot_size;
    s->known_size = size;
    return STEP_AGAIN;
}

static enum step one_try(struct submit *s, struct slice note, const struct checkpoint *ours,
                         struct buf *line, uint64_t *ret_seen, enum submit_result *ret,
                         struct cb_err *err)
{
    struct answer a = {.status = 0};
    /* What we remember may be of a log that was longer; then it says so itself. */
    const uint64_t old = s->known_size <= ours->size ? s->known_size : 0;
    enum step step = STEP_DONE;
    buf_init(&a.body, ANSWER_MAX);
    *ret = SUBMIT_FAILED;
    if (post(s, old, ours->size, note, &a, err) == CB_OK) {
        if (a.status == 200) {
            *ret = cosigned(s, note, &a, ours->size, line, err);
        } else if (a.status == 409) {
            step = conflict(s, &a, ours, old, ret_seen, ret, err);
        } else if (a.status == 422) {
            *ret = contradiction(s, ours,
                                 "it does not accept that this log continues what it has seen",
                                 ret_seen, err);
        } else {
            *ret = refused(&a, err);
        }
    }
    buf_free(&a.body);
    return step;
}

enum submit_result submit_run(struct submit *s, struct slice note,
                              const struct checkpoint *checkpoint, struct buf *line,
                              uint64_t *ret_seen, struct cb_err *err)
{
    enum submit_result result = SUBMIT_FAILED;
    *ret_seen = 0;
    s->forgot_size = 0;
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        if (one_try(s, note, checkpoint, line, ret_seen, &result, err) == STEP_DONE) {
            return result;
        }
    }
    (void)cb_fail(err, CB_ESYS,
                  "it names another size each time (409): does another broker write "
                  "a log of this name?");
    return SUBMIT_FAILED;
}
