/* promises.c - see promises.h. Parses notes and checks no signature. */
#include "audit/verify/promises.h"

#include "audit/io.h"
#include "audit/seal/rotation.h"
#include "audit/seal/seals.h"
#include "audit/segdir.h"
#include "audit/verify/note_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_NAME "state/checkpoints.log"
#define COSIGNED_NAME "state/cosigned"
#define NEWEST_NAME "state/checkpoint"
#define HISTORY_TAIL 65536

struct verify_finding promises_place(const struct promises *c, const struct promise *promise)
{
    struct verify_finding found = {.kind = VERIFY_CHECKPOINT,
                                   .seq = VERIFY_NO_SEQ,
                                   .last_seq = VERIFY_NO_SEQ,
                                   .line = promise->line};
    const char *name = promise->source == PROMISE_LOGGED     ? LOG_NAME
                       : promise->source == PROMISE_COSIGNED ? COSIGNED_NAME
                       : promise->source == PROMISE_NEWEST   ? NEWEST_NAME
                       : promise->source == PROMISE_STATED   ? ROTATIONS_NAME
                                                             : c->outside[promise->at].name;
    (void)snprintf(found.file, sizeof(found.file), "%s", name);
    return found;
}

void promises_name(const struct promises *c, const struct promise *promise,
                   char out[PROMISE_NAME_MAX])
{
    const struct verify_outside *o =
        promise->source == PROMISE_OUTSIDE ? &c->outside[promise->at] : NULL;
    if (o != NULL && o->witness != NULL) {
        (void)snprintf(out, PROMISE_NAME_MAX, "what the witness %.100s cosigned (%.90s)",
                       o->witness->name, o->name);
    } else {
        (void)snprintf(out, PROMISE_NAME_MAX, "%.200s", promises_place(c, promise).file);
    }
}

static enum cb_code add(struct promises *c, const struct promise *promise, struct cb_err *err)
{
    if (c->num == c->room) {
        const size_t room = c->room == 0 ? 256 : c->room * 2;
        struct promise *grown = realloc(c->list, room * sizeof(*grown));
        if (grown == NULL) {
            return cb_fail(err, CB_ENOMEM, "no memory for %zu checkpoints", c->num);
        }
        c->list = grown;
        c->room = room;
    }
    c->list[c->num++] = *promise;
    return CB_OK;
}

/* read_note - what a note says, into *promise. CB_EINPUT: it is no checkpoint of this log. */
static enum cb_code read_note(const struct promises *c, struct slice bytes, struct promise *promise,
                              struct cb_err *err)
{
    struct note note;
    struct checkpoint checkpoint;
    TRY(note_parse(bytes, &note, err));
    TRY(checkpoint_parse(note.text, &checkpoint, err));
    if (strcmp(checkpoint.origin, c->origin) != 0) {
        return cb_fail(err, CB_EINPUT, "is of another log, \"%.100s\", not of \"%s\"",
                       checkpoint.origin, c->origin);
    }
    promise->size = checkpoint.size;
    promise->len = (uint32_t)bytes.len;
    memcpy(promise->root, checkpoint.root, SHA256_LEN);
    return CB_OK;
}

/* ---- state/checkpoints.log ---- */

/* thin - keep every other one that is about fewer records than the newest. A broker that was busy for
 * years has signed more often than could be remembered here, and the newest root covers all of them. */
static void thin(struct promises *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->num; i++) {
        if (c->list[i].source != PROMISE_LOGGED || i % 2 == 1 || i + 1 == c->num) {
            c->list[kept++] = c->list[i];
        }
    }
    c->num = kept;
}

/* take_logged - one note of the log of checkpoints; they never get smaller. */
static enum cb_code take_logged(struct promises *c, struct slice bytes, struct promise promise,
                                struct findings *findings, struct cb_err *err)
{
    struct cb_err why;
    if (read_note(c, bytes, &promise, &why) != CB_OK) {
        findings_add(findings, promises_place(c, &promise), "%s", why.msg);
        return CB_OK;
    }
    if (promise.size < c->logged) {
        findings_add(findings, promises_place(c, &promise),
                     "is about %llu records, and the one before it about %llu: they never shrink",
                     (unsigned long long)promise.size, (unsigned long long)c->logged);
    }
    c->logged = promise.size > c->logged ? promise.size : c->logged;
    c->history++;
    if (c->num >= c->max_num) {
        thin(c);
    }
    return add(c, &promise, err);
}

static void say_torn(const struct promise *promise, struct findings *findings)
{
    /* Being written just now, or cut off by a crash: state/checkpoint had it whole. */
    findings_notice(findings, LOG_NAME ":%llu: a checkpoint without its end does not count",
                    (unsigned long long)promise->line);
}

static enum cb_code read_stream(struct promises *c, struct note_stream *s,
                                struct findings *findings, struct cb_err *err)
{
    struct slice bytes;
    struct promise promise = {.source = PROMISE_LOGGED};
    enum cb_code code = CB_OK;
    enum note_stream_next next = NOTE_STREAM_NOTE;
    while (code == CB_OK && next != NOTE_STREAM_END) {
        next = note_stream_next(s, &bytes, &promise.at, &promise.line, err);
        if (next == NOTE_STREAM_NOTE) {
            code = take_logged(c, bytes, promise, findings, err);
        } else if (next == NOTE_STREAM_TORN) {
            say_torn(&promise, findings);
        } else if (next == NOTE_STREAM_FAILED) {
            code = err->code;
        }
    }
    return code;
}

static enum cb_code read_logged(struct promises *c, struct findings *findings, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct note_stream s;
    TRY(segdir_join(c->dir, LOG_NAME, path, err));
    const enum cb_code opened =
        io_open_file(&audit_system_io, path, 0, SEALS_HISTORY_MAX, &c->log_fd, err);
    if (opened != CB_OK) {
        return opened == CB_ENOENT ? CB_OK : opened;
    }
    TRY(note_stream_open(&s, c->log_fd, path, slice_of(c->origin), err));
    const size_t before = c->num;
    const enum cb_code code = read_stream(c, &s, findings, err);
    note_stream_close(&s);
    if (code == CB_OK && c->num - before < c->history) {
        findings_notice(findings,
                        LOG_NAME " holds %llu checkpoints: of these %zu were compared with the "
                                 "records, spread over all of them, and their signatures checked",
                        (unsigned long long)c->history, c->num - before);
    }
    return code;
}

/* ---- the others ---- */

static enum cb_code read_own(struct promises *c, const char *name, enum promise_source source,
                             struct buf *bytes, struct findings *findings, struct cb_err *err)
{
    struct cb_err why;
    struct promise promise = {.source = source};
    const enum cb_code code =
        io_read_file(&audit_system_io, c->dir, name, NOTE_BYTES_MAX, bytes, err);
    if (code != CB_OK) {
        return code == CB_ENOENT ? CB_OK : code;
    }
    if (read_note(c, buf_slice(bytes), &promise, &why) != CB_OK) {
        findings_add(findings, promises_place(c, &promise), "%s", why.msg);
        return CB_OK;
    }
    return add(c, &promise, err);
}

/* ---- was the history cut? ---- */

/* keep_seen - state/checkpoint as it is before checkpoints.log is read, which must have it, or gets it any
 * moment. */
static void keep_seen(struct promises *c)
{
    struct cb_err ignored;
    if (io_read_file(&audit_system_io, c->dir, NEWEST_NAME, NOTE_BYTES_MAX, &c->seen, &ignored) !=
        CB_OK) {
        c->seen = (struct buf){0};
    }
}

void promises_check_history(const struct promises *c, struct findings *findings)
{
    struct promise seen = {.size = 0};
    struct cb_err ignored;
    char tail[HISTORY_TAIL];
    struct stat st = {.st_size = 0};
    if (c->seen.data == NULL || read_note(c, buf_slice(&c->seen), &seen, &ignored) != CB_OK ||
        seen.size <= c->logged) {
        return;
    }
    if (c->log_fd >= 0 && fstat(c->log_fd, &st) == 0) {
        const off_t from = st.st_size > (off_t)sizeof(tail) ? st.st_size - (off_t)sizeof(tail) : 0;
        const ssize_t got = pread(c->log_fd, tail, sizeof(tail), from);
        if (got > 0 && memmem(tail, (size_t)got, c->seen.data, c->seen.len) != NULL) {
            return; /* it was on its way */
        }
    }
    if (c->log_fd < 0) {
        findings_notice(findings, LOG_NAME " is not there, as in an archive: of what was signed "
                                           "before, nothing was compared");
        return;
    }
    findings_notice(findings,
                    LOG_NAME " ends with a checkpoint of %llu records, and there is one of %llu: a "
                             "crash loses the last few, otherwise somebody has cut it",
                    (unsigned long long)c->logged, (unsigned long long)seen.size);
}

static enum cb_code read_outside(struct promises *c, size_t num, struct cb_err *err)
{
    for (size_t i = 0; i < num; i++) {
        struct cb_err why;
        struct promise promise = {.source = PROMISE_OUTSIDE, .at = i};
        if (read_note(c, c->outside[i].bytes, &promise, &why) != CB_OK) {
            return cb_fail(err, CB_EINPUT, "%.150s: %s", c->outside[i].name, why.msg);
        }
        TRY(add(c, &promise, err));
    }
    return CB_OK;
}

static int by_size(const void *left, const void *right)
{
    const struct promise *a = left;
    const struct promise *b = right;
    return (a->size > b->size) - (a->size < b->size);
}

/* check_newest - each new checkpoint is stored in state/checkpoint first; so none that was read
 * before can be about more. */
static void check_newest(const struct promises *c, const struct promise *newest,
                         struct findings *findings)
{
    uint64_t older = c->logged;
    for (size_t i = 0; i < c->num; i++) {
        if (c->list[i].source == PROMISE_COSIGNED && c->list[i].size > older) {
            older = c->list[i].size;
        }
    }
    const struct promise place = {.source = PROMISE_NEWEST};
    if (newest == NULL && older > 0 && c->newest.data == NULL) {
        findings_add(findings, promises_place(c, &place),
                     "is missing; there was one about %llu records", (unsigned long long)older);
    } else if (newest != NULL && newest->size < older) {
        findings_add(findings, promises_place(c, newest),
                     "is about %llu records, older than one about %llu: it was put back",
                     (unsigned long long)newest->size, (unsigned long long)older);
    }
}

static void sum_up(struct promises *c, struct findings *findings)
{
    const struct promise *newest = NULL;
    for (size_t i = 0; i < c->num; i++) {
        const struct promise *promise = &c->list[i];
        newest = promise->source == PROMISE_NEWEST ? promise : newest;
        c->promised = promise->size > c->promised ? promise->size : c->promised;
        if (promise->source != PROMISE_OUTSIDE) {
            c->sealed = promise->size > c->sealed ? promise->size : c->sealed;
            c->has_any = true;
        }
    }
    check_newest(c, newest, findings);
    if (c->num > 1) {
        qsort(c->list, c->num, sizeof(*c->list), by_size);
    }
}

enum cb_code promises_read(struct promises *c, const struct verify_options *options,
                           const char *origin, struct findings *findings, struct cb_err *err)
{
    *c = (struct promises){.dir = options->dir, .outside = options->outside, .log_fd = -1};
    c->max_num = VERIFY_OUTSIDE_MAX + 1 +
                 (options->max_history > 0 ? options->max_history : PROMISES_HISTORY_MAX);
    (void)snprintf(c->origin, sizeof(c->origin), "%s", origin);
    enum cb_code code = read_outside(c, options->num_outside, err);
    /* The newest last: what is stored meanwhile can then only make it newer than the others. */
    if (code == CB_OK) {
        code = read_own(c, COSIGNED_NAME, PROMISE_COSIGNED, &c->cosigned, findings, err);
    }
    if (code == CB_OK) {
        keep_seen(c);
        code = read_logged(c, findings, err);
    }
    if (code == CB_OK) {
        code = read_own(c, NEWEST_NAME, PROMISE_NEWEST, &c->newest, findings, err);
    }
    if (code != CB_OK) {
        promises_free(c);
        return code;
    }
    sum_up(c, findings);
    return CB_OK;
}

void promises_free(struct promises *c)
{
    if (c->log_fd >= 0) {
        (void)close(c->log_fd);
    }
    free(c->list);
    buf_free(&c->newest);
    buf_free(&c->cosigned);
    buf_free(&c->seen);
    *c = (struct promises){.log_fd = -1};
}

size_t promises_from(const struct promises *c, uint64_t size)
{
    size_t low = 0;
    size_t high = c->num;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c->list[middle].size <= size) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum cb_code read_again(const struct promises *c, const struct promise *promise,
                               struct buf *buf, struct cb_err *err)
{
    char piece[4096];
    buf_reset(buf);
    while (buf->len < promise->len) {
        const size_t left = promise->len - buf->len;
        const ssize_t got = pread(c->log_fd, piece, left < sizeof(piece) ? left : sizeof(piece),
                                  (off_t)(promise->at + buf->len));
        if (got < 0 && errno != EINTR) {
            return cb_fail_errno(err, "cannot read " LOG_NAME);
        }
        if (got == 0) {
            return cb_fail(err, CB_ECORRUPT, LOG_NAME " became shorter while it was read");
        }
        buf_add(buf, piece, got > 0 ? (size_t)got : 0);
        if (!buf_ok(buf)) {
            return cb_fail(err, CB_ENOMEM, "no memory to read " LOG_NAME);
        }
    }
    return CB_OK;
}

enum cb_code promises_note(const struct promises *c, const struct promise *promise, struct buf *buf,
                           struct slice *ret, struct cb_err *err)
{
    switch (promise->source) {
    case PROMISE_LOGGED:
        TRY(read_again(c, promise, buf, err));
        *ret = buf_slice(buf);
        break;
    case PROMISE_COSIGNED:
        *ret = buf_slice(&c->cosigned);
        break;
    case PROMISE_NEWEST:
        *ret = buf_slice(&c->newest);
        break;
    case PROMISE_OUTSIDE:
        *ret = c->outside[promise->at].bytes;
        break;
    case PROMISE_STATED:
        *ret = SLICE("");
        break;
    }
    return CB_OK;
}

enum cb_code promises_stated(struct promises *c, uint64_t size,
                             const unsigned char root[SHA256_LEN], struct cb_err *err)
{
    struct promise promise = {.size = size, .source = PROMISE_STATED, .signature = PROMISE_SIGNED};
    memcpy(promise.root, root, SHA256_LEN);
    TRY(add(c, &promise, err));
    qsort(c->list, c->num, sizeof(*c->list), by_size);
    return CB_OK;
}

/* ---- which sizes are to be believed ---- */

static enum cb_code is_signed(const struct promises *c, const struct promise *promise,
                              const struct note_key *keys, size_t num, struct buf *buf, bool *ret,
                              struct cb_err *err)
{
    struct slice bytes;
    struct note note;
    struct cb_err ignored;
    uint64_t time_s = 0;
    *ret = false;
    TRY(promises_note(c, promise, buf, &bytes, err));
    if (note_parse(bytes, &note, &ignored) != CB_OK) {
        return CB_OK;
    }
    for (size_t i = 0; i < num && !*ret; i++) {
        *ret = note_verify(&note, &keys[i], &time_s) == NOTE_GOOD;
    }
    return CB_OK;
}

enum cb_code promises_trust(struct promises *c, const struct note_key *keys, size_t num,
                            struct cb_err *err)
{
    struct buf buf;
    enum cb_code code = CB_OK;
    c->sealed = 0;
    c->promised = 0;
    buf_init(&buf, NOTE_BYTES_MAX);
    for (size_t i = c->num; i > 0 && c->sealed == 0 && code == CB_OK; i--) {
        const struct promise *promise = &c->list[i - 1];
        bool good = false;
        code = is_signed(c, promise, keys, num, &buf, &good, err);
        if (code == CB_OK && good) {
            c->promised = promise->size > c->promised ? promise->size : c->promised;
            c->sealed = promise->source != PROMISE_OUTSIDE ? promise->size : 0;
        }
    }
    buf_free(&buf);
    return code;
}
