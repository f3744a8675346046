/* bench_replay.c - how long it takes to decide again what a log holds.
 *
 *   bench_replay DIR REQUESTS     DIR is made: a log of so many requests, then replayed three times
 *   bench_replay --keep DIR N     the same, of a log that is there already if it is
 *
 * The log is written by the real writer, on a disk that does not sync and a clock that goes a minute
 * forward with each batch: nine tenths of the requests are granted (an attempt, and an outcome with a
 * certificate as large as CFSSL's), the others denied. The policy that decides again takes one of
 * ten clients something away. */
#include "broker/history/history.h"
#include "tests/bench/write_log.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define CLIENTS 200U
#define CERT_DER_BYTES 1100U /* in base64: of a 256 bit key, signed with RSA 2048 */
#define RUNS 3
#define START_US INT64_C(1780000000000000)

static char cert[CERT_DER_BYTES + 1];

/* ---- the log ---- */

static void describe(struct audit_event *e, uint64_t n, char texts[8][128], struct slice dns[2])
{
    const unsigned client = (unsigned)(n % CLIENTS);
    (void)snprintf(texts[0], 128, "%032llx", (unsigned long long)(n * 0x9e3779b97f4a7c15ULL));
    (void)snprintf(texts[1], 128, "service-%u", client);
    (void)snprintf(texts[2], 128, "spiffe://acme.internal/ns/team/sa/service-%u", client);
    (void)snprintf(texts[3], 128, "10.20.%u.%u:41234", client, (unsigned)(n / CLIENTS % 250));
    (void)snprintf(texts[4], 128, "service-%u.pods.acme.internal", client);
    (void)snprintf(texts[5], 128, "service-%u.team.acme.internal", client);
    (void)snprintf(texts[6], 128, "rule-%u", client);
    dns[0] = slice_of(texts[4]);
    dns[1] = slice_of(n % 10 == 9 ? "admin.acme.internal" : texts[5]);
    e->req = slice_of(texts[0]);
    e->who_id = slice_of(texts[1]);
    e->who_via = SLICE("mtls.uri");
    e->who_credential = slice_of(texts[2]);
    e->who_cert_sha256 = SLICE("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    e->peer = slice_of(texts[3]);
    e->policy_sha256 = SLICE("8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4");
    e->rule = slice_of(texts[6]);
    e->owner = SLICE("team@acme.example");
    e->ticket = SLICE("SEC-1042");
}

static void ask(struct audit_event *e, const struct slice dns[2])
{
    static const struct audit_kv subject[] = {{{"C", 1}, {"NL", 2}}, {{"O", 1}, {"ACME Inc.", 9}}};
    e->action = SLICE("newcert");
    e->want.cn = dns[0];
    e->want.dns = dns;
    e->want.num_dns = 2;
    e->subject = subject;
    e->num_subject = 2;
    e->key = SLICE("ecdsa-256");
    e->profile = SLICE("server");
    e->ask_sha256 = SLICE("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
}

static void outcome(struct audit_event *e, const struct slice dns[2])
{
    e->action = SLICE("newcert");
    e->serial = SLICE("4f9c1c2d66f2a98f5bbd1e64b0a3d7c0b1a2f3e4");
    e->serial_dec = SLICE("454436573278846237452318463846735485963478");
    e->aki = SLICE("8f434346648f6b96df89dda901c5176b10a6d839");
    e->stage = SLICE("answer");
    e->effect = SLICE("done");
    e->upstream = SLICE("https://ca.acme.internal:8888");
    e->upstream_http = 200;
    e->upstream_us = 51234;
    e->cert_sha256 = SLICE("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    e->granted.cn = dns[0];
    e->granted.dns = dns;
    e->granted.num_dns = 2;
    e->not_before = SLICE("2026-07-22T16:20:00Z");
    e->not_after = SLICE("2026-08-21T16:20:00Z");
    e->cert_der_b64 = slice_of(cert);
    e->decision = SLICE("allow");
}

static void wait_for_all(struct log_writer *w)
{
    writer_wait(w);
    w->clock_us += 60 * INT64_C(1000000);
}

/* write_batch - the attempts and denials of num requests, then the outcomes. */
static void write_batch(struct log_writer *w, uint64_t first, size_t num)
{
    char texts[8][128];
    struct slice dns[2];
    struct audit_event e;
    for (size_t i = 0; i < num; i++) {
        const bool denied = (first + i) % 10 == 9;
        audit_event_zero(&e, denied ? AUDIT_AUTHZ_DENY : AUDIT_ISSUE_ATTEMPT);
        describe(&e, first + i, texts, dns);
        ask(&e, dns);
        e.decision = denied ? SLICE("deny") : SLICE("allow");
        if (denied) {
            e.reason = SLICE("name_not_allowed");
            e.detail = SLICE("name \"admin.acme.internal\" is not covered by rule");
            e.status = 403;
        }
        writer_submit(w, i, &e);
    }
    wait_for_all(w);
    for (size_t i = 0; i < num; i++) {
        if ((first + i) % 10 != 9) {
            audit_event_zero(&e, AUDIT_ISSUE_OK);
            describe(&e, first + i, texts, dns);
            outcome(&e, dns);
            e.ref = w->append[i].seq;
            writer_submit(w, i, &e);
        }
    }
    wait_for_all(w);
}

static void write_log(const char *dir, uint64_t requests)
{
    static struct log_writer w;
    for (size_t i = 0; i < CERT_DER_BYTES; i++) {
        cert[i] = "MIICqTCCAZGgAwIBAgIUcHJv+/ZxyA09"[i * 7 % 32];
    }
    writer_start(&w, dir, "bench", START_US);
    for (uint64_t n = 0; n < requests; n += WRITE_LOG_IN_FLIGHT) {
        write_batch(&w, n,
                    requests - n < WRITE_LOG_IN_FLIGHT ? (size_t)(requests - n)
                                                       : WRITE_LOG_IN_FLIGHT);
    }
    writer_end(&w);
}

/* ---- the policy ---- */

static struct policy *make_policy(void)
{
    struct buf text;
    struct policy *policy = NULL;
    struct diag_list *diags = diag_new();
    buf_init(&text, 1U << 20);
    buf_add_str(&text, "version: 1\nclients:\n");
    for (unsigned i = 0; i < CLIENTS; i++) {
        buf_printf(&text,
                   "  service-%u: {auth: [{mtls: {uri: "
                   "\"spiffe://acme.internal/ns/team/sa/service-%u\"}}]}\n",
                   i, i);
    }
    buf_add_str(&text, "rules:\n  - {id: never-admin, effect: deny, names: {dns: "
                       "[admin.acme.internal]}}\n");
    for (unsigned i = 0; i < CLIENTS; i++) {
        buf_printf(&text,
                   "  - {id: rule-%u, clients: [service-%u], actions: [newcert, revoke], names: "
                   "{dns: [\"*.pods.acme.internal\", service-%u.%s.acme.internal]}, subject: {C: "
                   "[NL], O: [ACME Inc.]}, profiles: [server], max_validity: 720h}\n",
                   i, i, i, i % 10 == 0 ? "moved" : "team");
    }
    if (policy_load_bytes("bench.yaml", buf_slice(&text), START_US / 1000000, diags, &policy) !=
        CB_OK) {
        diag_print(diags, stderr);
        die("policy", "not good");
    }
    diag_free(diags);
    buf_free(&text);
    return policy;
}

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void replay(const struct policy *policy, const char *dir, int64_t since_us)
{
    struct history_replay r;
    struct cb_err err;
    const struct history_range range = {since_us, INT64_MAX};
    const double cpu = cpu_s();
    const int64_t start = clock_mono_us(&cb_system_clock);
    if (history_replay(policy, dir, &range, &r, &err) != CB_OK) {
        die("replay", err.msg);
    }
    const double seconds = (double)(clock_mono_us(&cb_system_clock) - start) / 1e6;
    (void)printf("{\"asks\": %llu, \"records\": %llu, \"unclear\": %llu, \"same\": %llu, "
                 "\"lost\": %llu, \"gained\": %llu, \"groups\": %zu, \"seconds\": %.3f, "
                 "\"cpu_s\": %.3f}\n",
                 (unsigned long long)r.counts.asks, (unsigned long long)r.counts.records,
                 (unsigned long long)r.counts.unclear, (unsigned long long)r.same,
                 (unsigned long long)r.lost, (unsigned long long)r.gained, r.num_flips, seconds,
                 cpu_s() - cpu);
    history_replay_free(&r);
}

int main(int argc, char **argv)
{
    const bool keep = argc == 4 && strcmp(argv[1], "--keep") == 0;
    struct stat st;
    if (argc != 3 && !keep) {
        (void)fprintf(stderr, "usage: bench_replay [--keep] DIR REQUESTS\n");
        return 2;
    }
    const char *dir = argv[argc - 2];
    const uint64_t requests = strtoull(argv[argc - 1], NULL, 10);
    if (!keep || stat(dir, &st) != 0) {
        write_log(dir, requests);
    }
    struct policy *policy = make_policy();
    for (int i = 0; i < RUNS; i++) {
        replay(policy, dir, INT64_MIN);
    }
    /* What a seek saves: the last twentieth of the time. */
    const int64_t all_us = (int64_t)(requests / WRITE_LOG_IN_FLIGHT) * 2 * 60 * 1000000;
    replay(policy, dir, START_US + all_us / 20 * 19);
    policy_free(policy);
    return 0;
}
