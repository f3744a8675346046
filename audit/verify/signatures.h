/* signatures.h - inside audit/verify only: is each checkpoint signed by the key of its size? */
#ifndef AUDIT_VERIFY_SIGNATURES_H
#define AUDIT_VERIFY_SIGNATURES_H

#include "audit/seal/vkeys.h"
#include "audit/verify/promises.h"

/* signatures_check - of every promise (or, if quick, of the newest of those in checkpoints.log and of all
 * others), by several threads. Sets their signature; what is wrong becomes a finding. */
enum cb_code signatures_check(const struct verify_options *options, struct promises *promises,
                              const struct vkeys *keys, unsigned threads, struct findings *findings,
                              uint64_t *ret_checked, struct cb_err *err) CB_MUST_USE;

#endif
