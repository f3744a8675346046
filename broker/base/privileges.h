/* privileges.h - giving up what a broker does not need, before it reads a byte from the network. */
#ifndef CB_BASE_PRIVILEGES_H
#define CB_BASE_PRIVILEGES_H

#include "broker/base/err.h"

/* privileges_harden - no core files, not traceable by other processes of the user, no new
 * privileges through exec, SIGPIPE and SIGXFSZ as errors instead of deaths, files 0600 by default. */
enum cb_code privileges_harden(struct cb_err *err) CB_MUST_USE;

/* privileges_drop - become user (and group, or the user's own). NULL user: nothing. Fails when we
 * are not root and not that user already, or when root could be got back. */
enum cb_code privileges_drop(const char *user, const char *group, struct cb_err *err) CB_MUST_USE;

#endif
