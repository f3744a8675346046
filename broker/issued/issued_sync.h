/* issued_sync.h - bringing the database to where the audit log is, whatever state it is in.
 * Private to broker/issued. */
#ifndef BROKER_ISSUED_ISSUED_SYNC_H
#define BROKER_ISSUED_ISSUED_SYNC_H

#include "broker/issued/issued_db.h"

struct issued_sync {
    char *path;           /* of the database; owned */
    char *audit_dir;      /* owned */
    struct issued_db *db; /* NULL: none could be opened */
    bool is_damaged;      /* a page turned out to be bad: make a new file at the next chance */
    uint64_t incomplete;  /* see issued_apply */
    uint64_t rebuilds;    /* files made anew because the old one was damaged or of another log */
};

enum cb_code issued_sync_init(struct issued_sync *s, const char *path, const char *audit_dir,
                              struct cb_err *err) CB_MUST_USE;
void issued_sync_free(struct issued_sync *s);

/* issued_sync_bring - open the database if it is not, replace it if it is damaged or made from
 * another log (a damaged one is kept as PATH.damaged), apply the records below limit (UINT64_MAX:
 * all), commit. Reads the log's files; blocks. CB_ECORRUPT may be about the log as well. */
enum cb_code issued_sync_bring(struct issued_sync *s, uint64_t limit,
                               struct cb_err *err) CB_MUST_USE;

#endif
