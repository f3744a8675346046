/* wide.h - inside policy/ only: credentials with a * in them, which stand for many identities.
 *
 * In a URI a * is a whole path segment, in a host name the first label, in the subject of a JWT a whole
 * segment between colons. All patterns with stars in the same places are looked up at once: the
 * presented text with a * in those places is how they are written. */
#ifndef POLICY_WIDE_H
#define POLICY_WIDE_H

#include "policy/rule.h"

#define WIDE_SHAPES_MAX 256U /* tried one after the other for each credential */

/* wide_shape_of - false: there is a * that is not a whole segment, or no * at all, or there are more
 * than WIDE_SEGMENTS_MAX segments. */
bool wide_shape_of(enum credential_kind kind, struct slice text, struct wide_shape *ret);

/* wide_find - the patterns that a presented credential fits: each call gives the next one, NULL when
 * there are no more. *at is 0 at first. Only what may stand in a principal as it is fits: host names
 * in lower case, path segments of A-Z a-z 0-9 . _ ~ -, printable segments of a subject. */
const struct stored_credential *wide_find(const struct policy *policy,
                                          const struct credential *cred, size_t *at);

#endif
