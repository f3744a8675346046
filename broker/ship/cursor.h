/* cursor.h - inside broker/ship only: how far a target has been served, in DIR/state/cursor.NAME. */
#ifndef BROKER_SHIP_CURSOR_H
#define BROKER_SHIP_CURSOR_H

#include "broker/ship/ship.h"

/* cursor_read - 0 if there is none yet: then everything is sent. CB_ECORRUPT: it does not hold a number;
 * deleting it sends everything again. */
enum cb_code cursor_read(const char *audit_dir, const char *name, uint64_t *ret,
                         struct cb_err *err) CB_MUST_USE;
/* cursor_write - replaced as a whole. Not synced: after a power cut an older one means copies. */
enum cb_code cursor_write(const char *audit_dir, const char *name, uint64_t seq,
                          struct cb_err *err) CB_MUST_USE;

#endif
