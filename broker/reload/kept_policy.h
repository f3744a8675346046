/* kept_policy.h - a policy by the bytes that the audit log keeps of it. */
#ifndef BROKER_KEPT_POLICY_H
#define BROKER_KEPT_POLICY_H

#include "policy/policy.h"

/* kept_policy_load - what it says that is wrong goes to diags, what else is in the way to err.
 * CB_ECORRUPT: its bytes have another digest. */
enum cb_code kept_policy_load(const char *audit_dir, const char *sha256, struct diag_list *diags,
                              struct policy **ret, struct cb_err *err) CB_MUST_USE;

#endif
