/* glob.h - inside policy/ only: host names and URIs with stars in them, against names without and
 * against each other. Knows nothing of kinds, certificates and callers: that is pattern.c. */
#ifndef POLICY_GLOB_H
#define POLICY_GLOB_H

#include "policy/pattern.h"

/* A host pattern: PATTERN_EXACT, ONE, MANY or ALL, and what stands behind the stars. */
struct host_glob {
    enum pattern_shape shape;
    struct slice base;
};

/* label_len - of the first label; the dots inside a placeholder do not end it. */
size_t label_len(struct slice host);

/* host_is_child - host is one label in front of base; the dots of a placeholder do not count. */
bool host_is_child(struct slice host, struct slice base);

/* host_glob_of - of a text such as "*.example", known to be good. */
struct host_glob host_glob_of(struct slice text);

/* host_glob_fits - a host without stars. */
bool host_glob_fits(const struct host_glob *glob, struct slice host);
/* host_glob_within - does everything that inner fits fit outer too? */
bool host_glob_within(const struct host_glob *inner, const struct host_glob *outer);

/* The same for whole URIs: scheme, host pattern, and a path with * and ** for segments. */
bool uri_glob_fits(struct slice glob, struct slice uri);
bool uri_glob_within(struct slice inner, struct slice outer);

#endif
