/* issued_sync.c - catching up with the log, and making the database anew where catching up cannot
 * help. The log is the truth: nothing here ever writes to it, and a log that cannot be read is an
 * error, never a reason to drop the database. */
#include "broker/issued/issued_sync.h"

#include "audit/read/reader.h"
#include "broker/base/file.h"
#include "broker/base/log.h"
#include "broker/issued/issued_apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH_RECORDS 4096U /* of one transaction while catching up */
#define PATH_TEXT_MAX 4096U

enum cb_code issued_sync_init(struct issued_sync *s, const char *path, const char *audit_dir,
                              struct cb_err *err)
{
    *s = (struct issued_sync){.path = strdup(path), .audit_dir = strdup(audit_dir)};
    if (s->path == NULL || s->audit_dir == NULL) {
        issued_sync_free(s);
        return cb_fail(err, CB_ENOMEM, "index of certificates: out of memory");
    }
    return CB_OK;
}

void issued_sync_free(struct issued_sync *s)
{
    issued_db_close(s->db);
    s->db = NULL;
    free(s->path);
    free(s->audit_dir);
    s->path = NULL;
    s->audit_dir = NULL;
}

/* ---- opening and replacing the file ---- */
static enum cb_code read_origin(const char *audit_dir, struct buf *out, struct cb_err *err)
{
    char path[PATH_TEXT_MAX];
    if (snprintf(path, sizeof(path), "%s/state/origin", audit_dir) >= (int)sizeof(path)) {
        return cb_fail(err, CB_EINPUT, "index of certificates: the audit log's path is too long");
    }
    return file_read(path, FILE_PUBLIC, ORIGIN_MAX, out, err);
}

/* put_away - close the database and make room for a new one. */
static enum cb_code put_away(struct issued_sync *s, bool is_damaged, struct cb_err *err)
{
    issued_db_close(s->db);
    s->db = NULL;
    if (is_damaged) {
        char aside[PATH_TEXT_MAX];
        if (snprintf(aside, sizeof(aside), "%s.damaged", s->path) >= (int)sizeof(aside)) {
            return cb_fail(err, CB_EINPUT, "index of certificates: path too long");
        }
        if (rename(s->path, aside) != 0 && errno != ENOENT) {
            return cb_fail_errno(err, "index of certificates: cannot move %s aside", s->path);
        }
    }
    TRY(issued_remove(s->path, err));
    s->is_damaged = false;
    s->rebuilds++;
    return CB_OK;
}

static enum cb_code open_db(struct issued_sync *s, struct slice origin, struct cb_err *err)
{
    enum cb_code code = issued_db_open(s->path, origin, &s->db, err);
    if (code == CB_ECORRUPT || code == CB_EINPUT) {
        log_warn("issued.rebuild", "%s; making a new one from the audit log%s", err->msg,
                 code == CB_ECORRUPT ? ", the old file is kept with .damaged in its name" : "");
        TRY(put_away(s, code == CB_ECORRUPT, err));
        code = issued_db_open(s->path, origin, &s->db, err);
    }
    return code;
}

static enum cb_code ensure_open(struct issued_sync *s, struct cb_err *err)
{
    if (s->is_damaged) {
        log_warn("issued.rebuild", "the index of certificates is damaged; making a new one from "
                                   "the audit log, the old file is kept with .damaged in its name");
        TRY(put_away(s, true, err));
    }
    if (s->db != NULL) {
        return CB_OK;
    }
    struct buf origin;
    TRY(read_origin(s->audit_dir, &origin, err));
    const enum cb_code code = open_db(s, buf_slice(&origin), err);
    buf_free(&origin);
    return code;
}

/* ---- catching up ---- */
struct walk {
    struct issued_sync *sync;
    uint64_t limit;
    bool is_same_log;  /* the record before the mark was there and is the one we applied */
    enum cb_code code; /* of our own work; CB_OK while all is well */
    struct cb_err *err;
};

static enum cb_code take_line(struct walk *w, uint64_t seq, struct slice line)
{
    struct issued_db *db = w->sync->db;
    /* A new index begins with the oldest record there is: those before were pruned. */
    if (seq != db->now.mark.applied && db->now.mark.applied != 0) {
        return cb_fail(w->err, CB_EINTERNAL, "record %llu follows %llu in the audit log",
                       (unsigned long long)seq, (unsigned long long)db->now.mark.applied);
    }
    TRY(issued_db_begin(db, w->err));
    TRY(issued_apply(db, line, &w->sync->incomplete, w->err));
    struct issued_mark mark = {.applied = seq + 1};
    issued_line_crc(line, mark.crc);
    issued_db_applied(db, &mark);
    return db->pending < BATCH_RECORDS ? CB_OK : issued_db_commit(db, w->err);
}

static bool on_line(void *ctx, uint64_t seq, struct slice line)
{
    struct walk *w = ctx;
    if (seq >= w->limit) {
        return false;
    }
    if (!w->is_same_log) {
        /* The first one: the last record that the database holds. */
        const struct issued_mark *mark = &w->sync->db->now.mark;
        char crc[MARK_CRC_LEN];
        issued_line_crc(line, crc);
        w->is_same_log = seq + 1 == mark->applied && memcmp(crc, mark->crc, MARK_CRC_LEN) == 0;
        return w->is_same_log;
    }
    w->code = take_line(w, seq, line);
    return w->code == CB_OK;
}

/* catch_up - apply what the log has and the database lacks. *ret_is_same_log false: the database
 * holds records that this log does not have. */
static enum cb_code catch_up(struct issued_sync *s, uint64_t limit, bool *ret_is_same_log,
                             struct cb_err *err)
{
    const uint64_t applied = s->db->now.mark.applied;
    struct walk w = {.sync = s, .limit = limit, .is_same_log = applied == 0, .err = err};
    const enum cb_code walked =
        audit_walk(s->audit_dir, applied == 0 ? 0 : applied - 1, on_line, &w, err);
    if (walked == CB_OK && w.code == CB_OK) {
        w.code = issued_db_commit(s->db, err);
    }
    issued_db_rollback(s->db); /* whatever could not be committed */
    s->is_damaged = s->is_damaged || w.code == CB_ECORRUPT;
    *ret_is_same_log = w.is_same_log;
    return walked == CB_OK ? w.code : walked;
}

enum cb_code issued_sync_bring(struct issued_sync *s, uint64_t limit, struct cb_err *err)
{
    TRY(ensure_open(s, err));
    bool is_same_log = false;
    TRY(catch_up(s, limit, &is_same_log, err));
    if (is_same_log) {
        return CB_OK;
    }
    log_warn("issued.rebuild", "the index of certificates holds records that the audit log does "
                               "not have; making a new one from the log");
    TRY(put_away(s, false, err));
    TRY(ensure_open(s, err));
    return catch_up(s, limit, &is_same_log, err);
}
