/* limit_fixed.h - inside broker/request only: what the broker limits by itself, whatever the policy says,
 * so that no known caller can fill the audit log. */
#ifndef BROKER_REQUEST_LIMIT_FIXED_H
#define BROKER_REQUEST_LIMIT_FIXED_H

#include "broker/limits/quota.h"
#include "broker/request/request.h"

/* limit_take_fixed - may this caller have one more of this kind? Granted to strangers, who are limited by
 * where they come from, and to everybody when the limit is off. */
struct quota_answer limit_take_fixed(const struct request *r, enum quota_kind kind);
bool limit_has_fixed(const struct request *r, enum quota_kind kind);

/* limit_refuse_fixed - refuse with 429 instead of what the verdict's detail says, which is kept in the
 * sentence. The first such refusal is recorded, the others counted. */
void limit_refuse_fixed(struct request *r, const struct quota_answer *answer);

#endif
