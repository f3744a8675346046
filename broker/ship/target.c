/* target.c - see target.h: connect, send from the cursor on, move the cursor behind what has arrived,
 * begin again when the connection breaks.
 *
 * A message counts as arrived once the receiver's machine has acknowledged its bytes and the connection
 * has outlived that by SETTLE_US: a receiver that dies with unread bytes resets the connection at once. */
#include "broker/ship/target.h"

#include "audit/read/follow.h"
#include "broker/base/clock.h"
#include "broker/base/file.h"
#include "broker/ship/connection.h"
#include "broker/ship/cursor.h"
#include "broker/ship/tls.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#define SECOND_US ((int64_t)1000000)
#define POLL_MS 200
#define SETTLE_US SECOND_US
#define WAIT_MAX_US (60 * SECOND_US)
#define CHECKPOINT_US (60 * SECOND_US)
#define LAST_WORDS_US (5 * SECOND_US) /* after stop: to deliver what is left */
#define MARKS_MAX 256U
#define MARK_EVERY ((uint64_t)64 * 1024)
#define NOTE_MAX ((size_t)65536)
#define BATCH 512U /* messages, before the connection is looked at again */

/* Up to which record the stream's first `bytes` bytes reach, and since when they are there. */
struct mark {
    uint64_t seq, bytes;
    int64_t arrived_us; /* 0: not yet */
};

struct session { /* one connection */
    struct shipper *s;
    struct connection *c;
    struct audit_follow *follow;
    struct buf message;
    uint64_t next_seq;   /* all before were sent */
    uint64_t marked_seq; /* and all before this have a mark */
    struct mark marks[MARKS_MAX];
    size_t first_mark, num_marks;
    int64_t next_checkpoint_us, stop_us;
    bool is_at_end;
};

static int64_t now_us(void)
{
    return clock_mono_us(&cb_system_clock);
}

static void tell(const struct shipper *s, bool is_trouble, const char *detail)
{
    s->settings->tell(s->settings->ctx, s->target, is_trouble, detail);
}

static void nap(int64_t us)
{
    const struct timespec ts = {us / SECOND_US, (us % SECOND_US) * 1000};
    (void)nanosleep(&ts, NULL);
}

/* ---- what has arrived ---- */

static struct mark *mark_at(struct session *x, size_t i)
{
    return &x->marks[(x->first_mark + i) % MARKS_MAX];
}

/* add_mark - everything sent so far ends here. When there are too many the last one is moved. */
static void add_mark(struct session *x)
{
    const uint64_t bytes = connection_sent(x->c);
    if (x->marked_seq == x->next_seq) {
        return;
    }
    x->marked_seq = x->next_seq;
    if (x->num_marks < MARKS_MAX) {
        x->num_marks++;
    }
    *mark_at(x, x->num_marks - 1) = (struct mark){.seq = x->next_seq, .bytes = bytes};
}

/* save - the cursor; a failure costs copies later, nothing else. */
static void save(struct session *x, uint64_t seq)
{
    struct shipper *s = x->s;
    struct cb_err err = {0};
    if (seq != atomic_load(&s->cursor)) {
        atomic_store(&s->cursor, seq);
        if (cursor_write(s->settings->audit_dir, s->target->name, seq, &err) != CB_OK) {
            tell(s, true, err.msg);
        }
    }
}

/* settle - move the cursor behind what has arrived and stayed. */
static void settle(struct session *x)
{
    const uint64_t arrived = connection_arrived(x->c);
    const int64_t now = now_us();
    uint64_t seq = atomic_load(&x->s->cursor);
    for (size_t i = 0; i < x->num_marks; i++) {
        struct mark *m = mark_at(x, i);
        if (m->arrived_us == 0 && m->bytes <= arrived) {
            m->arrived_us = now;
        }
    }
    while (x->num_marks > 0 && x->marks[x->first_mark].arrived_us != 0 &&
           now - x->marks[x->first_mark].arrived_us >= SETTLE_US) {
        seq = x->marks[x->first_mark].seq;
        x->first_mark = (x->first_mark + 1) % MARKS_MAX;
        x->num_marks--;
    }
    save(x, seq);
}

/* ---- sending ---- */

static enum cb_code send_checkpoint(struct session *x, struct cb_err *err)
{
    char path[PATH_MAX];
    struct buf note;
    struct cb_err ignored;
    x->next_checkpoint_us = now_us() + CHECKPOINT_US;
    const int len = snprintf(path, sizeof(path), "%s/state/checkpoint", x->s->settings->audit_dir);
    if (len < 0 || len >= (int)sizeof(path) ||
        file_read(path, FILE_PUBLIC, NOTE_MAX, &note, &ignored) != CB_OK) {
        return CB_OK; /* there is none yet */
    }
    buf_reset(&x->message);
    message_checkpoint(&x->s->source, buf_slice(&note), clock_wall_us(&cb_system_clock),
                       &x->message);
    buf_free(&note);
    return buf_ok(&x->message) ? connection_send(x->c, buf_slice(&x->message), err) : CB_OK;
}

static enum cb_code send_record(struct session *x, uint64_t seq, struct slice line,
                                struct cb_err *err)
{
    buf_reset(&x->message);
    const enum message_cut cut =
        message_record(&x->s->source, seq, line, x->s->target->max_message, &x->message);
    if (!buf_ok(&x->message)) {
        return cb_fail(err, CB_ENOMEM, "no memory for a message");
    }
    atomic_fetch_add(&x->s->cut, cut == MESSAGE_WHOLE ? 0U : 1U);
    TRY(connection_send(x->c, buf_slice(&x->message), err));
    atomic_fetch_add(&x->s->sent, 1U);
    x->next_seq = seq + 1;
    const uint64_t last = x->num_marks == 0 ? 0 : mark_at(x, x->num_marks - 1)->bytes;
    if (connection_sent(x->c) >= last + MARK_EVERY && x->num_marks < MARKS_MAX &&
        x->s->target->transport == SHIP_UNIX) {
        add_mark(x); /* a stream's are set after a flush, when the counts agree */
    }
    return CB_OK;
}

/* send_batch - some of what is durable and not sent yet. */
static enum cb_code send_batch(struct session *x, struct cb_err *err)
{
    const uint64_t below = x->s->settings->durable(x->s->settings->ctx);
    x->is_at_end = false;
    for (unsigned i = 0; i < BATCH; i++) {
        struct slice line;
        uint64_t seq = 0;
        TRY(audit_follow_next(x->follow, below, &line, &seq, err));
        if (line.ptr == NULL) {
            x->is_at_end = true;
            break;
        }
        TRY(send_record(x, seq, line, err));
    }
    if (now_us() >= x->next_checkpoint_us) {
        TRY(send_checkpoint(x, err));
    }
    TRY(connection_flush(x->c, err));
    add_mark(x);
    return CB_OK;
}

/* is_over - the broker stops: when everything has arrived, or it takes too long. */
static bool is_over(struct session *x)
{
    if (!atomic_load(&x->s->stop)) {
        return false;
    }
    if (x->stop_us == 0) {
        x->stop_us = now_us() + LAST_WORDS_US;
        x->next_checkpoint_us = 0; /* the last one of this run */
        return false;
    }
    return (x->is_at_end && x->num_marks == 0) || now_us() >= x->stop_us;
}

static enum cb_code serve(struct session *x, struct cb_err *err)
{
    while (!is_over(x)) {
        TRY(send_batch(x, err));
        TRY(connection_check(x->c, err));
        settle(x);
        if (x->is_at_end) {
            nap((int64_t)POLL_MS * 1000);
        }
    }
    return CB_OK;
}

/* ---- one connection after the other ---- */

static enum cb_code run_session(struct shipper *s, struct ship_tls *tls, bool *ret_was_up,
                                struct cb_err *err)
{
    struct session x = {.s = s, .next_seq = atomic_load(&s->cursor)};
    x.marked_seq = x.next_seq;
    buf_init(&x.message, (size_t)1 << 20);
    atomic_store(&s->state, SHIP_CONNECTING);
    enum cb_code code = connection_open(s->target, tls, &x.c, err);
    if (code == CB_OK) {
        code = audit_follow_open(s->settings->audit_dir, x.next_seq, &x.follow, err);
    }
    if (code == CB_OK) {
        *ret_was_up = true;
        atomic_store(&s->state, SHIP_CONNECTED);
        tell(s, false, NULL);
        code = serve(&x, err);
    }
    audit_follow_close(x.follow);
    connection_close(x.c);
    buf_free(&x.message);
    return code;
}

/* pause_for - in short steps, because the broker may stop meanwhile. */
static void pause_for(struct shipper *s, int64_t us)
{
    const int64_t until_us = now_us() + us;
    atomic_store(&s->state, SHIP_WAITING);
    while (now_us() < until_us && !atomic_load(&s->stop)) {
        nap((int64_t)POLL_MS * 1000);
    }
}

static void run(struct shipper *s)
{
    int64_t wait_us = SECOND_US;
    bool is_told = false;
    while (!atomic_load(&s->stop)) {
        struct ship_tls *tls = NULL;
        struct cb_err err = {0};
        bool was_up = false;
        /* The files are read again each time: they may have been renewed. */
        enum cb_code code =
            s->target->transport == SHIP_TLS ? ship_tls_new(s->target, &tls, &err) : CB_OK;
        if (code == CB_OK) {
            code = run_session(s, tls, &was_up, &err);
        }
        ship_tls_free(tls);
        if (code == CB_OK) {
            break;
        }
        atomic_fetch_add(&s->failures, 1U);
        if (was_up || !is_told) {
            tell(s, true, err.msg);
        }
        is_told = true;
        wait_us = was_up ? SECOND_US : wait_us;
        pause_for(s, wait_us);
        wait_us = wait_us * 2 < WAIT_MAX_US ? wait_us * 2 : WAIT_MAX_US;
    }
    atomic_store(&s->state, SHIP_IDLE);
}

void *shipper_main(void *shipper)
{
    struct shipper *s = shipper;
    struct cb_err err = {0};
    uint64_t cursor = 0;
    if (cursor_read(s->settings->audit_dir, s->target->name, &cursor, &err) != CB_OK) {
        tell(s, true, err.msg);
        return NULL;
    }
    if (cursor > s->settings->durable(s->settings->ctx)) {
        struct cb_err behind;
        (void)cb_fail(&behind, CB_ECORRUPT,
                      "state/cursor.%s is beyond the end of the log (record %llu): the log was cut "
                      "or restored, or the cursor was changed; the whole log is sent again",
                      s->target->name, (unsigned long long)cursor);
        tell(s, true, behind.msg);
        cursor = 0;
    }
    atomic_store(&s->cursor, cursor);
    run(s);
    return NULL;
}
