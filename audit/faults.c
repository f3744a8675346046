/* faults.c - what the writer does when a file fails it, and what it looks at once a second.
 *
 *   short write, full disk, quota, failed sync  abandon the segment; its bytes behind the last
 *                                               durable record are void; write the batch again in
 *                                               a fresh segment
 *   that fails too                              BLOCKED: everything is refused; a fresh segment is
 *                                               tried once a second; audit.fault and
 *                                               audit.recovered are its first records
 *   file removed, renamed, replaced             the descriptor still has its bytes: write them anew
 *                                               under its name; then as below
 *   file written by another                     abandon the segment, fresh segment
 *
 * Never: truncate, sync the same file again after a failure, open a segment a second time. */
#include "audit/writer.h"

#include "audit/read/lines.h"

#include <stdio.h>

uint64_t writer_reservation(const struct audit *a, size_t more_attempts, size_t more_bytes)
{
    return a->segment.size + more_bytes + SEGMENT_SLACK +
           (uint64_t)(a->open.num + more_attempts) * OUTCOME_CREDIT;
}

/* ---- leaving a segment ---- */

static void note_fault(struct audit *a, const char *what, const struct cb_err *why)
{
    if (a->options.abort_on_sync_error && strcmp(what, "fdatasync") == 0) {
        cb_check_failed("an fdatasync of the audit log (audit.fsync_error is abort)", __FILE__,
                        __LINE__);
    }
    stat_add(&a->faults, 1);
    if (a->fault.what != NULL) {
        return; /* the first one of an outage is the one worth a record */
    }
    a->fault = (struct own_fault){.what = what,
                                  .sys_errno = why->sys_errno,
                                  .segment = a->segment.no != 0 ? a->segment.no : a->newest_no,
                                  .next_seq = a->tree.size,
                                  .since_us = clock_mono_us(a->clock)};
    (void)snprintf(a->fault.detail, sizeof(a->fault.detail), "%s", why->msg);
}

/* describe_void - the bytes behind the last durable record, as the disk shows them now. After a
 * failed sync more of them may surface later, so nobody relies on this: valid_bytes is the rule. */
static void describe_void(const struct audit *a, struct segment_prev *prev)
{
    struct cb_err ignored;
    if (lines_digest(a->io, a->segment.path, prev->valid_bytes, &prev->void_bytes,
                     prev->void_sha256, &ignored) == CB_OK) {
        prev->has_void_sha256 = prev->void_bytes > 0;
    } else {
        prev->void_bytes = a->segment.size - a->segment.durable;
    }
}

/* put_back - if the file is gone from its name, what came of writing it anew is added to *why. */
static void put_back(const struct audit *a, struct cb_err *why)
{
    struct cb_err err;
    char msg[sizeof(why->msg)];
    bool gone = false;
    if (segment_check(&a->segment, a->io, &gone, &err) == CB_OK || !gone ||
        a->segment.first_bytes == 0) { /* such a one holds nothing that counts */
        return;
    }
    (void)snprintf(msg, sizeof(msg), "%s", why->msg);
    if (segment_restore(&a->segment, a->io, a->dir, &err) == CB_OK) {
        (void)snprintf(why->msg, sizeof(why->msg), "%.300s; its records were written anew", msg);
    } else {
        (void)snprintf(why->msg, sizeof(why->msg), "%.150s; writing its records anew: %.200s", msg,
                       err.msg);
    }
}

void writer_abandon(struct audit *a, const char *what, const struct cb_err *why)
{
    struct segment *s = &a->segment;
    struct cb_err told = *why;
    put_back(a, &told);
    note_fault(a, what, &told);
    segment_close(s, a->io);
    if (s->first_bytes > 0) {
        a->prev = (struct segment_prev){.no = s->no, .valid_bytes = s->durable};
        describe_void(a, &a->prev);
    } else if (s->path[0] != '\0') {
        /* Its segment.open never became durable: no record of anybody is in it, and while a fault
         * lasts there would be one such file a second. Readers skip it where this fails. */
        (void)a->io->unlink(a->io->ctx, s->path);
    }
    *s = (struct segment){.fd = -1};
}

void writer_block(struct audit *a)
{
    (void)pthread_mutex_lock(&a->mutex);
    atomic_store(&a->blocked, true);
    (void)pthread_mutex_unlock(&a->mutex);
}

/* ---- entering a segment ---- */

static enum cb_code create_next(struct audit *a, struct segment *ret, struct cb_err *err)
{
    const uint64_t reserve =
        AUDIT_LINE_MAX + SEGMENT_SLACK + (uint64_t)a->open.num * OUTCOME_CREDIT;
    a->newest_no++; /* also when it fails: a number is never used twice */
    return segment_create(ret, a->io, a->dir, a->newest_no, reserve, err);
}

/* enter - make a created segment the current one by writing its segment.open. */
static enum cb_code enter(struct audit *a, const struct segment *created, struct cb_err *err)
{
    const char *what = NULL;
    a->segment = *created;
    a->segment.opened_us = clock_mono_us(a->clock);
    own_begin(a);
    own_add_open(a);
    own_add_loss(a); /* in one batch with it: a loss is never accepted without a word */
    own_add_unsigned(a);
    const enum cb_code code = own_write(a, &what, err);
    if (code != CB_OK) {
        writer_abandon(a, what, err);
        return code;
    }
    a->loss.found = false;
    a->unsigned_num = 0;
    a->segment.first_bytes = a->segment.durable;
    stat_add(&a->segments_opened, 1);
    return CB_OK;
}

enum cb_code writer_open_segment(struct audit *a, struct cb_err *err)
{
    struct segment created;
    const enum cb_code code = create_next(a, &created, err);
    if (code != CB_OK) {
        note_fault(a, "segment", err);
        return code;
    }
    return enter(a, &created, err);
}

/* write_story - in a fresh segment: what happened, and the outcomes that were lost by it. */
static bool write_story(struct audit *a)
{
    const char *what = NULL;
    struct cb_err err;
    own_begin(a);
    own_add_fault(a, &a->fault);
    if (atomic_load(&a->blocked)) {
        own_add_recovered(a);
    }
    own_add_lost(a);
    if (own_write(a, &what, &err) != CB_OK) {
        writer_abandon(a, what, &err);
        return false;
    }
    a->fault.what = NULL;
    return true;
}

bool writer_replace(struct audit *a)
{
    struct cb_err err;
    if (writer_open_segment(a, &err) == CB_OK && write_story(a)) {
        return true;
    }
    writer_block(a);
    return false;
}

bool writer_roll(struct audit *a)
{
    struct segment created;
    struct cb_err err;
    const char *what = NULL;
    bool gone = false;
    if (segment_check(&a->segment, a->io, &gone, &err) != CB_OK) {
        writer_abandon(a, "file", &err); /* once closed, its bytes could not be had any more */
        return writer_replace(a);
    }
    if (create_next(a, &created, &err) != CB_OK) {
        stat_add(&a->faults, 1);
        a->roll_failed = true;
        return true;
    }
    own_begin(a);
    own_add_close(a, "roll");
    if (own_write(a, &what, &err) == CB_OK) {
        a->prev = (struct segment_prev){
            .no = a->segment.no, .valid_bytes = a->segment.durable, .clean = true};
        segment_close(&a->segment, a->io);
        if (a->sealer != NULL) {
            sealer_urge(a->sealer);
        }
        return enter(a, &created, &err) == CB_OK || writer_replace(a);
    }
    writer_abandon(a, what, &err);
    if (enter(a, &created, &err) == CB_OK && write_story(a)) {
        return true;
    }
    writer_block(a);
    return false;
}

void writer_stop(struct audit *a, const char *reason)
{
    const char *what = NULL;
    struct cb_err err;
    bool gone = false;
    if (a->segment.fd < 0) {
        return;
    }
    if (segment_check(&a->segment, a->io, &gone, &err) != CB_OK) {
        writer_abandon(a, "file", &err);
        if (!writer_replace(a)) {
            return;
        }
    }
    own_begin(a);
    own_add_close(a, reason);
    if (own_write(a, &what, &err) != CB_OK) {
        stat_add(&a->faults, 1);
    }
    segment_close(&a->segment, a->io);
}

/* ---- once a second ---- */

void writer_check_space(struct audit *a)
{
    struct statvfs vfs;
    if (a->io->statvfs(a->io->ctx, a->dir, &vfs) != 0) {
        return;
    }
    const uint64_t bytes = (uint64_t)vfs.f_bavail * (uint64_t)vfs.f_frsize;
    const enum space space = bytes < a->options.hard_free_bytes   ? SPACE_OUT
                             : bytes < a->options.soft_free_bytes ? SPACE_LOW
                                                                  : SPACE_ENOUGH;
    atomic_store_explicit(&a->free_bytes, bytes, memory_order_relaxed);
    atomic_store(&a->space, space);
}

static void probe(struct audit *a)
{
    struct cb_err err;
    if (writer_open_segment(a, &err) != CB_OK || !write_story(a)) {
        return;
    }
    (void)pthread_mutex_lock(&a->mutex);
    atomic_store(&a->blocked, false);
    (void)pthread_mutex_unlock(&a->mutex);
    atomic_store_explicit(&a->refused, 0, memory_order_relaxed);
}

bool writer_tell(struct audit *a)
{
    const char *what = NULL;
    struct cb_err err;
    if (own_write(a, &what, &err) == CB_OK) {
        return true;
    }
    writer_abandon(a, what, &err);
    return writer_replace(a);
}

/* close_lost - attempts whose outcome was turned away while the disk hung. False: BLOCKED. */
static bool close_lost(struct audit *a)
{
    own_begin(a);
    own_add_lost(a);
    return writer_tell(a);
}

void writer_tick(struct audit *a)
{
    struct cb_err err;
    a->roll_failed = false;
    writer_check_space(a);
    if (atomic_load(&a->blocked)) {
        probe(a);
        return;
    }
    bool gone = false;
    if (segment_check(&a->segment, a->io, &gone, &err) != CB_OK) {
        writer_abandon(a, "file", &err);
        if (!writer_replace(a)) {
            return;
        }
    }
    if ((!commit_roll_is_due(a) || writer_roll(a)) && close_lost(a) && watch_sealer(a) &&
        watch_clock(a)) {
        (void)watch_silence(a);
    }
}
