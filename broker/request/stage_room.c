/* stage_room.c - how many: room for one more valid certificate under each rule that limits them. The
 * index counts what is valid and what other requests have reserved, so requests at the same time
 * cannot pass the limit together; the room is held until this request's outcome is in the index.
 *
 * Where the rule says so, the oldest makes room: it is revoked once the new one is issued and
 * recorded, like the certificate that a repeat takes the place of.
 *
 * Explain asks the same of the index, and takes nothing. */
#include "broker/request/limit_text.h"
#include "broker/request/lookup.h"

#include <stdio.h>

#define HELP_SIZE 80U

static void add_limit(struct request *r, struct slice principal, const struct policy_quota *quota,
                      bool of_delegate)
{
    if (quota->max_active > 0) {
        r->lookup.limits[r->lookup.query.room.num_limits++] =
            (struct issued_limit){.principal = principal,
                                  .rule = slice_of(quota->rule_id),
                                  .of_delegate = of_delegate,
                                  .max = quota->max_active,
                                  .replaces_oldest = quota->auto_revoke_oldest};
    }
}

static enum req_step ask(struct request *r)
{
    struct issued_room *room = &r->lookup.query.room;
    r->lookup.has_asked_room = true;
    *room = (struct issued_room){.limits = r->lookup.limits,
                                 .owner = req_owner(r),
                                 .now_s = clock_wall_us(r->sv->clock) / 1000000};
    if (r->ask.on_behalf_of.ptr != NULL) {
        room->delegate = r->who.id;
        room->delegate_rule = slice_of(r->decision.delegate_rule_id);
    }
    if (r->lookup.has_cert) {
        room->replaces = slice_of(r->lookup.cert.serial_hex); /* it is a repeat */
    }
    add_limit(r, req_owner(r), &r->decision.quota, false);
    add_limit(r, r->who.id, &r->decision.delegate_quota, true);
    if (room->num_limits == 0) {
        return STEP_NEXT;
    }
    const struct slice none = {NULL, 0};
    lookup_ask(r, r->route == ROUTE_EXPLAIN ? ISSUED_LOOK_ROOM : ISSUED_CLAIM_ROOM, none, none);
    return STEP_WAIT;
}

static const struct policy_quota *quota_of(const struct request *r,
                                           const struct issued_limit *limit)
{
    return limit->of_delegate ? &r->decision.delegate_quota : &r->decision.quota;
}

/* say_help - what the caller can do about it. */
static void say_help(const struct issued_room *room, const struct issued_limit *limit,
                     char out[HELP_SIZE])
{
    char until[21];
    if (room->frees_s > room->now_s) {
        time_format_s(room->frees_s, until);
        (void)snprintf(out, HELP_SIZE, "revoke one, or wait until %s", until);
    } else if (limit->replaces_oldest) {
        (void)snprintf(out, HELP_SIZE, "all of them are being replaced: ask again in a moment");
    } else {
        (void)snprintf(out, HELP_SIZE, "revoke one, or wait until other requests are done");
    }
}

static enum req_step refuse(struct request *r)
{
    char help[HELP_SIZE];
    char whose[LIMIT_WHOSE_SIZE];
    const struct issued_room *room = &r->lookup.query.room;
    const struct issued_limit *limit = &r->lookup.limits[room->full];
    const struct quota_answer answer = quotas_refused(
        r->sv->quotas, limit->principal, quota_of(r, limit), clock_mono_us(r->sv->clock));
    say_help(room, limit, help);
    (void)req_refuse(r, REFUSED_TOO_MANY_ACTIVE,
                     "rule %s allows %u valid certificates at a time, and there are as many; %s%s",
                     limit->rule.ptr, limit->max, help, limit_whose(r, limit->of_delegate, whose));
    r->verdict.rule_id = quota_of(r, limit)->rule_id;
    r->verdict.is_counted_only = !answer.is_first;
    if (room->frees_s > room->now_s) {
        const int64_t wait_s = room->frees_s - room->now_s;
        r->verdict.retry_after_s = wait_s < UINT32_MAX ? (unsigned)wait_s : UINT32_MAX;
    } else if (limit->replaces_oldest) {
        r->verdict.retry_after_s = 1; /* all the others are being replaced at this moment */
    }
    return STEP_REFUSE;
}

static enum req_step admit(struct request *r)
{
    r->lookup.has_room = true;
    for (size_t i = 0; i < r->lookup.query.room.num_limits; i++) {
        const struct issued_limit *limit = &r->lookup.limits[i];
        quotas_admitted(r->sv->quotas, limit->principal, quota_of(r, limit));
    }
    return STEP_NEXT;
}

enum req_step stage_room(struct request *r)
{
    if (r->lookup.is_pending) {
        return STEP_WAIT;
    }
    if (!r->lookup.has_asked_room) {
        return ask(r);
    }
    if (r->route == ROUTE_EXPLAIN && r->lookup.query.found != ISSUED_ERROR) {
        return STEP_NEXT; /* explain.c tells what was found */
    }
    switch (r->lookup.query.found) {
    case ISSUED_FOUND:
        r->lookup.cert = r->lookup.query.cert;
        r->lookup.has_cert = true;
        return admit(r);
    case ISSUED_NONE:
        return admit(r);
    case ISSUED_FULL:
        return refuse(r);
    case ISSUED_IN_FLIGHT:
    case ISSUED_ERROR:
        break;
    }
    return req_refuse(r, REFUSED_INDEX_UNAVAILABLE, NULL);
}
