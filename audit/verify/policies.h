/* policies.h - inside audit/verify only: the policies that are kept under their digest. */
#ifndef AUDIT_VERIFY_POLICIES_H
#define AUDIT_VERIFY_POLICIES_H

#include "audit/verify/findings.h"

/* policies_check - does each file in dir/policy have the digest that it is named after? */
enum cb_code policies_check(const char *dir, struct findings *findings, uint64_t *ret_num,
                            struct cb_err *err) CB_MUST_USE;

#endif
