/* server_anchor.c - joins the audit log and its witnesses: what is asked before the log is opened, what
 * each new checkpoint sets off, and what an alarm does. What is said to a witness is broker/anchor's.
 *
 * The threads of the anchor outlive the log, so that its very last checkpoint is shown, too; proofs
 * come from the log's files then as before. Only records of alarms need it open. */
#include "broker/server/server_parts.h"

#include "audit/io.h"
#include "audit/read/reader.h"
#include "audit/seal/hashes.h"
#include "audit/seal/vkeys.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define FINISH_MS 5000U
#define ORIGIN_FILE_MAX 256U

struct server_anchor {
    struct server *server;
    struct anchor *anchor;
    uint64_t segments_told; /* on the sealer's thread */
    pthread_mutex_t lock;   /* of audit: held while a record is made */
    struct audit *audit;    /* NULL: not open any more */
};

/* ---------------------------------------------------------------- the log's files */

static enum cb_code consistency(void *ctx, uint64_t old, uint64_t size, struct proof *ret,
                                struct cb_err *err)
{
    const struct server_anchor *sa = ctx;
    struct hashes *h = NULL;
    TRY(hashes_open(sa->server->config->audit_dir, size, HASHES_FROM_TILES, &h, err));
    const enum cb_code code =
        proof_consistency(hashes_source(h), hashes_merkle(h), old, size, ret, err);
    hashes_close(h);
    return code;
}

/* has_signed - by the key that signs now, or one that did before. An older copy of the log knows the
 * former by its configuration only. */
static bool has_signed(const struct server *s, const struct note *note)
{
    struct vkeys vkeys = {.num = 0};
    struct cb_err ignored;
    uint64_t time_s = 0;
    bool is_signed = note_verify(note, note_signer_key(s->audit_key), &time_s) == NOTE_GOOD;
    if (vkeys_read(&audit_system_io, s->config->audit_dir, &vkeys, &ignored) != CB_OK) {
        vkeys.num = 0;
    }
    for (size_t i = 0; i < vkeys.num && !is_signed; i++) {
        is_signed = note_verify(note, &vkeys.list[i].key, &time_s) == NOTE_GOOD;
    }
    return is_signed;
}

static bool anchor_has_signed(void *ctx, const struct note *note)
{
    const struct server_anchor *sa = ctx;
    return has_signed(sa->server, note);
}

static bool own_has_signed(void *ctx, const struct note *note)
{
    return has_signed(ctx, note);
}

static bool note_first(void *ctx, uint64_t seq, struct slice line)
{
    (void)line;
    *(uint64_t *)ctx = seq;
    return false;
}

static bool note_last(void *ctx, uint64_t seq, struct slice line)
{
    (void)line;
    *(uint64_t *)ctx = seq + 1;
    return true;
}

/* own_root - tiles could be there whose records are not: the last one is looked for itself. */
static enum cb_code own_root(void *ctx, uint64_t size, unsigned char ret[SHA256_LEN],
                             struct cb_err *err)
{
    const struct server *s = ctx;
    const char *dir = s->config->audit_dir;
    struct hashes *h = NULL;
    uint64_t found = UINT64_MAX;
    TRY(audit_walk(dir, size - 1, note_first, &found, err));
    if (found == UINT64_MAX) {
        return cb_fail(err, CB_ENOENT, "%s has no record %llu", dir, (unsigned long long)size - 1);
    }
    TRY(hashes_open(dir, size, HASHES_FROM_TILES, &h, err));
    enum cb_code code = proof_root(hashes_source(h), hashes_merkle(h), size, ret, err);
    hashes_close(h);
    return code == CB_ENOENT ? CB_ECORRUPT : code; /* a hole is another thing than an end */
}

/* own_count - the end is most likely near; reading all of a long log takes its time. */
static enum cb_code own_count(void *ctx, uint64_t size, uint64_t *ret, struct cb_err *err)
{
    const struct server *s = ctx;
    static const uint64_t back[] = {100000, 10000000, UINT64_MAX};
    uint64_t num = 0;
    for (size_t i = 0; i < sizeof(back) / sizeof(back[0]) && num == 0; i++) {
        TRY(audit_walk(s->config->audit_dir, size > back[i] ? size - back[i] : 0, note_last, &num,
                       err));
    }
    *ret = num;
    return CB_OK;
}

/* ---------------------------------------------------------------- before */

static void warn(void *ctx, const char *message)
{
    (void)ctx;
    log_warn("witness.start", "%s", message);
}

static enum cb_code read_origin(const char *dir, struct buf *out, struct slice *ret,
                                struct cb_err *err)
{
    TRY(io_read_file(&audit_system_io, dir, "state/origin", ORIGIN_FILE_MAX, out, err));
    struct slice text = buf_slice(out);
    text.len -= text.len > 0 && text.ptr[text.len - 1] == '\n' ? 1 : 0;
    *ret = text;
    return CB_OK;
}

enum cb_code server_anchor_check(struct server *s, struct cb_err *err)
{
    const struct config *c = s->config;
    struct buf bytes;
    struct slice origin;
    struct cb_err why = {0};
    if (c->anchor.num == 0) {
        return CB_OK;
    }
    if (read_origin(c->audit_dir, &bytes, &origin, &why) != CB_OK) {
        return CB_OK; /* audit_open says it better */
    }
    const struct anchor_own own = {s, own_root, own_count, own_has_signed};
    const enum cb_code code = anchor_check_start(&c->anchor, origin, &own, warn, NULL, err);
    buf_free(&bytes);
    return code;
}

/* ---------------------------------------------------------------- while it runs */

/* keep_cosigned - the log checks what it keeps. Once it is closed only its very last checkpoint comes. */
static enum cb_code keep_cosigned(void *ctx, struct slice note, struct cb_err *err)
{
    struct server_anchor *sa = ctx;
    char state[4096];
    (void)snprintf(state, sizeof(state), "%s/state", sa->server->config->audit_dir);
    (void)pthread_mutex_lock(&sa->lock);
    const enum cb_code code = sa->audit != NULL
                                  ? audit_keep_cosigned(sa->audit, note, err)
                                  : io_put_file(&audit_system_io, state, "cosigned", note, err);
    (void)pthread_mutex_unlock(&sa->lock);
    return code;
}

static void record_alarm(struct server_anchor *sa, const struct anchor_witness *witness,
                         uint64_t size, uint64_t seen, const char *message)
{
    struct audit_event e;
    struct buf body;
    struct cb_err err = {0};
    audit_event_zero(&e, AUDIT_WITNESS_ALARM);
    e.reason = SLICE("split_view");
    e.detail = slice_of(message);
    e.tree_size = size;
    e.witness = slice_of(witness->key.name);
    e.witness_size = seen;
    buf_init(&body, AUDIT_LINE_MAX);
    (void)pthread_mutex_lock(&sa->lock);
    if (sa->audit != NULL && audit_event_encode(&e, &body) &&
        audit_append_wait(sa->audit, e.type, buf_slice(&body), NULL, &err) != CB_OK) {
        log_error("audit.append", "the alarm of a witness is not in the audit log: %s", err.msg);
    }
    (void)pthread_mutex_unlock(&sa->lock);
    buf_free(&body);
}

static void news(void *ctx, enum anchor_news what, const struct anchor_witness *witness,
                 uint64_t size, uint64_t seen, const char *message)
{
    struct server_anchor *sa = ctx;
    const char *name = witness->key.name;
    switch (what) {
    case ANCHOR_UP:
        log_info("witness.up", "%s cosigns: %llu records", name, (unsigned long long)size);
        return;
    case ANCHOR_DOWN:
        log_warn("witness.down", "%s does not cosign: %s", name, message);
        return;
    case ANCHOR_FORGOT:
        log_error(
            "witness.forgot",
            "%s had cosigned %" PRIu64 " records and knows of %" PRIu64
            " now: its directory was rolled back. What it signs proves nothing about the time "
            "before",
            name, size, seen);
        return;
    case ANCHOR_SPLIT:
        log_error(
            "witness.split_view",
            "SPLIT VIEW: the witness %s contradicts the audit log: %s. Somebody cut, restored "
            "or rewrote the log, or a second broker writes one of this name%s",
            name, message,
            sa->server->config->witness_enforce ? "; nothing is issued until this is resolved"
                                                : "");
        record_alarm(sa, witness, size, seen, message);
        return;
    }
}

enum cb_code server_anchor_start(struct server *s, struct cb_err *err)
{
    struct anchor *anchor = NULL;
    if (s->config->anchor.num == 0) {
        return CB_OK;
    }
    struct server_anchor *sa = calloc(1, sizeof(*sa));
    if (sa == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    sa->server = s;
    sa->audit = s->shared.audit;
    (void)pthread_mutex_init(&sa->lock, NULL);
    const struct anchor_log log = {sa, consistency, anchor_has_signed, keep_cosigned, news};
    const enum cb_code code = anchor_new(&s->config->anchor, &log, &anchor, err);
    if (code != CB_OK) {
        (void)pthread_mutex_destroy(&sa->lock);
        free(sa);
        return code;
    }
    sa->anchor = anchor;
    atomic_store(&s->anchor, sa);
    s->shared.anchor = anchor;
    return CB_OK;
}

/* server_anchor_seal - the first checkpoint of a new segment is shown at once: it closes the one
 * before. */
void server_anchor_seal(void *ctx, struct slice note)
{
    struct server *s = ctx;
    struct server_anchor *sa = atomic_load(&s->anchor);
    if (sa == NULL) {
        return; /* not yet: more checkpoints come */
    }
    struct audit_stats stats;
    audit_get_stats(s->shared.audit, &stats);
    anchor_offer(sa->anchor, note, stats.segments_opened != sa->segments_told);
    sa->segments_told = stats.segments_opened;
}

void server_anchor_unlog(struct server *s)
{
    struct server_anchor *sa = atomic_load(&s->anchor);
    if (sa != NULL) {
        (void)pthread_mutex_lock(&sa->lock);
        sa->audit = NULL;
        (void)pthread_mutex_unlock(&sa->lock);
    }
}

void server_anchor_stop(struct server *s)
{
    struct server_anchor *sa = atomic_load(&s->anchor);
    if (sa == NULL) {
        return;
    }
    anchor_finish(sa->anchor, FINISH_MS);
    atomic_store(&s->anchor, NULL);
    s->shared.anchor = NULL;
    anchor_free(sa->anchor);
    (void)pthread_mutex_destroy(&sa->lock);
    free(sa);
}
