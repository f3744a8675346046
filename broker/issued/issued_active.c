/* issued_active.c - the certificates that a limit counts: of one principal, under one rule, active and
 * not expired. How many there may be, and what is under way, is issued_room.c's business. */
#include "broker/issued/issued_db.h"

#include <sqlite3.h>

/* bind_limit - parameters 1 to 3 of all the queries here. */
static void bind_limit(sqlite3_stmt *stmt, const struct issued_limit *limit, int64_t now_s)
{
    stmt_bind_text(stmt, 1, limit->principal);
    stmt_bind_text(stmt, 2, limit->rule);
    (void)sqlite3_bind_int64(stmt, 3, now_s);
}

enum cb_code issued_db_count(struct issued_db *db, const struct issued_limit *limit, int64_t now_s,
                             uint64_t *ret, struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[limit->of_delegate ? STMT_COUNT_DELEGATE : STMT_COUNT_OWN];
    bind_limit(stmt, limit, now_s);
    const int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *ret = (uint64_t)sqlite3_column_int64(stmt, 0);
    }
    const enum cb_code code = rc == SQLITE_ROW ? CB_OK : issued_db_fail(db, rc, "count", err);
    stmt_done(stmt);
    return code;
}

enum cb_code issued_db_leaving(struct issued_db *db, const struct issued_limit *limit,
                               int64_t now_s, uint64_t max, uint64_t *ret, struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[STMT_LEAVING];
    bind_limit(stmt, limit, now_s);
    (void)sqlite3_bind_int64(stmt, 4, (int64_t)max);
    (void)sqlite3_bind_int(stmt, 5, limit->of_delegate ? 1 : 0);
    const int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *ret = (uint64_t)sqlite3_column_int64(stmt, 0);
    }
    const enum cb_code code = rc == SQLITE_ROW ? CB_OK : issued_db_fail(db, rc, "count", err);
    stmt_done(stmt);
    return code;
}

enum cb_code issued_db_is_counted(struct issued_db *db, const struct issued_limit *limit,
                                  int64_t now_s, struct slice serial, bool *ret, struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[STMT_COUNTED];
    bind_limit(stmt, limit, now_s);
    stmt_bind_text(stmt, 4, serial);
    (void)sqlite3_bind_int(stmt, 5, limit->of_delegate ? 1 : 0);
    const int rc = sqlite3_step(stmt);
    const bool is_good = rc == SQLITE_ROW || rc == SQLITE_DONE;
    const enum cb_code code = is_good ? CB_OK : issued_db_fail(db, rc, "read", err);
    *ret = rc == SQLITE_ROW;
    stmt_done(stmt);
    return code;
}

/* walk - the rows of a bound query for a serial and a time. */
static enum cb_code walk(struct issued_db *db, sqlite3_stmt *stmt,
                         bool (*each)(void *ctx, struct slice serial, int64_t not_after_s),
                         void *ctx, struct cb_err *err)
{
    bool go_on = true;
    int rc = SQLITE_DONE;
    while (go_on && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const void *text = sqlite3_column_blob(stmt, 0);
        const struct slice serial = {text == NULL ? "" : text,
                                     (size_t)sqlite3_column_bytes(stmt, 0)};
        go_on = each(ctx, serial, sqlite3_column_int64(stmt, 1));
    }
    const bool is_good = rc == SQLITE_ROW || rc == SQLITE_DONE;
    const enum cb_code code = is_good ? CB_OK : issued_db_fail(db, rc, "read", err);
    stmt_done(stmt);
    return code;
}

enum cb_code issued_db_expiring(struct issued_db *db, const struct issued_limit *limit,
                                int64_t now_s,
                                bool (*each)(void *ctx, struct slice serial, int64_t not_after_s),
                                void *ctx, struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[limit->of_delegate ? STMT_EXPIRY_DELEGATE : STMT_EXPIRY_OWN];
    bind_limit(stmt, limit, now_s);
    return walk(db, stmt, each, ctx, err);
}

enum cb_code issued_db_oldest(struct issued_db *db, const struct issued_limit *const *limits,
                              size_t num, const struct issued_room *room,
                              bool (*each)(void *ctx, struct slice serial, int64_t not_after_s),
                              void *ctx, struct cb_err *err)
{
    const struct issued_limit *own = NULL;
    const struct issued_limit *delegate = NULL;
    for (size_t i = 0; i < num; i++) {
        if (limits[i]->of_delegate) {
            delegate = limits[i];
        } else {
            own = limits[i];
        }
    }
    if (own == NULL) {
        CB_CHECK(delegate != NULL);
        sqlite3_stmt *stmt = db->stmts[STMT_OLDEST_DELEGATE];
        bind_limit(stmt, delegate, room->now_s);
        stmt_bind_text(stmt, 4, room->owner);
        return walk(db, stmt, each, ctx, err);
    }
    sqlite3_stmt *stmt = db->stmts[STMT_OLDEST_OWN];
    bind_limit(stmt, own, room->now_s);
    if (room->delegate.ptr != NULL) {
        stmt_bind_text(stmt, 4, room->delegate);
        stmt_bind_text(stmt, 5, room->delegate_rule);
    }
    return walk(db, stmt, each, ctx, err);
}
