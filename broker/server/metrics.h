/* metrics.h - counters a worker keeps and the operations listener prints (Prometheus text). */
#ifndef BROKER_METRICS_H
#define BROKER_METRICS_H

#include "broker/base/buf.h"
#include "broker/request/request.h"

#include <stdatomic.h>

#define METRICS_BUCKETS 14

/* Written by one worker only, read by the operations thread: relaxed atomics are enough. */
struct metrics_histogram {
    _Atomic(uint64_t) bucket[METRICS_BUCKETS + 1]; /* the last one is +Inf */
    _Atomic(uint64_t) sum_us, count;
};

struct metrics {
    _Atomic(uint64_t) replies[REQ_ROUTE_COUNT][REASON_ID_COUNT];
    _Atomic(uint64_t) denials[POLICY_REASON_COUNT];
    _Atomic(uint64_t) mismatches[CERT_FIELD_COUNT];
    _Atomic(uint64_t) rate_limited, too_many_active;
    _Atomic(uint64_t) undelivered, follow_ups_done, follow_ups_failed, notes_dropped;
    _Atomic(uint64_t) live;            /* requests under way */
    struct metrics_histogram request;  /* newcert and revoke, head to reply */
    struct metrics_histogram upstream; /* the CA's share of it */
    _Atomic(uint64_t) edge_accepted, edge_refused, edge_handshakes, edge_handshake_failures,
        edge_bad_requests, edge_timeouts, edge_accept_errors, edge_connections, edge_dropped;
};

static inline void metrics_add(_Atomic(uint64_t) *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void metrics_observe(struct metrics_histogram *h, int64_t us);
/* metrics_request - count a finished request. */
void metrics_request(struct metrics *m, const struct request *r, int64_t now_mono_us);

/* What the process as a whole can say. */
struct metrics_process {
    struct metrics *const *workers;
    size_t num_workers;
    struct audit_stats audit;
    enum audit_state audit_state;
    struct issued_stats issued;
    struct gate_stats gate;
    uint64_t policy_rules, policy_clients;
    const char *policy_sha256;
    bool policy_is_stale; /* the last reload was refused */
    const struct metrics_reloads {
        const char *result;
        uint64_t count;
        bool is_refused;
    } * reloads;
    size_t num_reloads;
    int64_t last_reload_s, last_reload_us; /* when, and how long it took; 0: none yet */
    uint64_t grants_expiring;
    int64_t first_grant_end_s; /* 0: none ends soon */
    int64_t server_cert_not_after_s, issuer_not_after_s;
    int64_t start_s;
    bool is_draining;
};
void metrics_print(const struct metrics_process *p, struct buf *out);

#endif
