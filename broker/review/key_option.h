/* key_option.h - inside broker/review only: the keys and files that somebody without a log brings. */
#ifndef BROKER_REVIEW_KEY_OPTION_H
#define BROKER_REVIEW_KEY_OPTION_H

#include "audit/tlog/note.h"

/* key_option_read - a verifier's key as an option has it, KEY or file:PATH, of this type. CB_EINPUT: it
 * is not; option names it in the message, without its dashes. Else: the file cannot be read. */
enum cb_code key_option_read(const char *option, const char *text, enum note_type type,
                             struct note_key *ret, struct cb_err *err) CB_MUST_USE;

#endif
