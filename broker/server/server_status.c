/* server_status.c - how the policy and its reloads stand, as JSON: for /readyz and the control
 * socket. */
#include "broker/server/server_parts.h"

#include <inttypes.h>

static void add_time(struct buf *out, const char *key, int64_t unix_s)
{
    char text[21];
    time_format_s(unix_s, text);
    buf_printf(out, ",\"%s\":\"%s\"", key, text);
}

static void add_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, ",\"%s\":", key);
    buf_add_json_str(out, slice_of(text));
}

static void add_last_reload(const struct reloads *r, struct buf *out)
{
    if (r->last == RELOAD_STOPPED) {
        return;
    }
    buf_printf(out, ",\"last_reload\":{\"result\":\"%s\"", reload_result_word(r->last));
    add_time(out, "time", r->last_wall_us / 1000000);
    add_text(out, "by", r->last_by);
    if (r->last_why[0] != '\0') {
        add_text(out, "why", r->last_why);
    }
    buf_printf(out, ",\"duration_ms\":%" PRId64 "}", r->last_duration_us / 1000);
}

void server_policy_json(const struct server *s, struct buf *out)
{
    const struct reloads *r = &s->reloads;
    const struct policy *policy = s->policy->policy;
    int64_t first_s = 0;
    const size_t expiring =
        policy_num_expiring(policy, clock_wall_us(&cb_system_clock) / 1000000, &first_s);
    buf_printf(out, "\"policy_sha256\":\"%s\",\"rules\":%zu,\"clients\":%zu,\"policy_stale\":%s",
               policy_sha256(policy), policy_num_rules(policy), policy_num_clients(policy),
               r->stale_since_us != 0 ? "true" : "false");
    if (r->stale_since_us != 0) {
        add_time(out, "stale_since", r->stale_since_us / 1000000);
        add_text(out, "stale_why", r->last_why);
    }
    buf_printf(out, ",\"grants_expiring\":%zu", expiring);
    if (expiring > 0) {
        add_time(out, "first_grant_end", first_s);
    }
    buf_printf(out, ",\"reloading\":%s", r->job != NULL ? "true" : "false");
    add_last_reload(r, out);
}
