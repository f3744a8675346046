/* keeper.h - a thread of low priority that packs old segments of the audit log, and keeps a second place
 * up to date, now and then. Nothing waits for it, and the log does not need it. */
#ifndef BROKER_KEEPER_H
#define BROKER_KEEPER_H

#include "broker/base/err.h"

#include <stdint.h>

struct keeper; /* opaque */

/* keeper_start - texts are borrowed until keeper_stop. after_ms: how long a segment has been closed
 * before it is packed; UINT64_MAX: never. to: the second place, NULL: none. Neither: *ret is NULL. */
enum cb_code keeper_start(const char *dir, const char *to, uint64_t after_ms, struct keeper **ret,
                          struct cb_err *err) CB_MUST_USE;
/* keeper_stop - waits for the segment it is at; NULL ok. */
void keeper_stop(struct keeper *k);

#endif
