/* issued_db.c - opens, creates and checks the database file, and runs transactions. Knows the
 * schema and nothing of what the rows mean: that is issued_rows.c. Does not repair: a damaged file
 * is reported, and whoever opened it makes a new one from the audit log. */
#include "broker/issued/issued_db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 500

/* cache_size is in KiB when negative. NORMAL: a commit is not synced, so a power cut may lose the
 * newest transactions but never breaks the file; what is lost is read from the log again. */
static const char pragmas[] = "PRAGMA journal_mode=WAL;"
                              "PRAGMA synchronous=NORMAL;"
                              "PRAGMA cache_size=-2048;"
                              "PRAGMA mmap_size=0;"
                              "PRAGMA temp_store=MEMORY;"
                              "PRAGMA trusted_schema=OFF;";

/* ref, the number of the record that told of it, orders certificates by age. state is enum
 * cert_state; owner is NULL for certificates not issued through us; delegate is NULL where the owner
 * asked for it itself. Whose idempotency key it is: the one who asked. */
static const char schema[] =
    "CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id=1), applied INTEGER NOT NULL,"
    " crc BLOB NOT NULL, origin BLOB NOT NULL);"
    "CREATE TABLE cert(ref INTEGER PRIMARY KEY, serial TEXT NOT NULL UNIQUE,"
    " serial_dec TEXT NOT NULL, aki TEXT NOT NULL, owner TEXT, state INTEGER NOT NULL,"
    " reason TEXT, not_after INTEGER NOT NULL, cn TEXT, names BLOB, idem TEXT, ask TEXT,"
    " rule TEXT, delegate TEXT, delegate_rule TEXT);"
    "CREATE INDEX cert_key ON cert(ifnull(delegate,owner),idem) WHERE idem IS NOT NULL;"
    "CREATE INDEX cert_doomed ON cert(ref) WHERE state=2;"
    "CREATE INDEX cert_own ON cert(owner,rule,not_after) WHERE state=0;"
    "CREATE INDEX cert_delegate ON cert(delegate,delegate_rule,not_after)"
    " WHERE state=0 AND delegate IS NOT NULL;"
    "PRAGMA user_version=2;";

/* What a limit counts; the same words in all queries, so that they use the indexes. */
#define ACTIVE_OWN " FROM cert WHERE state=0 AND owner=?1 AND rule=?2 AND not_after>=?3"
#define ACTIVE_DELEGATE                                                                            \
    " FROM cert WHERE state=0 AND delegate=?1 AND delegate_rule=?2 AND not_after>=?3"

#define CERT_COLUMNS "serial,serial_dec,aki,owner,ref,state,reason,not_after,cn,names,ask"

static const char *const stmt_sql[ISSUED_STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_MARK] = "UPDATE meta SET applied=?1,crc=?2 WHERE id=1",
    [STMT_ADD] = "INSERT OR IGNORE INTO cert(serial,serial_dec,aki,owner,ref,state,reason,"
                 "not_after,cn,names,ask,idem,rule,delegate,delegate_rule) "
                 "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
    [STMT_STATE] = "SELECT state,owner FROM cert WHERE serial=?1",
    [STMT_SET_STATE] = "UPDATE cert SET state=?2,reason=?3 WHERE serial=?1",
    [STMT_BY_SERIAL] = "SELECT " CERT_COLUMNS " FROM cert WHERE serial=?1",
    [STMT_BY_KEY] = "SELECT " CERT_COLUMNS " FROM cert WHERE ifnull(delegate,owner)=?1 AND idem=?2 "
                    "ORDER BY ref DESC LIMIT 1",
    [STMT_DOOMED] = "SELECT " CERT_COLUMNS " FROM cert WHERE state=2 ORDER BY ref LIMIT ?1",
    [STMT_COUNT_OWN] = "SELECT count(*)" ACTIVE_OWN,
    [STMT_COUNT_DELEGATE] = "SELECT count(*)" ACTIVE_DELEGATE,
    [STMT_COUNTED] = "SELECT 1 FROM cert WHERE serial=?4 AND state=0 AND not_after>=?3 AND CASE ?5 "
                     "WHEN 0 THEN owner=?1 AND rule=?2 ELSE delegate=?1 AND delegate_rule=?2 END",
    [STMT_EXPIRY_OWN] = "SELECT serial,not_after" ACTIVE_OWN " ORDER BY not_after,ref",
    [STMT_EXPIRY_DELEGATE] = "SELECT serial,not_after" ACTIVE_DELEGATE " ORDER BY not_after,ref",
    [STMT_OLDEST_OWN] = "SELECT serial,not_after" ACTIVE_OWN
                        " AND (?4 IS NULL OR (delegate=?4 AND delegate_rule=?5)) ORDER BY ref",
    [STMT_OLDEST_DELEGATE] = "SELECT serial,not_after" ACTIVE_DELEGATE " AND owner=?4 ORDER BY ref",
    [STMT_LEAVING] = "SELECT count(*) FROM (SELECT 1 FROM cert WHERE state=2 AND not_after>=?3 AND "
                     "CASE ?5 WHEN 0 THEN owner=?1 AND rule=?2 ELSE delegate=?1 AND "
                     "delegate_rule=?2 END LIMIT ?4)",
};

enum cb_code issued_db_fail(struct issued_db *db, int code, const char *what, struct cb_err *err)
{
    const char *text = db->sqlite == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(db->sqlite);
    enum cb_code kind = CB_ESYS;
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        kind = CB_ECORRUPT;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        kind = CB_EBUSY;
        break;
    case SQLITE_NOMEM:
        kind = CB_ENOMEM;
        break;
    default: /* SQLite's codes, not an enum of ours */
        break;
    }
    return cb_fail(err, kind, "index of certificates: %s: %s (%d)", what, text, code);
}

static enum cb_code exec(struct issued_db *db, const char *sql, const char *what,
                         struct cb_err *err)
{
    const int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? CB_OK : issued_db_fail(db, rc, what, err);
}

static enum cb_code run(struct issued_db *db, enum issued_stmt which, const char *what,
                        struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[which];
    const int rc = sqlite3_step(stmt);
    const enum cb_code code =
        rc == SQLITE_DONE || rc == SQLITE_ROW ? CB_OK : issued_db_fail(db, rc, what, err);
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return code;
}

/* read_cell - the first column of a query's first row as text; absent when there is no row. */
static enum cb_code read_cell(struct issued_db *db, const char *sql, struct buf *out, bool *found,
                              struct cb_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
    }
    *found = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW) {
        const void *cell = sqlite3_column_blob(stmt, 0);
        buf_add(out, cell, (size_t)sqlite3_column_bytes(stmt, 0));
    }
    const enum cb_code code =
        rc == SQLITE_ROW || rc == SQLITE_DONE ? CB_OK : issued_db_fail(db, rc, sql, err);
    (void)sqlite3_finalize(stmt);
    return code;
}

/* cell_is - does this query answer exactly want? */
static enum cb_code cell_is(struct issued_db *db, const char *sql, struct slice want, bool *ret,
                            struct cb_err *err)
{
    struct buf cell;
    buf_init(&cell, 2 * (size_t)ORIGIN_MAX);
    bool found = false;
    const enum cb_code code = read_cell(db, sql, &cell, &found, err);
    *ret = found && buf_ok(&cell) && slice_eq(buf_slice(&cell), want);
    buf_free(&cell);
    return code;
}

static enum cb_code create(struct issued_db *db, struct slice origin, struct cb_err *err)
{
    TRY(exec(db, "BEGIN IMMEDIATE", "begin", err));
    TRY(exec(db, schema, "create the tables", err));
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, "INSERT INTO meta VALUES(1,0,x'',?1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_bind_blob(stmt, 1, origin.ptr, (int)origin.len, SQLITE_STATIC);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
    }
    const enum cb_code code =
        rc == SQLITE_DONE ? CB_OK : issued_db_fail(db, rc, "name the log", err);
    (void)sqlite3_finalize(stmt);
    TRY(code);
    return exec(db, "COMMIT", "commit", err);
}

/* check_or_create - an empty file gets its tables, any other must be whole, of this version and of
 * this log. */
static enum cb_code check_or_create(struct issued_db *db, struct slice origin, struct cb_err *err)
{
    bool is_empty = false;
    bool is_good = false;
    TRY(cell_is(db, "SELECT count(*) FROM sqlite_schema", SLICE("0"), &is_empty, err));
    if (is_empty) {
        return create(db, origin, err);
    }
    TRY(cell_is(db, "PRAGMA quick_check(1)", SLICE("ok"), &is_good, err));
    if (!is_good) {
        return cb_fail(err, CB_ECORRUPT, "index of certificates: the file is damaged");
    }
    TRY(cell_is(db, "PRAGMA user_version", SLICE("2"), &is_good, err));
    if (!is_good) {
        return cb_fail(err, CB_EINPUT, "index of certificates: made by another version");
    }
    TRY(cell_is(db, "SELECT origin FROM meta", origin, &is_good, err));
    if (!is_good) {
        return cb_fail(err, CB_EINPUT, "index of certificates: made from another audit log");
    }
    return CB_OK;
}

static enum cb_code prepare_all(struct issued_db *db, struct cb_err *err)
{
    for (size_t i = 0; i < ISSUED_STMT_COUNT; i++) {
        const int rc = sqlite3_prepare_v3(db->sqlite, stmt_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                          &db->stmts[i], NULL);
        if (rc != SQLITE_OK) {
            return issued_db_fail(db, rc, "prepare", err);
        }
    }
    return CB_OK;
}

static enum cb_code read_mark(struct issued_db *db, struct cb_err *err)
{
    struct buf applied;
    struct buf crc;
    buf_init(&applied, 32);
    buf_init(&crc, 32);
    bool found = false;
    enum cb_code code = read_cell(db, "SELECT applied FROM meta", &applied, &found, err);
    if (code == CB_OK) {
        code = read_cell(db, "SELECT crc FROM meta", &crc, &found, err);
    }
    if (code == CB_OK && !slice_to_u64(buf_slice(&applied), &db->now.mark.applied)) {
        code = cb_fail(err, CB_ECORRUPT, "index of certificates: no mark");
    }
    if (code == CB_OK && crc.len == MARK_CRC_LEN) {
        memcpy(db->now.mark.crc, crc.data, MARK_CRC_LEN);
    }
    buf_free(&applied);
    buf_free(&crc);
    return code;
}

static enum cb_code count_states(struct issued_db *db, struct cb_err *err)
{
    static const char *const sql[CERT_STATE_COUNT] = {
        "SELECT count(*) FROM cert WHERE state=0",
        "SELECT count(*) FROM cert WHERE state=1",
        "SELECT count(*) FROM cert WHERE state=2",
    };
    for (size_t i = 0; i < CERT_STATE_COUNT; i++) {
        struct buf cell;
        buf_init(&cell, 32);
        bool found = false;
        const enum cb_code code = read_cell(db, sql[i], &cell, &found, err);
        const bool is_number = slice_to_u64(buf_slice(&cell), &db->now.num[i]);
        buf_free(&cell);
        TRY(code);
        if (!is_number) {
            return cb_fail(err, CB_ECORRUPT, "index of certificates: cannot be counted");
        }
    }
    return CB_OK;
}

static enum cb_code open_file(struct issued_db *db, const char *path, struct cb_err *err)
{
    /* Made here first so that it is ours alone whatever the umask; SQLite gives its other files
     * the same mode. */
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot open the index of certificates %s", path);
    }
    (void)close(fd);
    const int rc =
        sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        return issued_db_fail(db, rc, path, err);
    }
    (void)sqlite3_extended_result_codes(db->sqlite, 1);
    (void)sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return exec(db, pragmas, "set up", err);
}

static enum cb_code open_all(struct issued_db *db, const char *path, struct slice origin,
                             struct cb_err *err)
{
    TRY(open_file(db, path, err));
    TRY(check_or_create(db, origin, err));
    TRY(prepare_all(db, err));
    TRY(read_mark(db, err));
    return count_states(db, err);
}

enum cb_code issued_db_open(const char *path, struct slice origin, struct issued_db **ret,
                            struct cb_err *err)
{
    struct issued_db *db = calloc(1, sizeof(*db));
    if (db == NULL) {
        return cb_fail(err, CB_ENOMEM, "index of certificates: out of memory");
    }
    const enum cb_code code = open_all(db, path, origin, err);
    if (code != CB_OK) {
        issued_db_close(db);
        return code;
    }
    *ret = db;
    return CB_OK;
}

void issued_db_close(struct issued_db *db)
{
    if (db == NULL) {
        return;
    }
    for (size_t i = 0; i < ISSUED_STMT_COUNT; i++) {
        (void)sqlite3_finalize(db->stmts[i]);
    }
    (void)sqlite3_close(db->sqlite);
    free(db);
}

enum cb_code issued_db_begin(struct issued_db *db, struct cb_err *err)
{
    if (db->pending > 0) {
        return CB_OK;
    }
    TRY(run(db, STMT_BEGIN, "begin", err));
    db->saved = db->now;
    db->pending = 1;
    return CB_OK;
}

void issued_db_applied(struct issued_db *db, const struct issued_mark *mark)
{
    db->now.mark = *mark;
    db->pending++;
}

enum cb_code issued_db_commit(struct issued_db *db, struct cb_err *err)
{
    if (db->pending == 0) {
        return CB_OK;
    }
    sqlite3_stmt *stmt = db->stmts[STMT_MARK];
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)db->now.mark.applied);
    (void)sqlite3_bind_blob(stmt, 2, db->now.mark.crc, MARK_CRC_LEN, SQLITE_STATIC);
    TRY(run(db, STMT_MARK, "set the mark", err));
    TRY(run(db, STMT_COMMIT, "commit", err));
    db->pending = 0;
    return CB_OK;
}

void issued_db_rollback(struct issued_db *db)
{
    if (db->pending == 0) {
        return;
    }
    struct cb_err ignored; /* SQLite has rolled back by itself after its worst errors */
    (void)!run(db, STMT_ROLLBACK, "roll back", &ignored);
    db->now = db->saved;
    db->pending = 0;
}
