/* bench_verify.c - how fast a log is verified, by one thread and by two.
 *
 *   bench_verify DIR RECORDS [ROUNDS]      DIR is made; records of about 600 bytes, 64 MiB segments
 *
 * The page cache is warm. Prints one JSON object: the best of the rounds. */
#include "audit/verify/verify.h"
#include "tests/bench/write_log.h"

#include <sys/resource.h>

#define ORIGIN "bench.acme.example/broker1"
#define ROUNDS_MAX 99U

/* ---- the log ---- */

static void write_records(const char *dir, const struct note_signer *key, uint64_t num)
{
    static struct log_writer w;
    static const struct slice dns[] = {{"api.pay.example", 15}, {"api-2.pay.example", 17}};
    struct audit_event e;
    audit_event_zero(&e, AUDIT_AUTHZ_DENY);
    e.req = SLICE("00112233445566778899aabbccddeeff");
    e.who_id = SLICE("payments-api");
    e.who_via = SLICE("mtls.uri");
    e.who_credential = SLICE("spiffe://example/ns/pay/sa/api");
    e.peer = SLICE("10.20.0.7:41234");
    e.action = SLICE("newcert");
    e.want.cn = dns[0];
    e.want.dns = dns;
    e.want.num_dns = 2;
    e.key = SLICE("ecdsa-256");
    e.profile = SLICE("server");
    e.policy_sha256 = SLICE("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    e.rule = SLICE("payments-server");
    e.owner = SLICE("payments-team@acme.example");
    e.decision = SLICE("deny");
    e.reason = SLICE("no_rule");
    e.detail = SLICE("no rule of this client allows the name api-2.pay.example");
    w.key = key;
    writer_start(&w, dir, ORIGIN, clock_wall_us(&cb_system_clock));
    for (uint64_t done = 0; done < num; done += WRITE_LOG_IN_FLIGHT) {
        for (size_t i = 0; i < WRITE_LOG_IN_FLIGHT; i++) {
            writer_submit(&w, i, &e);
        }
        writer_wait(&w);
        w.clock_us += 100000;
    }
    writer_end(&w);
}

/* ---- measuring ---- */

struct run {
    double seconds, cpu, bytes, records;
    long peak_kib;
};

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct run verify(const char *dir, const struct note_signer *key, unsigned threads)
{
    static struct verify_report r;
    struct cb_err err;
    struct rusage u;
    const struct verify_options o = {.dir = dir, .key = note_signer_key(key), .threads = threads};
    const double cpu = cpu_s();
    const int64_t start = clock_mono_us(&cb_system_clock);
    if (verify_log(&o, &r, &err) != CB_OK) {
        die("verify", err.msg);
    }
    if (r.verdict != VERIFY_INTACT) {
        die("verify", r.findings[0].what);
    }
    (void)getrusage(RUSAGE_SELF, &u);
    return (struct run){.seconds = (double)(clock_mono_us(&cb_system_clock) - start) / 1e6,
                        .cpu = cpu_s() - cpu,
                        .bytes = (double)r.bytes,
                        .records = (double)r.records,
                        .peak_kib = u.ru_maxrss};
}

/* best - of the rounds: whatever else runs on the machine only makes it slower. */
static struct run best(const char *dir, const struct note_signer *key, unsigned threads,
                       size_t rounds)
{
    struct run ret = verify(dir, key, threads);
    for (size_t i = 1; i < rounds; i++) {
        const struct run next = verify(dir, key, threads);
        ret = next.seconds < ret.seconds ? next : ret;
    }
    return ret;
}

int main(int argc, char **argv)
{
    struct note_signer *key = NULL;
    struct cb_err err;
    if (argc < 3 || argc > 4) {
        (void)fprintf(stderr, "usage: bench_verify DIR RECORDS [ROUNDS]\n");
        return 2;
    }
    const unsigned long rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 5;
    if (rounds == 0 || rounds > ROUNDS_MAX ||
        note_signer_new(SLICE(ORIGIN), NOTE_LOG, &key, &err) != CB_OK) {
        die("arguments", "ROUNDS is 1 to 99");
    }
    write_records(argv[1], key, strtoull(argv[2], NULL, 10));
    (void)verify(argv[1], key, 2); /* warms the page cache */
    const struct run one = best(argv[1], key, 1, rounds);
    const struct run two = best(argv[1], key, 2, rounds);
    (void)printf("{\"records\":%.0f,\"bytes\":%.0f,\"one_thread_s\":%.3f,\"one_thread_gb_s\":%.3f,"
                 "\"cpu_gb_s\":%.3f,\"two_threads_s\":%.3f,\"two_threads_gb_s\":%.3f,"
                 "\"two_threads_ratio\":%.2f,\"peak_mib\":%.1f}\n",
                 one.records, one.bytes, one.seconds, one.bytes / one.seconds / 1e9,
                 one.bytes / one.cpu / 1e9, two.seconds, two.bytes / two.seconds / 1e9,
                 one.seconds / two.seconds, (double)two.peak_kib / 1024);
    note_signer_free(key);
    return 0;
}
