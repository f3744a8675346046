/* start_check.c - the question at start: has anybody seen more of this log than is here?
 *
 * A log that was cut short, or a volume restored from an old copy, looks whole by itself. Writing to it
 * would sign a second history over the first, so it is compared with what witnesses signed before a
 * byte is written. All are asked at once. What a witness says counts if its key signed it and a key of
 * the log, too: no witness alone may keep a broker from starting, unless it is required. A restored
 * volume may not know the log's newest key; that looks the same, so the warning says it. */
#include "broker/anchor/anchor.h"

#include "broker/anchor/fetch.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

struct question {
    const struct anchor_witness *witness;
    struct slice origin;
    unsigned timeout_ms;
    pthread_t thread;
    bool is_started;
    /* the answer */
    enum cb_code code;
    struct cb_err err;
    struct checkpoint seen;
    struct buf note; /* if code is CB_OK */
    uint64_t time_s;
};

static void *ask(void *arg)
{
    struct question *q = arg;
    const struct fetch_options options = {
        .url = q->witness->url, .ca_file = q->witness->ca_file, .timeout_ms = q->timeout_ms};
    q->code = fetch_checkpoint(&options, &q->witness->key, q->origin, &q->seen, &q->time_s,
                               &q->note, &q->err);
    return NULL;
}

static void ask_all(struct question *list, size_t num)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < num; i++) {
        list[i].is_started = pthread_create(&list[i].thread, NULL, ask, &list[i]) == 0;
        if (!list[i].is_started) {
            list[i].code = cb_fail(&list[i].err, CB_ESYS, "cannot start a thread");
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (size_t i = 0; i < num; i++) {
        if (list[i].is_started) {
            (void)pthread_join(list[i].thread, NULL);
        }
    }
}

static const char *const what_to_do =
    "restore the newest copy of the log's directory; never start on an older one";

static enum cb_code is_behind(const struct question *q, const struct anchor_own *own,
                              const char *when, struct cb_err *err)
{
    const uint64_t seen = q->seen.size;
    uint64_t num = 0;
    TRY(own->count(own->ctx, seen, &num, err));
    return cb_fail(err, CB_ECORRUPT,
                   "the audit log is behind its witness %.60s, which cosigned %llu records at %s; "
                   "there are %llu here: records %llu to %llu are missing. %s",
                   q->witness->key.name, (unsigned long long)seen, when, (unsigned long long)num,
                   (unsigned long long)num, (unsigned long long)seen - 1, what_to_do);
}

static enum cb_code compare(const struct question *q, const struct anchor_own *own,
                            struct cb_err *err)
{
    unsigned char root[SHA256_LEN];
    char when[21];
    time_format_s((int64_t)q->time_s, when);
    const enum cb_code code = own->root(own->ctx, q->seen.size, root, err);
    if (code == CB_ENOENT) {
        return is_behind(q, own, when, err);
    }
    TRY(code);
    if (memcmp(root, q->seen.root, SHA256_LEN) != 0) {
        return cb_fail(
            err, CB_ECORRUPT,
            "the audit log is not the one that its witness %.60s cosigned at %s: of the "
            "records 0 to %llu some were changed, left out or added. Keep this directory "
            "as evidence; %s",
            q->witness->key.name, when, (unsigned long long)q->seen.size - 1, what_to_do);
    }
    return CB_OK;
}

struct judging {
    const struct anchor_own *own;
    /* hears of those that do not answer and need not */
    void (*warn)(void *ctx, const char *message);
    void *ctx;
};

/* doubt - an answer that says nothing, in the words of why. */
static enum cb_code doubt(const struct question *q, const struct judging *j, const char *why,
                          struct cb_err *err)
{
    char text[ANCHOR_TEXT_MAX];
    if (q->witness->is_required) {
        return cb_fail(err, CB_ESYS, "the witness %.60s, which is required, %.300s",
                       q->witness->key.name, why);
    }
    if (j->warn != NULL) {
        (void)snprintf(text, sizeof(text), "the witness %.60s %.300s", q->witness->key.name, why);
        j->warn(j->ctx, text);
    }
    return CB_OK;
}

static bool is_signed(const struct question *q, const struct anchor_own *own)
{
    struct note note;
    struct cb_err ignored;
    return note_parse(buf_slice(&q->note), &note, &ignored) == CB_OK &&
           own->has_signed(own->ctx, &note);
}

static enum cb_code judge(const struct question *q, const struct judging *j, struct cb_err *err)
{
    char why[ANCHOR_TEXT_MAX];
    if (q->code == CB_ENOENT) {
        return CB_OK; /* it has never seen this log */
    }
    if (q->code != CB_OK) {
        (void)snprintf(why, sizeof(why), "does not say what it has seen: %.240s", q->err.msg);
        return doubt(q, j, why, err);
    }
    if (!is_signed(q, j->own)) {
        (void)snprintf(why, sizeof(why),
                       "shows a checkpoint of %llu records that this log's key did not sign: it "
                       "lies, or this directory is a copy from before the log's key was rotated",
                       (unsigned long long)q->seen.size);
        return doubt(q, j, why, err);
    }
    return q->seen.size == 0 ? CB_OK : compare(q, j->own, err);
}

/* judge_those - that have answered, or that have not. */
static enum cb_code judge_those(const struct question *list, size_t num, bool have_answered,
                                const struct judging *j, struct cb_err *err)
{
    enum cb_code code = CB_OK;
    for (size_t i = 0; i < num && code == CB_OK; i++) {
        if ((list[i].code == CB_OK) == have_answered) {
            code = judge(&list[i], j, err);
        }
    }
    return code;
}

enum cb_code anchor_check_start(const struct anchor_settings *settings, struct slice origin,
                                const struct anchor_own *own,
                                void (*warn)(void *ctx, const char *message), void *warn_ctx,
                                struct cb_err *err)
{
    struct question list[ANCHOR_WITNESSES_MAX];
    const struct judging judging = {own, warn, warn_ctx};
    CB_CHECK(settings->num <= ANCHOR_WITNESSES_MAX);
    for (size_t i = 0; i < settings->num; i++) {
        list[i] = (struct question){
            .witness = &settings->witnesses[i],
            .origin = origin,
            .timeout_ms = settings->start_ms == 0 ? 5000 : settings->start_ms,
        };
    }
    ask_all(list, settings->num);
    /* A contradiction outweighs a silence, so all that answered come first. */
    enum cb_code code = judge_those(list, settings->num, true, &judging, err);
    if (code == CB_OK) {
        code = judge_those(list, settings->num, false, &judging, err);
    }
    for (size_t i = 0; i < settings->num; i++) {
        if (list[i].code == CB_OK) {
            buf_free(&list[i].note);
        }
    }
    return code;
}
