/* elsewhere.h - is a second place really another one? */
#ifndef AUDIT_ELSEWHERE_H
#define AUDIT_ELSEWHERE_H

#include "broker/base/err.h"

/* elsewhere_check - CB_EINPUT if `other` is the log's directory dir, lies in it or holds it, links resolved:
 * what is only there would then be taken for a copy. CB_ENOENT if one of them is not there. */
enum cb_code elsewhere_check(const char *dir, const char *other, struct cb_err *err) CB_MUST_USE;

#endif
