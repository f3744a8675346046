/* issued_rows.c - certificates into and out of the database. */
#include "broker/issued/issued_db.h"

#include <sqlite3.h>

/* The order of the columns in every SELECT of certificates. */
enum {
    COL_SERIAL,
    COL_SERIAL_DEC,
    COL_AKI,
    COL_OWNER,
    COL_REF,
    COL_STATE,
    COL_REASON,
    COL_NOT_AFTER,
    COL_CN,
    COL_NAMES,
    COL_ASK
};

void stmt_bind_text(struct sqlite3_stmt *stmt, int at, struct slice text)
{
    if (text.ptr == NULL) {
        (void)sqlite3_bind_null(stmt, at);
    } else {
        (void)sqlite3_bind_text(stmt, at, text.ptr, (int)text.len, SQLITE_STATIC);
    }
}

void stmt_done(struct sqlite3_stmt *stmt)
{
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
}

/* run - one change; *ret_changed (may be NULL): did it touch a row? */
static enum cb_code run(struct issued_db *db, sqlite3_stmt *stmt, bool *ret_changed,
                        struct cb_err *err)
{
    const int rc = sqlite3_step(stmt);
    const bool is_done = rc == SQLITE_DONE;
    const enum cb_code code = is_done ? CB_OK : issued_db_fail(db, rc, "write", err);
    if (is_done && ret_changed != NULL) {
        *ret_changed = sqlite3_changes(db->sqlite) > 0;
    }
    stmt_done(stmt);
    return code;
}

bool issued_names_pack(struct buf *out, const struct slice *names, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        const size_t len = names[i].len > UINT16_MAX ? UINT16_MAX : names[i].len;
        buf_add_char(out, (char)(unsigned char)(len >> 8));
        buf_add_char(out, (char)(unsigned char)(len & 0xffU));
        buf_add(out, names[i].ptr, len);
    }
    return buf_ok(out);
}

/* next_name - the packed name at *at, and step over it; false at the end or when cut off. */
static bool next_name(struct slice packed, size_t *at, struct slice *ret)
{
    if (packed.len - *at < 2) {
        return false;
    }
    const unsigned char *p = (const unsigned char *)packed.ptr + *at;
    const size_t len = ((size_t)p[0] << 8) | p[1];
    if (packed.len - *at - 2 < len) {
        return false;
    }
    *ret = (struct slice){packed.ptr + *at + 2, len};
    *at += 2 + len;
    return true;
}

static bool unpack_names(struct slice packed, struct arena *arena, struct issued_cert *ret)
{
    struct slice name;
    size_t at = 0;
    size_t num = 0;
    while (next_name(packed, &at, &name)) {
        num++;
    }
    struct slice *names = arena_array(arena, num + 1, sizeof(*names));
    if (names == NULL) {
        return false;
    }
    at = 0;
    for (size_t i = 0; i < num; i++) {
        (void)next_name(packed, &at, &name);
        names[i] = arena_slice(arena, name);
        if (names[i].ptr == NULL) {
            return false;
        }
    }
    ret->names = names;
    ret->num_names = num;
    return true;
}

static struct slice column(sqlite3_stmt *stmt, int at)
{
    if (sqlite3_column_type(stmt, at) == SQLITE_NULL) {
        return (struct slice){NULL, 0};
    }
    const void *ptr = sqlite3_column_blob(stmt, at);
    return (struct slice){ptr == NULL ? "" : ptr, (size_t)sqlite3_column_bytes(stmt, at)};
}

static void column_fixed(sqlite3_stmt *stmt, int at, char *out, size_t size)
{
    const struct slice text = column(stmt, at);
    const size_t len = text.len < size ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

/* column_dup - false only when out of memory; absent stays absent. */
static bool column_dup(sqlite3_stmt *stmt, int at, struct arena *arena, struct slice *ret)
{
    const struct slice text = column(stmt, at);
    *ret = text.ptr == NULL ? text : arena_slice(arena, text);
    return text.ptr == NULL || ret->ptr != NULL;
}

static enum cb_code read_cert(sqlite3_stmt *stmt, struct arena *arena, struct issued_cert *ret,
                              struct cb_err *err)
{
    const int state = sqlite3_column_int(stmt, COL_STATE);
    if (state < 0 || state >= CERT_STATE_COUNT) {
        return cb_fail(err, CB_ECORRUPT, "index of certificates: a row without a state");
    }
    *ret = (struct issued_cert){
        .state = (enum cert_state)state,
        .ref = (uint64_t)sqlite3_column_int64(stmt, COL_REF),
        .not_after_s = sqlite3_column_int64(stmt, COL_NOT_AFTER),
    };
    column_fixed(stmt, COL_SERIAL, ret->serial_hex, sizeof(ret->serial_hex));
    column_fixed(stmt, COL_SERIAL_DEC, ret->serial_dec, sizeof(ret->serial_dec));
    column_fixed(stmt, COL_AKI, ret->aki_hex, sizeof(ret->aki_hex));
    if (!column_dup(stmt, COL_OWNER, arena, &ret->owner) ||
        !column_dup(stmt, COL_REASON, arena, &ret->revoke_reason) ||
        !column_dup(stmt, COL_CN, arena, &ret->common_name) ||
        !column_dup(stmt, COL_ASK, arena, &ret->ask_sha256) ||
        !unpack_names(column(stmt, COL_NAMES), arena, ret)) {
        return cb_fail(err, CB_ENOMEM, "index of certificates: no memory for the answer");
    }
    return CB_OK;
}

/* find - the one row of a bound SELECT, if there is one. */
static enum cb_code find(struct issued_db *db, sqlite3_stmt *stmt, struct arena *arena,
                         bool *ret_found, struct issued_cert *ret, struct cb_err *err)
{
    const int rc = sqlite3_step(stmt);
    enum cb_code code = CB_OK;
    if (rc == SQLITE_ROW) {
        code = read_cert(stmt, arena, ret, err);
    } else if (rc != SQLITE_DONE) {
        code = issued_db_fail(db, rc, "read", err);
    }
    stmt_done(stmt);
    if (code == CB_OK) {
        *ret_found = rc == SQLITE_ROW;
    }
    return code;
}

enum cb_code issued_db_add(struct issued_db *db, const struct issued_row *row, struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[STMT_ADD];
    stmt_bind_text(stmt, 1, row->serial);
    stmt_bind_text(stmt, 2, row->serial_dec.ptr == NULL ? SLICE("") : row->serial_dec);
    stmt_bind_text(stmt, 3, row->aki.ptr == NULL ? SLICE("") : row->aki);
    stmt_bind_text(stmt, 4, row->owner);
    (void)sqlite3_bind_int64(stmt, 5, (sqlite3_int64)row->ref);
    (void)sqlite3_bind_int(stmt, 6, (int)row->state);
    stmt_bind_text(stmt, 7, row->revoke_reason);
    (void)sqlite3_bind_int64(stmt, 8, row->not_after_s);
    stmt_bind_text(stmt, 9, row->common_name);
    if (row->names.len > 0) {
        (void)sqlite3_bind_blob(stmt, 10, row->names.ptr, (int)row->names.len, SQLITE_STATIC);
    }
    stmt_bind_text(stmt, 11, row->ask_sha256);
    stmt_bind_text(stmt, 12, row->idem);
    stmt_bind_text(stmt, 13, row->rule);
    stmt_bind_text(stmt, 14, row->delegate);
    stmt_bind_text(stmt, 15, row->delegate_rule);
    bool is_new = false;
    TRY(run(db, stmt, &is_new, err));
    db->now.num[row->state] += is_new ? 1 : 0;
    return CB_OK;
}

/* read_state - the state of a serial; *ret_found false when it is not known. owner (may be absent)
 * must own it, else it counts as not found. */
static enum cb_code read_state(struct issued_db *db, struct slice serial, struct slice owner,
                               bool *ret_found, enum cert_state *ret, struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[STMT_STATE];
    stmt_bind_text(stmt, 1, serial);
    const int rc = sqlite3_step(stmt);
    enum cb_code code = CB_OK;
    if (rc == SQLITE_ROW) {
        const int state = sqlite3_column_int(stmt, 0);
        *ret = (enum cert_state)state;
        *ret_found = owner.ptr == NULL || slice_eq(owner, column(stmt, 1));
        if (state < 0 || state >= CERT_STATE_COUNT) {
            code = cb_fail(err, CB_ECORRUPT, "index of certificates: a row without a state");
        }
    } else if (rc == SQLITE_DONE) {
        *ret_found = false;
    } else {
        code = issued_db_fail(db, rc, "read", err);
    }
    stmt_done(stmt);
    return code;
}

static enum cb_code set_state(struct issued_db *db, struct slice serial, enum cert_state from,
                              enum cert_state to, struct slice reason, struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[STMT_SET_STATE];
    stmt_bind_text(stmt, 1, serial);
    (void)sqlite3_bind_int(stmt, 2, (int)to);
    stmt_bind_text(stmt, 3, reason);
    TRY(run(db, stmt, NULL, err));
    db->now.num[from]--;
    db->now.num[to]++;
    return CB_OK;
}

enum cb_code issued_db_doom(struct issued_db *db, struct slice serial, struct slice owner,
                            struct slice reason, struct cb_err *err)
{
    bool found = false;
    enum cert_state state = CERT_STATE_ACTIVE;
    TRY(read_state(db, serial, owner, &found, &state, err));
    if (!found || state != CERT_STATE_ACTIVE) {
        return CB_OK;
    }
    return set_state(db, serial, state, CERT_STATE_DOOMED, reason, err);
}

enum cb_code issued_db_revoke(struct issued_db *db, const struct issued_row *row,
                              struct cb_err *err)
{
    bool found = false;
    enum cert_state state = CERT_STATE_ACTIVE;
    const struct slice anybody = {NULL, 0};
    TRY(read_state(db, row->serial, anybody, &found, &state, err));
    if (!found) {
        return issued_db_add(db, row, err);
    }
    return set_state(db, row->serial, state, CERT_STATE_REVOKED, row->revoke_reason, err);
}

enum cb_code issued_db_by_serial(struct issued_db *db, struct slice serial, struct arena *arena,
                                 bool *ret_found, struct issued_cert *ret, struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[STMT_BY_SERIAL];
    stmt_bind_text(stmt, 1, serial);
    return find(db, stmt, arena, ret_found, ret, err);
}

enum cb_code issued_db_by_key(struct issued_db *db, struct slice client, struct slice key,
                              struct arena *arena, bool *ret_found, struct issued_cert *ret,
                              struct cb_err *err)
{
    sqlite3_stmt *stmt = db->stmts[STMT_BY_KEY];
    stmt_bind_text(stmt, 1, client);
    stmt_bind_text(stmt, 2, key);
    return find(db, stmt, arena, ret_found, ret, err);
}

enum cb_code issued_db_doomed(struct issued_db *db, size_t max, struct arena *arena,
                              struct issued_cert **ret, size_t *ret_num, struct cb_err *err)
{
    const size_t room = max < db->now.num[CERT_STATE_DOOMED] ? max : db->now.num[CERT_STATE_DOOMED];
    struct issued_cert *certs = arena_array(arena, room + 1, sizeof(*certs));
    if (certs == NULL) {
        return cb_fail(err, CB_ENOMEM, "index of certificates: no memory for the answer");
    }
    sqlite3_stmt *stmt = db->stmts[STMT_DOOMED];
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)room);
    size_t num = 0;
    enum cb_code code = CB_OK;
    int rc = SQLITE_DONE;
    while (code == CB_OK && num < room && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        code = read_cert(stmt, arena, &certs[num], err);
        num++;
    }
    if (code == CB_OK && rc != SQLITE_ROW && rc != SQLITE_DONE) {
        code = issued_db_fail(db, rc, "read", err);
    }
    stmt_done(stmt);
    if (code == CB_OK) {
        *ret = certs;
        *ret_num = num;
    }
    return code;
}
