/* control_answer.c - see control_answer.h. Everything in an answer has a cap, and with it the
 * answer. */
#include "broker/control/control_answer.h"

#include <inttypes.h>

static void add_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, ",\"%s\":", key);
    buf_add_json_str(out, slice_of(text));
}

void control_answer_error(const char *why, struct buf *out)
{
    buf_add_str(out, "{\"ok\":false");
    add_text(out, "error", why);
    buf_add_str(out, "}\n");
}

void control_answer_order(const struct order_result *result, struct buf *out)
{
    buf_printf(out, "{\"ok\":%s,\"result\":\"%s\"", result->is_ok ? "true" : "false", result->word);
    if (result->why[0] != '\0') {
        add_text(out, "why", result->why);
    }
    if (result->req[0] != '\0') {
        add_text(out, "req", result->req);
    }
    if (result->seq != UINT64_MAX) {
        buf_printf(out, ",\"seq\":%" PRIu64, result->seq);
    }
    buf_add_str(out, "}\n");
}

void control_answer_status(const struct server *s, struct buf *out)
{
    buf_add_str(out, "{\"ok\":true,");
    server_policy_json(s, out);
    buf_add_str(out, "}\n");
}

/* begin_item - `,"key":[` in front of the first, a comma in front of the others. */
static void begin_item(struct buf *out, const char *key, size_t i)
{
    if (i == 0) {
        buf_printf(out, ",\"%s\":[", key);
    } else {
        buf_add_char(out, ',');
    }
}

static void add_errors(const struct reload_job *job, struct buf *out)
{
    for (size_t i = 0; i < job->num_errors; i++) {
        begin_item(out, "errors", i);
        buf_add_json_str(out, slice_of(job->errors[i]));
    }
    buf_add_str(out, job->num_errors > 0 ? "]" : "");
}

static void add_changes(const struct reload_job *job, struct buf *out)
{
    for (size_t i = 0; i < job->changes.num; i++) {
        begin_item(out, "changes", i);
        buf_add_json_str(out, job->changes.items[i]);
    }
    buf_add_str(out, job->changes.num > 0 ? "]" : "");
    buf_printf(out, ",\"num_gains\":%zu,\"num_losses\":%zu", job->changes.num_gains,
               job->changes.num_losses);
}

static void add_guard(const struct guard *g, struct buf *out)
{
    buf_printf(out, ",\"num_granted\":%" PRIu64 ",\"num_lost\":%" PRIu64 ",\"num_dropped\":%zu",
               g->num_granted, g->num_lost, g->num_dropped);
    for (size_t i = 0; i < g->num_examples; i++) {
        begin_item(out, "examples", i);
        buf_add_json_str(out, slice_of(g->examples[i].text));
    }
    buf_add_str(out, g->num_examples > 0 ? "]" : "");
}

void control_answer_reload(const struct server *s, const struct reload_job *job, struct buf *out)
{
    buf_printf(out, "{\"ok\":%s,\"result\":\"%s\"",
               reload_is_refused(job->result) ? "false" : "true", reload_result_word(job->result));
    if (job->why[0] != '\0') {
        add_text(out, "why", job->why);
    }
    add_text(out, "policy_sha256", policy_sha256(s->policy->policy));
    add_text(out, "policy_old_sha256", policy_sha256(job->before->policy));
    if (job->policy_sha256[0] != '\0') {
        add_text(out, "candidate_sha256", job->policy_sha256);
    }
    buf_printf(out, ",\"rules\":%zu,\"clients\":%zu", policy_num_rules(s->policy->policy),
               policy_num_clients(s->policy->policy));
    if (job->order.forced[0] != '\0') {
        add_text(out, "forced", job->order.forced);
    }
    add_errors(job, out);
    add_changes(job, out);
    if (job->has_guard) {
        add_guard(&job->guard, out);
    }
    buf_printf(out, ",\"num_warnings\":%zu,\"duration_ms\":%" PRId64 "}\n", job->num_warnings,
               job->duration_us / 1000);
}
