/* suffix.h - inside policy/ only: which patterns reach across what belongs to different people.
 *
 * Judged by the Public Suffix List that libpsl was built with, its private part (github.io) too. A
 * single label that the list does not have, such as internal or localhost, is a public suffix by
 * the list's default rule. */
#ifndef POLICY_SUFFIX_H
#define POLICY_SUFFIX_H

#include "policy/pattern.h"

/* suffix_is_broad - does the pattern need the explicit word of its rule (broad: true)?
 *
 * What counts is the fixed part: what stands to the right of the last * or placeholder.
 *   dns    broad if the fixed part is a public suffix, directly above a wildcard entry of the list
 *          (kobe.jp), or empty: **, com, *.com, **.co.uk, *.internal, localhost, ${client}.com. Not
 *          broad: acme.com, *.acme.com, **.acme.internal, ${client}.acme.internal
 *   email  the same for the part behind the @
 *   uri    only where the host has a * or a placeholder: the same for the host
 *   ip     never
 * A regular expression has no fixed part. It is broad if it fits one of some names that nobody has
 * in mind (qxz.com, x1.qxz.internal, ...): that finds .* and [a-z]+\.com, but not all
 * there may be. */
bool suffix_is_broad(const struct pattern *p);

#endif
