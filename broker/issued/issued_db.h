/* issued_db.h - the SQLite file behind the index: one table of certificates and a mark that says
 * how much of the audit log it holds. Private to broker/issued.
 *
 * One thread at a time. The file is derived data: it may be deleted at any time while the broker
 * is down, and is made anew from the log. */
#ifndef BROKER_ISSUED_ISSUED_DB_H
#define BROKER_ISSUED_ISSUED_DB_H

#include "broker/base/buf.h"
#include "broker/issued/issued.h"

#define MARK_CRC_LEN 8U
#define ORIGIN_MAX 4096U

struct sqlite3;
struct sqlite3_stmt;

/* How far the log was read: the next record, and the checksum of the one before it as it stands in
 * its line. A log that was replaced by another one does not have that record. */
struct issued_mark {
    uint64_t applied;
    char crc[MARK_CRC_LEN];
};

enum issued_stmt {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_MARK,
    STMT_ADD,
    STMT_STATE,
    STMT_SET_STATE,
    STMT_BY_SERIAL,
    STMT_BY_KEY,
    STMT_DOOMED,
    STMT_COUNT_OWN,
    STMT_COUNT_DELEGATE,
    STMT_COUNTED,
    STMT_EXPIRY_OWN,
    STMT_EXPIRY_DELEGATE,
    STMT_OLDEST_OWN,
    STMT_OLDEST_DELEGATE,
    STMT_LEAVING,
};
#define ISSUED_STMT_COUNT 18
#define CERT_STATE_COUNT 3

struct issued_db {
    struct sqlite3 *sqlite;
    struct sqlite3_stmt *stmts[ISSUED_STMT_COUNT];
    struct issued_place {
        struct issued_mark mark;
        uint64_t num[CERT_STATE_COUNT]; /* certificates in each state */
    } now, saved;                       /* with the open transaction's changes, and without them */
    uint64_t pending;                   /* records in the open transaction; 0: none is open */
};

/* issued_db_open - open or create, check every page, read the mark.
 *   origin  identifies the log this database belongs to; at most ORIGIN_MAX bytes
 * CB_ECORRUPT: the file is damaged. CB_EINPUT: it is sound but made from another log or by another
 * version. CB_ESYS, CB_EBUSY, CB_ENOMEM: it could not be opened. *ret by issued_db_close. */
enum cb_code issued_db_open(const char *path, struct slice origin, struct issued_db **ret,
                            struct cb_err *err) CB_MUST_USE;
void issued_db_close(struct issued_db *db); /* NULL ok; an open transaction is rolled back */

/* One transaction holds the changes of many records; lookups see them at once, the file has them
 * when it is committed. issued_db_begin: before the changes of one record; opens the transaction if
 * there is none. issued_db_applied: after them. After any error in between: issued_db_rollback,
 * which cannot fail and goes back to the last commit, mark included. CB_ECORRUPT means the file is
 * damaged. */
enum cb_code issued_db_begin(struct issued_db *db, struct cb_err *err) CB_MUST_USE;
void issued_db_applied(struct issued_db *db, const struct issued_mark *mark);
enum cb_code issued_db_commit(struct issued_db *db, struct cb_err *err) CB_MUST_USE;
void issued_db_rollback(struct issued_db *db);

/* ---- changes (issued_rows.c) ---- */
struct issued_row {
    struct slice serial, serial_dec, aki;
    struct slice owner;                   /* absent: not issued through us */
    struct slice rule;                    /* by which the owner was allowed it */
    struct slice delegate, delegate_rule; /* who asked for it on the owner's behalf, and by which */
    uint64_t ref;
    enum cert_state state;
    struct slice revoke_reason;
    int64_t not_after_s;
    struct slice common_name;
    struct slice names; /* packed, see issued_names_pack */
    struct slice idem, ask_sha256;
};

/* issued_db_add - remember a certificate. A serial that is known already keeps what is known: a CA
 * that hands the same certificate out twice must not change whose it is. */
enum cb_code issued_db_add(struct issued_db *db, const struct issued_row *row,
                           struct cb_err *err) CB_MUST_USE;
/* issued_db_doom - an active certificate of this owner becomes doomed; any other is left alone. */
enum cb_code issued_db_doom(struct issued_db *db, struct slice serial, struct slice owner,
                            struct slice reason, struct cb_err *err) CB_MUST_USE;
/* issued_db_revoke - the certificate with row->serial is revoked for row->revoke_reason; one that is
 * not known is added from row. */
enum cb_code issued_db_revoke(struct issued_db *db, const struct issued_row *row,
                              struct cb_err *err) CB_MUST_USE;

/* issued_names_pack - names as two length bytes and the text, each. False when out of memory. */
bool issued_names_pack(struct buf *out, const struct slice *names, size_t num);

/* ---- lookups; the answer's memory is the arena's ---- */
enum cb_code issued_db_by_serial(struct issued_db *db, struct slice serial, struct arena *arena,
                                 bool *ret_found, struct issued_cert *ret,
                                 struct cb_err *err) CB_MUST_USE;
/* issued_db_by_key - the latest certificate this client asked for under this idempotency key,
 * whoever owns it. */
enum cb_code issued_db_by_key(struct issued_db *db, struct slice client, struct slice key,
                              struct arena *arena, bool *ret_found, struct issued_cert *ret,
                              struct cb_err *err) CB_MUST_USE;
/* issued_db_doomed - the max oldest doomed certificates. */
enum cb_code issued_db_doomed(struct issued_db *db, size_t max, struct arena *arena,
                              struct issued_cert **ret, size_t *ret_num,
                              struct cb_err *err) CB_MUST_USE;

/* ---- what is active under a rule (issued_active.c) ---- */
/* issued_db_leaving - certificates under this limit that are to be revoked and are not yet, counted up
 * to max. */
enum cb_code issued_db_leaving(struct issued_db *db, const struct issued_limit *limit,
                               int64_t now_s, uint64_t max, uint64_t *ret,
                               struct cb_err *err) CB_MUST_USE;
/* issued_db_count - certificates that this limit counts. */
enum cb_code issued_db_count(struct issued_db *db, const struct issued_limit *limit, int64_t now_s,
                             uint64_t *ret, struct cb_err *err) CB_MUST_USE;
/* issued_db_is_counted - is this serial one of them? */
enum cb_code issued_db_is_counted(struct issued_db *db, const struct issued_limit *limit,
                                  int64_t now_s, struct slice serial, bool *ret,
                                  struct cb_err *err) CB_MUST_USE;
/* issued_db_expiring - each of them, the one that expires first first, until each returns false. */
enum cb_code issued_db_expiring(struct issued_db *db, const struct issued_limit *limit,
                                int64_t now_s,
                                bool (*each)(void *ctx, struct slice serial, int64_t not_after_s),
                                void *ctx, struct cb_err *err) CB_MUST_USE;
/* issued_db_oldest - each of this owner's that is counted by all of the limits (one or two, and of two
 * one is of_delegate), the oldest first, until each returns false. */
enum cb_code issued_db_oldest(struct issued_db *db, const struct issued_limit *const *limits,
                              size_t num, const struct issued_room *room,
                              bool (*each)(void *ctx, struct slice serial, int64_t not_after_s),
                              void *ctx, struct cb_err *err) CB_MUST_USE;

/* ---- for these two files ---- */
void stmt_bind_text(struct sqlite3_stmt *stmt, int at, struct slice text); /* absent: NULL */
void stmt_done(struct sqlite3_stmt *stmt); /* ready for the next use */

/* issued_db_fail - what SQLite's result code and message are in our terms. */
enum cb_code issued_db_fail(struct issued_db *db, int code, const char *what, struct cb_err *err);

#endif
