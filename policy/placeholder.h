/* placeholder.h - inside policy/ only: what stands in a pattern for a property of the caller.
 *
 *   ${client}             the client's id
 *   ${mtls.uri.path[N]}   segment N, from 0, of the path of the URI by which the caller is known
 *   ${jwt.CLAIM}          a claim, a text, of the JWT by which it is known: [A-Za-z0-9_.-]{1,64}
 *
 * In place of a label a value must be one canonical label ([a-z0-9-], and as the last one of a host
 * no number), in place of a path segment one segment ([A-Za-z0-9._~-]+, not . or ..). Anything else
 * is as good as missing, and then the pattern fits nothing: a value can never widen a pattern. */
#ifndef POLICY_PLACEHOLDER_H
#define POLICY_PLACEHOLDER_H

#include "policy/pattern.h"

/* placeholder_len - the length of the "${...}" at the start of s; 0: there is none. Says nothing
 * about what is inside. */
size_t placeholder_len(struct slice s);

/* placeholder_check - is text, all of it, one of the above? CB_EINPUT with a message. */
enum cb_code placeholder_check(struct slice text, struct cb_err *err) CB_MUST_USE;

/* placeholder_fill - text with each placeholder replaced by its value. False: one of them has none
 * that is good there, or the result is too long. *ret points into out. Pure; caller may be NULL. */
bool placeholder_fill(enum name_kind kind, struct slice text, const struct policy_caller *caller,
                      char out[NAME_TEXT_MAX + 1], struct slice *ret);

/* pattern_text - the pattern as an admin would write it: "*.x", "10.0.0.0/8", "*@x", "${client}.x";
 * a regular expression between slashes. NUL-terminated; returns out. */
const char *pattern_text(const struct pattern *p, char out[NAME_TEXT_MAX + 1]);

/* pattern_expand - the same with the placeholders filled in for this caller. False: some have no
 * good value and were left as they are. */
bool pattern_expand(const struct pattern *p, const struct policy_caller *caller,
                    char out[NAME_TEXT_MAX + 1]);

/* pattern_next_claim - lists the claims of a JWT that a pattern mentions. *at is 0 at first and
 * moves on; false: no more. *ret borrows from the pattern. */
bool pattern_next_claim(const struct pattern *p, size_t *at, struct slice *ret);

#endif
