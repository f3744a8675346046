/* signatures.c - see signatures.h. Does not compare roots. */
#include "audit/verify/signatures.h"

#include "audit/verify/run.h"

#define AT_ONCE 32U /* promises a thread takes at a time */

struct checking {
    const struct verify_options *options;
    struct promises *promises;
    const struct vkeys *keys;
    struct findings *findings;
    size_t newest_logged; /* SIZE_MAX: check all */
    _Atomic size_t next;
    _Atomic uint64_t checked;
    _Atomic bool failed;
    pthread_mutex_t mutex;
    struct cb_err err;
};

static const char *verdict_text(enum note_verdict verdict)
{
    switch (verdict) {
    case NOTE_GOOD:
        break;
    case NOTE_UNSIGNED:
        return "is not signed by this key of the log:";
    case NOTE_BAD:
        return "has a wrong signature of the log's key";
    }
    return "";
}

/* is_witness - what a witness shows is no part of the log: see judge_outside. */
static bool is_witness(const struct checking *c, const struct promise *promise)
{
    return promise->source == PROMISE_OUTSIDE && c->options->outside[promise->at].witness != NULL;
}

static enum cb_code check_one(struct checking *c, struct promise *promise, struct buf *buf,
                              struct cb_err *err)
{
    struct slice bytes;
    struct note note;
    struct cb_err why;
    char key_text[NOTE_KEY_TEXT_MAX];
    uint64_t time_s = 0;
    const struct note_key *key = vkeys_at(c->keys, promise->size);
    TRY(promises_note(c->promises, promise, buf, &bytes, err));
    const enum note_verdict verdict =
        note_parse(bytes, &note, &why) == CB_OK ? note_verify(&note, key, &time_s) : NOTE_BAD;
    promise->signature = verdict == NOTE_GOOD ? PROMISE_SIGNED : PROMISE_FORGED;
    if (verdict != NOTE_GOOD && !is_witness(c, promise)) {
        note_key_text(key, key_text);
        findings_add(c->findings, promises_place(c->promises, promise), "%s %s",
                     verdict_text(verdict), key_text);
    }
    atomic_fetch_add_explicit(&c->checked, 1, memory_order_relaxed);
    return CB_OK;
}

static bool is_due(const struct checking *c, size_t i)
{
    return c->promises->list[i].source != PROMISE_STATED &&
           (c->newest_logged == SIZE_MAX || i == c->newest_logged ||
            c->promises->list[i].source != PROMISE_LOGGED);
}

static enum cb_code check_some(struct checking *c, size_t first, struct buf *buf,
                               struct cb_err *err)
{
    const size_t left = c->promises->num - first;
    const size_t num = left < AT_ONCE ? left : AT_ONCE;
    enum cb_code code = CB_OK;
    for (size_t i = first; i < first + num && code == CB_OK; i++) {
        code = is_due(c, i) ? check_one(c, &c->promises->list[i], buf, err) : CB_OK;
    }
    if (c->options->progress != NULL) {
        atomic_fetch_add_explicit(&c->options->progress->notes, num, memory_order_relaxed);
    }
    return code;
}

static void *work(void *ctx)
{
    struct checking *c = ctx;
    struct buf buf;
    struct cb_err err;
    enum cb_code code = CB_OK;
    buf_init(&buf, NOTE_BYTES_MAX);
    while (code == CB_OK && !atomic_load(&c->failed)) {
        const size_t first = atomic_fetch_add(&c->next, AT_ONCE);
        if (first >= c->promises->num) {
            break;
        }
        code = check_some(c, first, &buf, &err);
    }
    if (code != CB_OK) {
        (void)pthread_mutex_lock(&c->mutex);
        c->err = err;
        atomic_store(&c->failed, true);
        (void)pthread_mutex_unlock(&c->mutex);
    }
    buf_free(&buf);
    return NULL;
}

static size_t find_newest(const struct promises *promises)
{
    for (size_t i = promises->num; i > 0; i--) {
        if (promises->list[i - 1].source == PROMISE_LOGGED) {
            return i - 1;
        }
    }
    return 0;
}

enum cb_code signatures_check(const struct verify_options *options, struct promises *promises,
                              const struct vkeys *keys, unsigned threads, struct findings *findings,
                              uint64_t *ret_checked, struct cb_err *err)
{
    struct checking c = {.options = options,
                         .promises = promises,
                         .keys = keys,
                         .findings = findings,
                         .newest_logged = options->quick ? find_newest(promises) : SIZE_MAX};
    CB_CHECK(pthread_mutex_init(&c.mutex, NULL) == 0);
    if (options->progress != NULL) {
        atomic_store(&options->progress->total_notes, promises->num);
    }
    run_threads(promises->num > 2 * (size_t)AT_ONCE ? threads : 1, work, &c);
    (void)pthread_mutex_destroy(&c.mutex);
    if (atomic_load(&c.failed)) {
        *err = c.err;
        return err->code;
    }
    *ret_checked = atomic_load(&c.checked);
    return CB_OK;
}
