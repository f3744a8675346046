/* signatures.h - inside audit/verify only: which key was in force when, and who signed what. */
#ifndef AUDIT_VERIFY_SIGNATURES_H
#define AUDIT_VERIFY_SIGNATURES_H

#include "audit/verify/promises.h"
#include "audit/vkeys.h"

/* signatures_keys - the keys of the log: those in state/vkeys, or the pinned one. Written: *ret, and
 * findings. CB_ENOENT: no key is known. */
enum cb_code signatures_keys(const struct verify_options *options, struct vkeys *ret,
                             struct findings *findings, struct cb_err *err) CB_MUST_USE;

/* signatures_check - of every promise (or, if quick, of the newest of those in checkpoints.log and of all
 * others), by several threads. Sets their signature; what is wrong becomes a finding. */
enum cb_code signatures_check(const struct verify_options *options, struct promises *promises,
                              const struct vkeys *keys, unsigned threads, struct findings *findings,
                              uint64_t *ret_checked, struct cb_err *err) CB_MUST_USE;

#endif
