/* rollback_history.h - which policies were in force, read from the audit log. */
#ifndef BROKER_ROLLBACK_HISTORY_H
#define BROKER_ROLLBACK_HISTORY_H

#include "audit/read/reader.h"

#define ROLLBACK_MARK "rollback: " /* how the reason of a rollback's reload begins */

struct rollback_step {
    char sha256[SHA256_HEX_LEN + 1];
    int64_t since_us; /* when it came into force */
};

/* The policies that led to the present one, oldest first, no two neighbours alike. What a rollback
 * has undone is not among them: the next rollback goes on from there. */
struct rollback_history {
    struct rollback_step *steps; /* owned */
    size_t num, room;
    struct rollback_step *all; /* every policy that ever was in force, in order; owned */
    size_t num_all, room_all;
    bool no_memory;
};

/* rollback_history_add - a policy came into force. */
void rollback_history_add(struct rollback_history *h, struct slice sha256, int64_t ts_us,
                          bool is_rollback);
/* rollback_history_read - from a log, of which only the end is read if that has at least two steps. */
enum cb_code rollback_history_read(const char *audit_dir, int64_t now_us,
                                   struct rollback_history *ret, struct cb_err *err) CB_MUST_USE;
/* rollback_history_last - the digest of the policy that came into force last; "" if the log knows of
 * none. Reads from the end of the log back, only as far as it must. */
enum cb_code rollback_history_last(const char *audit_dir, int64_t now_us,
                                   char ret[SHA256_HEX_LEN + 1], struct cb_err *err) CB_MUST_USE;
/* rollback_history_find - the policy whose digest begins so; CB_EINPUT if there is none or several. */
enum cb_code rollback_history_find(const struct rollback_history *h, struct slice prefix,
                                   const struct rollback_step **ret,
                                   struct cb_err *err) CB_MUST_USE;
void rollback_history_free(struct rollback_history *h);

#endif
