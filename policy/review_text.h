/* review_text.h - inside policy/ only: conditions of rules in words, one line each, as an admin would
 * write them. */
#ifndef POLICY_REVIEW_TEXT_H
#define POLICY_REVIEW_TEXT_H

#include "broker/base/buf.h"
#include "policy/rule.h"

/* review_pattern - as it is written in a policy: "*.example", "10.0.0.0/8", "regex web-[0-9]". */
void review_pattern(struct buf *out, const struct pattern *p);
/* review_names - `dns "a", "b"; ip "c"`, at most max patterns (0: all), then "and N more". */
void review_names(struct buf *out, const struct pattern_list *names, size_t max);
void review_rsa(struct buf *out, unsigned min, unsigned max); /* rsa 2048 to 4096 */
void review_keys(struct buf *out, const struct key_rule *keys);
void review_seconds(struct buf *out, uint64_t seconds); /* 720h, 90m, 45s; 0: "unlimited" */
void review_rate(struct buf *out, const struct policy_quota *quota); /* 30 per 1m, burst 60 */
void review_when(struct buf *out, const struct time_window *when);   /* NULL: "always" */
void review_common_name(struct buf *out, const struct issue_rule *issue);
const char *review_revoke(enum revoke_scope scope);
const char *review_credential_kind(enum credential_kind kind); /* "mtls uri", "bearer", ... */
/* review_what - all that an allow or deny rule is about; max: patterns and profiles, as above. */
void review_what(struct buf *out, const struct rule *rule, size_t max);

#endif
