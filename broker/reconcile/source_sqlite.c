/* source_sqlite.c - CFSSL's certificate database in SQLite, read beside a running CFSSL.
 *
 * Opened read-only. Rows come in pieces of PIECE_ROWS, each a read transaction of its own: in
 * rollback-journal mode a reader keeps writers waiting, and CFSSL gives up after five seconds. Rows
 * are only ever added behind the last one, so pieces by rowid leave none out. That the rowid is one is
 * not taken on trust: a column of that name hides it, and a file that was made to would never end. A database in WAL mode
 * whose -shm file cannot be made (a copy on a read-only disk) is opened as immutable, but only when
 * there is no -wal file whose content that would leave out. */
#include "broker/reconcile/source.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PIECE_ROWS 2000
#define BUSY_MS 5000
#define ROW_BYTES_MAX (1 << 20)
#define TICK_STEPS 1000000 /* of the virtual machine */
#define TICKS_MAX 50U      /* for one piece; a row takes about 30 steps */

struct reading {
    const char *path;
    sqlite3 *db;
    sqlite3_stmt *piece;
    row_fn row;
    void *ctx;
    sqlite3_int64 last; /* rowid */
    sqlite3_int64 from; /* the smallest that may come next */
    bool is_over;       /* there is no larger one */
    int num;            /* rows of this piece */
    unsigned ticks;
};

static enum cb_code db_failed(const struct reading *r, const char *what, struct cb_err *err)
{
    const int code = sqlite3_extended_errcode(r->db);
    const char *hint = "";
    if (code == SQLITE_READONLY_ROLLBACK) {
        hint = ": a transaction was cut off; let CFSSL open it once, or reconcile a copy made with "
               "sqlite3's .backup";
    } else if ((code & 0xff) == SQLITE_NOTADB) {
        hint = ": it is no SQLite database";
    } else if ((code & 0xff) == SQLITE_BUSY) {
        hint = ": somebody holds it locked; try again";
    }
    return cb_fail(err, (code & 0xff) == SQLITE_CORRUPT ? CB_ECORRUPT : CB_EINPUT, "%s: %s: %s%s",
                   r->path, what, sqlite3_errmsg(r->db), hint);
}

/* ---- opening ---- */

/* on_progress - an end to what a file may have been made for: to keep us busy. */
static int on_progress(void *ctx)
{
    struct reading *r = ctx;
    return ++r->ticks > TICKS_MAX;
}

static void harden(struct reading *r)
{
    sqlite3 *db = r->db;
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_progress_handler(db, TICK_STEPS, on_progress, r);
}

static bool can_be_read(sqlite3 *db)
{
    return sqlite3_exec(db, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL) == SQLITE_OK;
}

/* has_wal - is there a write-ahead log with anything in it? */
static bool has_wal(const char *path)
{
    char name[4096];
    struct stat st;
    const int len = snprintf(name, sizeof(name), "%s-wal", path);
    return len < 0 || (size_t)len >= sizeof(name) || (stat(name, &st) == 0 && st.st_size > 0);
}

/* add_uri_path - what has a meaning in a URI is escaped. */
static void add_uri_path(struct buf *out, const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        if (ascii_is_alnum(*c) || slice_has_byte(SLICE("/._-"), *c)) {
            buf_add_char(out, *c);
        } else {
            buf_printf(out, "%%%02x", (unsigned)(unsigned char)*c);
        }
    }
}

static bool open_immutable(struct reading *r)
{
    struct buf uri;
    buf_init(&uri, 16384);
    buf_add_str(&uri, "file:");
    add_uri_path(&uri, r->path);
    buf_add_str(&uri, "?immutable=1");
    (void)sqlite3_close(r->db);
    r->db = NULL;
    const bool good =
        buf_ok(&uri) && sqlite3_open_v2(uri.data, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                                        NULL) == SQLITE_OK;
    buf_free(&uri);
    if (good) {
        harden(r);
    }
    return good && can_be_read(r->db);
}

static enum cb_code open_db(struct reading *r, struct cb_err *err)
{
    struct stat st;
    if (stat(r->path, &st) != 0) {
        return cb_fail_errno(err, "%s", r->path);
    }
    if (!S_ISREG(st.st_mode)) {
        return cb_fail(err, CB_EINPUT, "%s: is no regular file", r->path);
    }
    if (sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        return db_failed(r, "cannot be opened", err);
    }
    harden(r);
    if (can_be_read(r->db)) {
        return CB_OK;
    }
    const int code = sqlite3_errcode(r->db);
    const bool may_be_wal = code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
    return may_be_wal && !has_wal(r->path) && open_immutable(r)
               ? CB_OK
               : db_failed(r, "cannot be read", err);
}

/* ---- the table ---- */

/* hides_rowid - SQLite has three names for it, and a column of each hides it. */
static bool hides_rowid(const char *name)
{
    return sqlite3_stricmp(name, "rowid") == 0 || sqlite3_stricmp(name, "oid") == 0 ||
           sqlite3_stricmp(name, "_rowid_") == 0;
}

/* find_columns - which of ours it has. A view of that name could be anything. */
static enum cb_code find_columns(struct reading *r, bool has[CA_ROW_COLUMNS], struct cb_err *err)
{
    sqlite3_stmt *info = NULL;
    size_t num = 0;
    bool is_hidden = false;
    if (sqlite3_prepare_v2(r->db,
                           "SELECT i.name FROM sqlite_schema s, pragma_table_xinfo(s.name) i "
                           "WHERE s.type = 'table' AND s.name = 'certificates'",
                           -1, &info, NULL) != SQLITE_OK) {
        return db_failed(r, "its tables cannot be read", err);
    }
    while (sqlite3_step(info) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(info, 0);
        num++;
        is_hidden = is_hidden || (name != NULL && hides_rowid(name));
        for (size_t i = 0; name != NULL && i < CA_ROW_COLUMNS; i++) {
            has[i] = has[i] || strcmp(name, ca_row_names[i]) == 0;
        }
    }
    (void)sqlite3_finalize(info);
    if (num == 0) {
        return cb_fail(err, CB_EINPUT,
                       "%s: has no table \"certificates\": it is not a database that CFSSL's "
                       "migrations made",
                       r->path);
    }
    if (is_hidden) {
        return cb_fail(err, CB_EINPUT,
                       "%s: its table \"certificates\" has a column named rowid, oid or _rowid_, "
                       "which hides the order of its rows: CFSSL's migrations make none",
                       r->path);
    }
    for (size_t i = 0; i < CA_ROW_COLUMNS; i++) {
        if (ca_row_is_required(i) && !has[i]) {
            return cb_fail(err, CB_EINPUT, "%s: its table \"certificates\" has no column \"%s\"",
                           r->path, ca_row_names[i]);
        }
    }
    return CB_OK;
}

static enum cb_code prepare(struct reading *r, struct cb_err *err)
{
    bool has[CA_ROW_COLUMNS] = {false};
    struct buf sql;
    TRY(find_columns(r, has, err));
    buf_init(&sql, 4096);
    buf_add_str(&sql, "SELECT rowid");
    for (size_t i = 0; i < CA_ROW_COLUMNS; i++) {
        buf_printf(&sql, ", %s", has[i] ? ca_row_names[i] : "NULL");
    }
    buf_printf(&sql, " FROM certificates WHERE rowid >= ?1 ORDER BY rowid LIMIT %d", PIECE_ROWS);
    const bool good = buf_ok(&sql) && sqlite3_prepare_v2(r->db, sql.data, (int)sql.len + 1,
                                                         &r->piece, NULL) == SQLITE_OK;
    buf_free(&sql);
    return good ? CB_OK : db_failed(r, "its certificates cannot be read", err);
}

/* ---- rows ---- */

static struct slice column(sqlite3_stmt *stmt, int i)
{
    if (sqlite3_column_type(stmt, i) == SQLITE_NULL) {
        return (struct slice){NULL, 0};
    }
    const char *data = sqlite3_column_blob(stmt, i); /* of a text or number: its text */
    return (struct slice){data == NULL ? "" : data, (size_t)sqlite3_column_bytes(stmt, i)};
}

static enum cb_code hand_over(struct reading *r, struct cb_err *err)
{
    struct ca_row row = {0};
    for (size_t i = 0; i < CA_ROW_COLUMNS; i++) {
        const struct slice value = column(r->piece, (int)i + 1);
        if (value.len > CA_FIELD_MAX) {
            return cb_fail(err, CB_ELIMIT,
                           "%s: rowid %lld: %s has %zu bytes, at most %zu are taken", r->path,
                           (long long)r->last, ca_row_names[i], value.len, CA_FIELD_MAX);
        }
        *ca_row_column(&row, slice_of(ca_row_names[i])) = value;
    }
    return r->row(r->ctx, &row, err);
}

/* next_rowid - each is larger than the one before, or this would have no end. */
static enum cb_code next_rowid(struct reading *r, struct cb_err *err)
{
    const sqlite3_int64 rowid = sqlite3_column_int64(r->piece, 0);
    if (rowid < r->from || r->is_over) {
        return cb_fail(err, CB_EINPUT, "%s: rowid %lld comes after %lld: it is not in order",
                       r->path, (long long)rowid, (long long)r->last);
    }
    r->last = rowid;
    r->is_over = rowid == INT64_MAX;
    r->from = r->is_over ? rowid : rowid + 1;
    return CB_OK;
}

/* read_piece - the read transaction ends with the reset. */
static enum cb_code read_piece(struct reading *r, struct cb_err *err)
{
    enum cb_code code = CB_OK;
    int step = SQLITE_ROW;
    r->num = 0;
    r->ticks = 0;
    if (sqlite3_bind_int64(r->piece, 1, r->from) != SQLITE_OK) {
        return db_failed(r, "its certificates cannot be read", err);
    }
    while (code == CB_OK && (step = sqlite3_step(r->piece)) == SQLITE_ROW) {
        code = next_rowid(r, err);
        r->num++;
        if (code == CB_OK) {
            code = hand_over(r, err);
        }
    }
    if (code == CB_OK && step != SQLITE_DONE) {
        code = db_failed(r, "its certificates cannot be read", err);
    }
    (void)sqlite3_reset(r->piece);
    return code;
}

static enum cb_code read_all(struct reading *r, struct cb_err *err)
{
    TRY(open_db(r, err));
    TRY(prepare(r, err));
    r->from = INT64_MIN;
    do {
        TRY(read_piece(r, err));
    } while (r->num == PIECE_ROWS && !r->is_over);
    return CB_OK;
}

enum cb_code source_sqlite(const char *path, struct source_facts *facts, row_fn row, void *ctx,
                           struct cb_err *err)
{
    struct reading r = {.path = path, .row = row, .ctx = ctx};
    (void)snprintf(facts->text, sizeof(facts->text), "sqlite %s", path);
    facts->is_in_order = true;
    facts->has_status = true;
    const enum cb_code code = read_all(&r, err);
    (void)sqlite3_finalize(r.piece);
    (void)sqlite3_close(r.db);
    return code;
}
