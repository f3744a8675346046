/* limit_fixed.c - see limit_fixed.h. */
#include "broker/request/limit_fixed.h"

static bool is_limited(const struct request *r)
{
    return r->sv->settings->refused_per_minute != 0 && r->who.client != NULL;
}

struct quota_answer limit_take_fixed(const struct request *r, enum quota_kind kind)
{
    if (!is_limited(r)) {
        return (struct quota_answer){.granted = true};
    }
    return quotas_take_fixed(r->sv->quotas, kind, r->who.id, r->sv->settings->refused_per_minute,
                             clock_mono_us(r->sv->clock));
}

bool limit_has_fixed(const struct request *r, enum quota_kind kind)
{
    return !is_limited(r) ||
           quotas_peek_fixed(r->sv->quotas, kind, r->who.id, r->sv->settings->refused_per_minute,
                             clock_mono_us(r->sv->clock)) > 0;
}

void limit_refuse_fixed(struct request *r, const struct quota_answer *answer)
{
    char why[POLICY_DETAIL_MAX];
    memcpy(why, r->verdict.detail, sizeof(why));
    (void)req_refuse(r, REFUSED_TOO_OFTEN, "more than %u refusals a minute; this time: %s",
                     r->sv->settings->refused_per_minute, why);
    r->verdict.retry_after_s = answer->retry_after_s;
    r->verdict.is_counted_only = !answer->is_first;
}
