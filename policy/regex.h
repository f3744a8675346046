/* regex.h - inside policy/ only: anchored regular expressions whose cost is bounded.
 *
 * PCRE2 with limits on length, backtracking and memory, without look-behind of unbounded cost, code
 * or callouts: of the groups in (?...) only (?: (?= (?! (?<= (?<! (?>, none in (*...), no captures,
 * and printable ASCII alone, as names are. A match never takes more than about a millisecond,
 * whatever expression and subject. */
#ifndef POLICY_REGEX_H
#define POLICY_REGEX_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

#define REGEX_TEXT_MAX 512U

struct regex; /* opaque, immutable; any thread may match with it */

enum regex_result { REGEX_FITS, REGEX_FITS_NOT, REGEX_TOO_COSTLY };

/* regex_new - compile. CB_EINPUT: the message says what is wrong at which character. */
enum cb_code regex_new(struct slice text, struct regex **ret, struct cb_err *err) CB_MUST_USE;
void regex_free(struct regex *re); /* NULL ok */
/* What is left of the work that expressions may take in one decision. */
struct regex_effort {
    unsigned matches; /* a sixteenth of a millisecond at most, each */
    unsigned costly;  /* of them, those that may go on to a millisecond */
};

/* regex_match - the whole of subject, from its first to its last byte. Allocates while it runs; out
 * of memory counts as too costly, as does all that effort has nothing left for. NULL: no bound but
 * the millisecond. */
enum regex_result regex_match(const struct regex *re, struct slice subject,
                              struct regex_effort *effort);
/* regex_match_once - for who counts costly as fitting: a quarter of a millisecond, and no more. */
enum regex_result regex_match_once(const struct regex *re, struct slice subject, bool nocase);
/* regex_match_nocase - the same as regex_match, with both cases of an ASCII letter alike. */
enum regex_result regex_match_nocase(const struct regex *re, struct slice subject,
                                     struct regex_effort *effort);

#endif
