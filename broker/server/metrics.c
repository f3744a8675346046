/* metrics.c - see metrics.h. Names follow Prometheus' conventions: base units, _total for
 * counters. No label ever carries a client's input. */
#include "broker/server/metrics.h"

#include "broker/commands/version.h"

static const uint64_t bounds_us[METRICS_BUCKETS] = {500,     1000,    2500,    5000,    10000,
                                                    25000,   50000,   100000,  250000,  500000,
                                                    1000000, 2500000, 5000000, 10000000};

void metrics_observe(struct metrics_histogram *h, int64_t us)
{
    const uint64_t value = us < 0 ? 0 : (uint64_t)us;
    unsigned i = 0;
    while (i < METRICS_BUCKETS && value > bounds_us[i]) {
        i++;
    }
    metrics_add(&h->bucket[i], 1);
    metrics_add(&h->sum_us, value);
    metrics_add(&h->count, 1);
}

void metrics_request(struct metrics *m, const struct request *r, int64_t now_mono_us)
{
    const enum reason_id reason = r->verdict.reason->id;
    metrics_add(&m->replies[r->route][reason], 1);
    if (reason == REFUSED_DENIED) {
        metrics_add(&m->denials[r->decision.reason], 1);
    }
    metrics_add(&m->rate_limited, reason == REFUSED_RATE_LIMITED ? 1 : 0);
    metrics_add(&m->too_many_active, reason == REFUSED_TOO_MANY_ACTIVE ? 1 : 0);
    if (reason == REFUSED_CA_MISMATCH) {
        for (unsigned f = 0; f < CERT_FIELD_COUNT; f++) {
            metrics_add(&m->mismatches[f], (r->call.facts.differs >> f) & 1U);
        }
    }
    if (r->route == ROUTE_NEWCERT || r->route == ROUTE_REVOKE) {
        metrics_observe(&m->request, now_mono_us - r->start_mono_us);
    }
    if (r->call.has_result && r->call.result.effect == CA_ANSWERED) {
        metrics_observe(&m->upstream, r->call.result.latency_us);
    }
}

/* ---------------------------------------------------------------- printing */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    head(out, name, type, help);
    buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static uint64_t sum(const struct metrics_process *p, size_t offset)
{
    uint64_t total = 0;
    for (size_t i = 0; i < p->num_workers; i++) {
        const char *base = (const char *)p->workers[i];
        total += atomic_load_explicit((const _Atomic(uint64_t) *)(const void *)(base + offset),
                                      memory_order_relaxed);
    }
    return total;
}
#define SUM(p, field) sum(p, offsetof(struct metrics, field))

/* replies - every series from the start, zeros too: an alert on an increase cannot see a series that
 * begins at 1. */
static void replies(const struct metrics_process *p, struct buf *out)
{
    head(out, "certbroker_requests_total", "counter", "Requests answered, by route and reason.");
    for (unsigned route = 0; route < REQ_ROUTE_COUNT; route++) {
        for (unsigned reason = 0; reason < REASON_ID_COUNT; reason++) {
            const uint64_t n = sum(p, offsetof(struct metrics, replies) +
                                          (route * REASON_ID_COUNT + reason) * sizeof(uint64_t));
            buf_printf(out, "certbroker_requests_total{route=\"%s\",reason=\"%s\"} %llu\n",
                       req_route_word((enum req_route)route),
                       reason_of((enum reason_id)reason)->word, (unsigned long long)n);
        }
    }
    head(out, "certbroker_denials_total", "counter", "Requests the policy refused, by reason.");
    for (unsigned i = 0; i < POLICY_REASON_COUNT; i++) {
        const uint64_t n = sum(p, offsetof(struct metrics, denials) + i * sizeof(uint64_t));
        buf_printf(out, "certbroker_denials_total{reason=\"%s\"} %llu\n",
                   policy_reason_word((enum policy_reason)i), (unsigned long long)n);
    }
    head(out, "certbroker_mismatches_total", "counter",
         "Certificates withheld because they were not as authorised, by field.");
    for (unsigned i = 0; i < CERT_FIELD_COUNT; i++) {
        const uint64_t n = sum(p, offsetof(struct metrics, mismatches) + i * sizeof(uint64_t));
        buf_printf(out, "certbroker_mismatches_total{field=\"%s\"} %llu\n",
                   cert_field_word((enum cert_field)i), (unsigned long long)n);
    }
}

static void quotas(const struct metrics_process *p, struct buf *out)
{
    head(out, "certbroker_quota_refused_total", "counter",
         "Requests refused by a limit of their rule, recorded one by one or only counted.");
    buf_printf(out, "certbroker_quota_refused_total{reason=\"rate_limited\"} %llu\n",
               (unsigned long long)SUM(p, rate_limited));
    buf_printf(out, "certbroker_quota_refused_total{reason=\"too_many_active\"} %llu\n",
               (unsigned long long)SUM(p, too_many_active));
}

static void histogram(const struct metrics_process *p, struct buf *out, const char *name,
                      const char *help, size_t offset)
{
    head(out, name, "histogram", help);
    uint64_t total = 0;
    for (unsigned i = 0; i <= METRICS_BUCKETS; i++) {
        total += sum(p, offset + offsetof(struct metrics_histogram, bucket) + i * sizeof(uint64_t));
        if (i < METRICS_BUCKETS) {
            buf_printf(out, "%s_bucket{le=\"%.4g\"} %llu\n", name, (double)bounds_us[i] / 1e6,
                       (unsigned long long)total);
        } else {
            buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)total);
        }
    }
    const uint64_t sum_us = sum(p, offset + offsetof(struct metrics_histogram, sum_us));
    buf_printf(out, "%s_sum %.6f\n%s_count %llu\n", name, (double)sum_us / 1e6, name,
               (unsigned long long)total);
}

static void edge(const struct metrics_process *p, struct buf *out)
{
    one(out, "certbroker_connections_accepted_total", "counter", "Connections accepted.",
        SUM(p, edge_accepted));
    one(out, "certbroker_connections_refused_total", "counter", "Connections over a cap.",
        SUM(p, edge_refused));
    one(out, "certbroker_connections", "gauge", "Connections open now.", SUM(p, edge_connections));
    one(out, "certbroker_connections_dropped_total", "counter",
        "Connections that ended without a request that could be answered.", SUM(p, edge_dropped));
    one(out, "certbroker_tls_handshakes_total", "counter", "TLS handshakes completed.",
        SUM(p, edge_handshakes));
    one(out, "certbroker_tls_handshake_failures_total", "counter", "TLS handshakes failed.",
        SUM(p, edge_handshake_failures));
    one(out, "certbroker_bad_requests_total", "counter", "Requests that were not HTTP as accepted.",
        SUM(p, edge_bad_requests));
    one(out, "certbroker_timeouts_total", "counter", "Deadlines that cut a connection.",
        SUM(p, edge_timeouts));
    one(out, "certbroker_accept_errors_total", "counter", "accept() failures.",
        SUM(p, edge_accept_errors));
    one(out, "certbroker_requests_in_progress", "gauge", "Requests under way.", SUM(p, live));
}

static void audit(const struct metrics_process *p, struct buf *out)
{
    one(out, "certbroker_audit_writable", "gauge", "1 when the audit log takes records.",
        p->audit_state == AUDIT_OK || p->audit_state == AUDIT_LOW_SPACE ||
                p->audit_state == AUDIT_CORRUPT
            ? 1
            : 0);
    head(out, "certbroker_audit_state", "gauge", "1 for the state the audit log is in.");
    buf_printf(out, "certbroker_audit_state{state=\"%s\"} 1\n", audit_state_word(p->audit_state));
    one(out, "certbroker_audit_records_total", "counter", "Records made durable by this process.",
        p->audit.records);
    one(out, "certbroker_audit_syncs_total", "counter", "Calls of fdatasync.", p->audit.syncs);
    one(out, "certbroker_audit_faults_total", "counter", "I/O errors of the audit log.",
        p->audit.faults);
    one(out, "certbroker_audit_free_bytes", "gauge", "Free space on the audit volume.",
        p->audit.free_bytes);
    one(out, "certbroker_audit_next_seq", "gauge", "Records in the log.", p->audit.next_seq);
    one(out, "certbroker_audit_queued", "gauge", "Records waiting for the disk.", p->audit.queued);
    one(out, "certbroker_audit_notes_dropped_total", "counter",
        "Records left out by flood control (their number is in the log).", SUM(p, notes_dropped));
    one(out, "certbroker_audit_sealed_size", "gauge",
        "Records that the newest signed checkpoint covers.", p->audit.sealed_size);
    one(out, "certbroker_audit_seal_lag_records", "gauge",
        "Records that no signed checkpoint covers yet.",
        p->audit.next_seq > p->audit.sealed_size ? p->audit.next_seq - p->audit.sealed_size : 0);
    head(out, "certbroker_audit_seal_lag_seconds", "gauge",
         "Age of the oldest record that no signed checkpoint covers.");
    buf_printf(out, "certbroker_audit_seal_lag_seconds %.6f\n", (double)p->audit.seal_lag_us / 1e6);
    one(out, "certbroker_audit_checkpoints_total", "counter", "Checkpoints signed by this process.",
        p->audit.checkpoints);
    one(out, "certbroker_audit_seal_failures_total", "counter",
        "Tries to sign a checkpoint that failed.", p->audit.seal_failures);
    head(out, "certbroker_audit_sync_seconds", "gauge", "Last and longest fdatasync.");
    buf_printf(out, "certbroker_audit_sync_seconds{which=\"last\"} %.6f\n",
               (double)p->audit.last_sync_us / 1e6);
    buf_printf(out, "certbroker_audit_sync_seconds{which=\"max\"} %.6f\n",
               (double)p->audit.max_sync_us / 1e6);
}

static void state(const struct metrics_process *p, struct buf *out)
{
    one(out, "certbroker_certificates_active", "gauge", "Unrevoked certificates in the index.",
        p->issued.active);
    one(out, "certbroker_certificates_doomed", "gauge",
        "Certificates that must be revoked and are not yet.", p->issued.doomed);
    one(out, "certbroker_index_behind", "gauge",
        "1 while the index cannot follow the log: revocations and retries get 503.",
        p->issued.is_behind ? 1 : 0);
    one(out, "certbroker_index_incomplete_total", "counter",
        "Records that should name a certificate and do not.", p->issued.incomplete);
    one(out, "certbroker_index_applied_seq", "gauge", "Next record the index will read.",
        p->issued.applied_seq);
    one(out, "certbroker_undelivered_total", "counter",
        "Certificates issued whose client was gone.", SUM(p, undelivered));
    one(out, "certbroker_follow_up_revocations_total", "counter",
        "Certificates this broker revoked by itself.", SUM(p, follow_ups_done));
    one(out, "certbroker_follow_up_failures_total", "counter",
        "Revocations of its own that failed and are tried again.", SUM(p, follow_ups_failed));
    one(out, "certbroker_ca_calls_in_flight", "gauge", "Calls to the CA under way.",
        p->gate.calling);
    one(out, "certbroker_ca_queue", "gauge", "Requests waiting for the CA.", p->gate.queued);
    one(out, "certbroker_ca_turned_away_total", "counter", "Requests refused, the queue was full.",
        p->gate.turned_away);
    one(out, "certbroker_server_certificate_not_after_seconds", "gauge",
        "End of the server certificate.", (uint64_t)p->server_cert_not_after_s);
    one(out, "certbroker_issuer_not_after_seconds", "gauge", "End of the CA's certificate.",
        (uint64_t)p->issuer_not_after_s);
    one(out, "certbroker_start_time_seconds", "gauge", "When this process started.",
        (uint64_t)p->start_s);
    one(out, "certbroker_draining", "gauge", "1 while shutting down.", p->is_draining ? 1 : 0);
}

static void policy(const struct metrics_process *p, struct buf *out)
{
    uint64_t refused = 0;
    one(out, "certbroker_policy_rules", "gauge", "Rules of the policy in force.", p->policy_rules);
    one(out, "certbroker_policy_clients", "gauge", "Clients of the policy in force.",
        p->policy_clients);
    head(out, "certbroker_policy_info", "gauge", "The policy in force.");
    buf_printf(out, "certbroker_policy_info{sha256=\"%s\"} 1\n", p->policy_sha256);
    one(out, "certbroker_policy_stale", "gauge", "1 when the last reload was refused.",
        p->policy_is_stale ? 1 : 0);
    one(out, "certbroker_policy_grants_expiring", "gauge",
        "Grants and tokens that end within warn_before of the policy's settings.",
        p->grants_expiring);
    one(out, "certbroker_policy_first_grant_end_seconds", "gauge",
        "When the first of the grants that end soon does; 0 when none does.",
        (uint64_t)p->first_grant_end_s);
    head(out, "certbroker_reloads_total", "counter",
         "Reloads by result; only loaded and unchanged took effect.");
    for (size_t i = 0; i < p->num_reloads; i++) {
        buf_printf(out, "certbroker_reloads_total{result=\"%s\"} %llu\n", p->reloads[i].result,
                   (unsigned long long)p->reloads[i].count);
        refused += p->reloads[i].is_refused ? p->reloads[i].count : 0;
    }
    one(out, "certbroker_reloads_refused_total", "counter", "Reloads refused.", refused);
    one(out, "certbroker_reload_time_seconds", "gauge", "When the last reload began; 0: none yet.",
        (uint64_t)p->last_reload_s);
    head(out, "certbroker_reload_duration_seconds", "gauge", "How long the last reload took.");
    buf_printf(out, "certbroker_reload_duration_seconds %.6f\n", (double)p->last_reload_us / 1e6);
}

void metrics_print(const struct metrics_process *p, struct buf *out)
{
    head(out, "certbroker_build_info", "gauge", "This program.");
    buf_printf(out, "certbroker_build_info{version=\"%s\"} 1\n", CERTBROKER_VERSION);
    replies(p, out);
    quotas(p, out);
    histogram(p, out, "certbroker_request_duration_seconds",
              "newcert and revoke, from the first byte to the last.",
              offsetof(struct metrics, request));
    histogram(p, out, "certbroker_upstream_duration_seconds", "Calls to the CA that were answered.",
              offsetof(struct metrics, upstream));
    edge(p, out);
    audit(p, out);
    state(p, out);
    policy(p, out);
}
