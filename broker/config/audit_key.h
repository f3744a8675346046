/* audit_key.h - inside broker/ only: the key that certbroker.yaml names, and what to do if it is not there. */
#ifndef BROKER_AUDIT_KEY_H
#define BROKER_AUDIT_KEY_H

#include "audit/tlog/note.h"
#include "broker/config/config.h"

/* audit_key_read - *ret is the caller's to free. The message says how a file that is missing comes to be. */
enum cb_code audit_key_read(const struct config *config, struct note_signer **ret,
                            struct cb_err *err) CB_MUST_USE;

#endif
