/* issued_peek.c - what the index remembers of the log, asked before the log is opened; and doing away with
 * it. Opens nothing for writing. */
#include "broker/base/file.h"
#include "broker/issued/issued.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#define PATH_TEXT_MAX 4096U
#define ORIGIN_TEXT_MAX 256U

/* read_applied - 0 where there is no such row, or it cannot be read. */
static uint64_t read_applied(sqlite3 *db, struct slice origin)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t applied = 0;
    if (sqlite3_prepare_v2(db, "SELECT applied FROM meta WHERE origin=?1", -1, &stmt, NULL) ==
            SQLITE_OK &&
        sqlite3_bind_blob(stmt, 1, origin.ptr, (int)origin.len, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        const sqlite3_int64 value = sqlite3_column_int64(stmt, 0);
        applied = value > 0 ? (uint64_t)value : 0;
    }
    (void)sqlite3_finalize(stmt);
    return applied;
}

uint64_t issued_peek(const char *path, const char *audit_dir)
{
    char name[PATH_TEXT_MAX];
    struct buf origin;
    struct cb_err ignored;
    sqlite3 *db = NULL;
    uint64_t applied = 0;
    const int len = snprintf(name, sizeof(name), "%s/state/origin", audit_dir);
    if (access(path, F_OK) != 0 || len < 0 || len >= (int)sizeof(name) ||
        file_read(name, FILE_PUBLIC, ORIGIN_TEXT_MAX, &origin, &ignored) != CB_OK) {
        return 0;
    }
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        applied = read_applied(db, buf_slice(&origin));
    }
    (void)sqlite3_close(db);
    buf_free(&origin);
    return applied;
}

enum cb_code issued_remove(const char *path, struct cb_err *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char name[PATH_TEXT_MAX];
        if (snprintf(name, sizeof(name), "%s%s", path, suffixes[i]) >= (int)sizeof(name)) {
            return cb_fail(err, CB_EINPUT, "index of certificates: path too long");
        }
        if (unlink(name) != 0 && errno != ENOENT) {
            return cb_fail_errno(err, "index of certificates: cannot remove %s", name);
        }
    }
    return CB_OK;
}
