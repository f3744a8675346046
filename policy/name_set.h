/* name_set.h - inside policy/ only: many patterns at once.
 *
 * Says which of them cover (or touch) a name in time of the name's length, not of the patterns'
 * number: host names are looked up label by label from the right, URIs segment by segment from the
 * left, addresses once for each prefix length that occurs. Gone through one by one are only regular
 * expressions, and patterns with stars or placeholders that are the same up to those. Gives exactly
 * what pattern_covers and pattern_touches give. */
#ifndef POLICY_NAME_SET_H
#define POLICY_NAME_SET_H

#include "policy/pattern.h"

struct name_set; /* opaque, immutable once made */

/* name_set_new - values[i] is what a fit of patterns[i] counts as (any number but SIZE_MAX, also
 * the same for several). The patterns are borrowed for the set's life, the two arrays for the call.
 * NULL: out of memory. */
struct name_set *name_set_new(const struct pattern *const *patterns, const size_t *values,
                              size_t num) CB_MUST_USE;
void name_set_free(struct name_set *set); /* NULL ok */

/* The lowest value among the patterns that cover (touch) the name; SIZE_MAX: none does. */
size_t name_set_covers(const struct name_set *set, const struct name *name,
                       const struct policy_caller *caller);
size_t name_set_touches(const struct name_set *set, const struct name *name);

#endif
