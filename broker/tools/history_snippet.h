/* history_snippet.h - inside broker/tools only: what a client asked for, written as rules. */
#ifndef BROKER_TOOLS_HISTORY_SNIPPET_H
#define BROKER_TOOLS_HISTORY_SNIPPET_H

#include "broker/base/buf.h"
#include "broker/tools/history_shape.h"

struct suggestion {
    const char *who;             /* as it was asked for: a client's id, or one principal */
    struct slice client;         /* its id */
    const struct policy *policy; /* whose rule ids are taken; NULL: not known */
    /* Is it one of the CA's profiles? NULL: that is not known. */
    bool (*has_profile)(const void *ctx, struct slice name);
    const void *profiles;
    bool patterns;           /* many similar names as one pattern */
    struct shape own;        /* asked by it for itself, or by others for it */
    struct shape foreign;    /* others' certificates that it revoked */
    struct shape acting;     /* asked by it for others */
    uint64_t max_validity_s; /* of the certificates it got; 0: not known */
    /* What no suggested rule is about: */
    uint64_t by_deny_rule, by_quota, unknown_certs, foreign_acting, unknown_parties;
    struct arena arena;
};

/* snippet_is_empty - nothing was seen that a rule could be about. */
bool snippet_is_empty(const struct suggestion *s);

/* snippet_write - one file of a policy folder: version and rules, with comments that say what was
 * seen. The shapes are sorted. False: out of memory. */
bool snippet_write(struct suggestion *s, struct buf *out);

/* snippet_check - is this what the loader takes, given such clients? Complaints go into diags. */
bool snippet_check(const struct suggestion *s, struct slice snippet, struct diag_list *diags);

#endif
