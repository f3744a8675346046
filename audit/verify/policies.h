/* policies.h - inside audit/verify only: the policies that are kept under their digest.
 *
 * The broker keeps a policy's bytes, durably, before it writes the record that puts it in force: a
 * broker.start or policy.load, of every version that there was. So the file that such a record names must
 * be there. A policy that was refused (policy.reject) is not kept, and other records name only what one
 * of these two has put in force. */
#ifndef AUDIT_VERIFY_POLICIES_H
#define AUDIT_VERIFY_POLICIES_H

#include "audit/line.h"
#include "audit/verify/findings.h"

struct policy_named {
    unsigned char sha256[SHA256_LEN];
    uint64_t seq; /* the record that says so */
};

/* What the records name, gathered by several threads. */
struct policies {
    pthread_mutex_t mutex;
    struct policy_named *list; /* owned */
    size_t num, room;
};

void policies_init(struct policies *p);
void policies_free(struct policies *p);

/* policies_named - a broker.start or policy.load. Any thread. CB_EINPUT: it cannot be read. */
enum cb_code policies_named(struct policies *p, const struct line_info *info,
                            struct cb_err *err) CB_MUST_USE;

/* policies_check - after all records were read: does each file in dir/policy have the digest that it is
 * named after, and is each there that a record names? *ret_num: how many are there. */
enum cb_code policies_check(struct policies *p, const char *dir, struct findings *findings,
                            uint64_t *ret_num, struct cb_err *err) CB_MUST_USE;

#endif
