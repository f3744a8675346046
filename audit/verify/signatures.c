/* signatures.c - see signatures.h. Does not compare roots. */
#include "audit/verify/signatures.h"

#include "audit/verify/run.h"

#define AT_ONCE 32U /* promises a thread takes at a time */

static void say_keys(struct findings *findings, const char *what)
{
    const struct verify_finding found = {.kind = VERIFY_STATE,
                                         .file = "state/vkeys",
                                         .seq = VERIFY_NO_SEQ,
                                         .last_seq = VERIFY_NO_SEQ};
    findings_add(findings, found, "%s", what);
}

/* is_as_written - byte for byte what the writer makes of these keys? A key may be spelled in more than
 * one way. */
static bool is_as_written(const char *dir, const struct vkeys *keys)
{
    struct buf text;
    struct buf there;
    struct cb_err ignored;
    buf_init(&text, VKEYS_MAX * (NOTE_KEY_TEXT_MAX + 22U));
    for (size_t i = 0; i < keys->num; i++) {
        char key[NOTE_KEY_TEXT_MAX];
        note_key_text(&keys->list[i].key, key);
        buf_printf(&text, "%llu %s\n", (unsigned long long)keys->list[i].from, key);
    }
    bool same = false;
    if (io_read_file(&audit_system_io, dir, "state/vkeys", text.cap, &there, &ignored) == CB_OK) {
        same = slice_eq(buf_slice(&text), buf_slice(&there));
        buf_free(&there);
    }
    buf_free(&text);
    return same;
}

static bool has_key(const struct vkeys *keys, const struct note_key *key)
{
    for (size_t i = 0; i < keys->num; i++) {
        if (note_key_eq(&keys->list[i].key, key)) {
            return true;
        }
    }
    return false;
}

enum cb_code signatures_keys(const struct verify_options *options, struct vkeys *ret,
                             struct findings *findings, struct cb_err *err)
{
    bool as_written = false;
    enum cb_code code = CB_OK;
    /* Read twice; a key may be added in between. */
    for (int i = 0; i < 3 && code == CB_OK && !as_written; i++) {
        code = vkeys_read(&audit_system_io, options->dir, ret, err);
        as_written = code == CB_OK && is_as_written(options->dir, ret);
    }
    if (code != CB_OK && code != CB_ENOENT && code != CB_ECORRUPT) {
        return code;
    }
    if (code == CB_OK && !as_written) {
        say_keys(findings, "was changed: it says what it says in another way");
    }
    if (options->key == NULL) {
        return code;
    }
    if (code == CB_ECORRUPT) {
        say_keys(findings, "is not a list of keys");
    } else if (code == CB_OK && !has_key(ret, options->key)) {
        say_keys(findings, "does not name the key that is pinned");
    }
    *ret = (struct vkeys){.num = 0};
    return vkeys_add(ret, 0, options->key, err);
}

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
    if (verdict != NOTE_GOOD) {
        note_key_text(key, key_text);
        findings_add(c->findings, promises_place(c->promises, promise), "%s %s",
                     verdict_text(verdict), key_text);
    }
    atomic_fetch_add_explicit(&c->checked, 1, memory_order_relaxed);
    return CB_OK;
}

static bool is_due(const struct checking *c, size_t i)
{
    return c->newest_logged == SIZE_MAX || i == c->newest_logged ||
           c->promises->list[i].source != PROMISE_LOGGED;
}

static enum cb_code check_some(struct checking *c, size_t first, struct buf *buf,
                               struct cb_err *err)
{
    const size_t left = c->promises->num - first;
    const size_t num = left < AT_ONCE ? left : AT_ONCE;
    for (size_t i = first; i < first + num; i++) {
        if (is_due(c, i)) {
            TRY(check_one(c, &c->promises->list[i], buf, err));
        }
    }
    if (c->options->progress != NULL) {
        atomic_fetch_add_explicit(&c->options->progress->notes, num, memory_order_relaxed);
    }
    return CB_OK;
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
