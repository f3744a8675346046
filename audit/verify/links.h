/* links.h - inside audit/verify only: what each segment says about those before it, held against what
 * they are. */
#ifndef AUDIT_VERIFY_LINKS_H
#define AUDIT_VERIFY_LINKS_H

#include "audit/verify/run.h"

/* links_check - after run_segments. *ret_void_bytes: that do not count, behind closed segments. */
enum cb_code links_check(const struct run *run, uint64_t *ret_void_bytes,
                         struct cb_err *err) CB_MUST_USE;

#endif
