/* stage_limit.c - how often: a token of each rate that the deciding rules set. The party for whom it is
 * pays under its own rule, and who acts for it under the delegating one. A request that is refused
 * later on has cost its token all the same: it is asking that is limited. */
#include "broker/request/limit_fixed.h"
#include "broker/request/limit_text.h"

/* take - a token; true also where there is no rate. */
static bool take(struct request *r, struct slice principal, const struct policy_quota *quota,
                 bool of_delegate)
{
    char whose[LIMIT_WHOSE_SIZE];
    if (quota->rate_count == 0) {
        return true;
    }
    const struct quota_answer answer =
        quotas_take(r->sv->quotas, principal, quota, clock_mono_us(r->sv->clock));
    if (!answer.granted) {
        (void)req_refuse(r, REFUSED_RATE_LIMITED,
                         "rule %s does not allow %s this often; there is room again in %u s%s",
                         quota->rule_id, policy_action_word(r->ask.action), answer.retry_after_s,
                         limit_whose(r, of_delegate, whose));
        r->verdict.rule_id = quota->rule_id;
        r->verdict.retry_after_s = answer.retry_after_s;
        r->verdict.is_counted_only = !answer.is_first;
    }
    return answer.granted;
}

/* asks_for_lost - revocations that the CA answers with "not found" cost it a look each time, and the log
 * two records: who has had many of them waits. */
static bool asks_for_lost(struct request *r)
{
    if (r->ask.action != ACTION_REVOKE || limit_has_fixed(r, QUOTA_LOST)) {
        return false;
    }
    const struct quota_answer answer = limit_take_fixed(r, QUOTA_LOST);
    (void)snprintf(r->verdict.detail, sizeof(r->verdict.detail), "%s",
                   "the CA did not know the last certificates");
    limit_refuse_fixed(r, &answer);
    return true;
}

enum req_step stage_limit(struct request *r)
{
    if (asks_for_lost(r)) {
        return STEP_REFUSE;
    }
    const struct policy_quota *own = &r->decision.quota;
    const struct slice owner = req_owner(r);
    if (!take(r, owner, own, false)) {
        return STEP_REFUSE;
    }
    if (!take(r, r->who.id, &r->decision.delegate_quota, true)) {
        if (own->rate_count > 0) {
            quotas_give_back(r->sv->quotas, owner, own);
        }
        return STEP_REFUSE;
    }
    return STEP_NEXT;
}
