/* bench_audit.c - durable appends a second, and what one costs.
 *
 *   bench_audit DIR [IN_FLIGHT...]      DIR is made, and must be on the disk to be measured
 *
 * A closed loop: each record is submitted again as soon as it is durable. Also printed: the rate of
 * bare fdatasync on the same disk, and the cost of encoding alone. Three seconds each. */
#include "audit/audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECONDS 3
#define IN_FLIGHT_MAX 1024
#define SAMPLES_MAX 2000000

struct bench {
    struct audit *audit;
    struct buf body;
    struct audit_append append[IN_FLIGHT_MAX];
    int64_t sent_us[IN_FLIGHT_MAX];
    uint32_t *sample_us;
    size_t num_samples;
    int64_t end_us;
    int running; /* appends under way */
};

static int64_t now_us(void)
{
    return clock_mono_us(&cb_system_clock);
}

static void die(const char *what, const struct cb_err *err)
{
    (void)fprintf(stderr, "bench_audit: %s: %s\n", what, err->msg);
    exit(1);
}

static void make_body(struct buf *out)
{
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
    if (!audit_event_encode(&e, out)) {
        abort();
    }
}

static void on_done(struct audit_append *a, enum cb_code code)
{
    struct bench *b = a->ctx;
    struct cb_err err;
    const size_t i = (size_t)(a - b->append);
    const int64_t now = now_us();
    if (code != CB_OK) {
        abort();
    }
    if (b->num_samples < SAMPLES_MAX) {
        b->sample_us[b->num_samples++] = (uint32_t)(now - b->sent_us[i]);
    }
    b->sent_us[i] = now;
    if (now >= b->end_us || audit_submit(b->audit, a, &err) != CB_OK) {
        (void)__atomic_sub_fetch(&b->running, 1, __ATOMIC_SEQ_CST);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = 0;
    uint32_t right = 0;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return (left > right) - (left < right);
}

static double cpu_us(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void run(struct bench *b, size_t in_flight)
{
    struct audit_stats before;
    struct audit_stats after;
    struct cb_err err;
    b->num_samples = 0;
    b->running = (int)in_flight;
    audit_get_stats(b->audit, &before);
    const double cpu_before = cpu_us();
    const int64_t start = now_us();
    b->end_us = start + SECONDS * INT64_C(1000000);
    for (size_t i = 0; i < in_flight; i++) {
        b->sent_us[i] = now_us();
        b->append[i] = (struct audit_append){.body = buf_slice(&b->body),
                                             .type = AUDIT_AUTHZ_DENY,
                                             .done = on_done,
                                             .ctx = b,
                                             .ref_seq = UINT64_MAX};
        if (audit_submit(b->audit, &b->append[i], &err) != CB_OK) {
            die("submit", &err);
        }
    }
    while (__atomic_load_n(&b->running, __ATOMIC_SEQ_CST) > 0) {
        (void)usleep(10000);
    }
    const double seconds = (double)(now_us() - start) / 1e6;
    const double cpu = cpu_us() - cpu_before;
    audit_get_stats(b->audit, &after);
    const double records = (double)(after.records - before.records);
    qsort(b->sample_us, b->num_samples, sizeof(*b->sample_us), by_value);
    (void)printf("%5zu in flight  %9.0f records/s  %6.0f syncs/s  p50 %5u us  p99 %6u us  "
                 "%5.2f us CPU/record\n",
                 in_flight, records / seconds, (double)(after.syncs - before.syncs) / seconds,
                 b->sample_us[b->num_samples / 2],
                 b->sample_us[b->num_samples - 1 - b->num_samples / 100], cpu / records);
}

static void bare_sync(const char *dir)
{
    char path[4096];
    static char block[600];
    (void)snprintf(path, sizeof(path), "%s/bare", dir);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int64_t end = now_us() + SECONDS * INT64_C(1000000);
    size_t count = 0;
    while (fd >= 0 && now_us() < end && write(fd, block, sizeof(block)) > 0 && fdatasync(fd) == 0) {
        count++;
    }
    (void)close(fd);
    (void)unlink(path);
    (void)printf("bare write + fdatasync  %zu/s\n", count / SECONDS);
}

static void encoding(struct bench *b)
{
    const double before = cpu_us();
    for (int i = 0; i < 200000; i++) {
        make_body(&b->body);
    }
    (void)printf("encode %zu bytes  %.2f us\n", b->body.len, (cpu_us() - before) / 200000);
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct audit_recovery recovery;
    struct cb_err err;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench_audit DIR [IN_FLIGHT...]\n");
        return 2;
    }
    b.sample_us = calloc(SAMPLES_MAX, sizeof(*b.sample_us));
    if (b.sample_us == NULL || audit_init(argv[1], "bench", &err) != CB_OK) {
        die("init", &err);
    }
    if (audit_open(&(struct audit_options){.dir = argv[1], .version = "bench"}, &b.audit, &recovery,
                   &err) != CB_OK) {
        die("open", &err);
    }
    audit_recovery_free(&recovery);
    buf_init(&b.body, AUDIT_LINE_MAX);
    encoding(&b);
    bare_sync(argv[1]);
    for (int i = 2; i < argc; i++) {
        const long in_flight = strtol(argv[i], NULL, 10);
        if (in_flight > 0 && in_flight <= IN_FLIGHT_MAX) {
            run(&b, (size_t)in_flight);
        }
    }
    audit_close(b.audit);
    const int64_t start = now_us();
    if (audit_open(&(struct audit_options){.dir = argv[1], .version = "bench"}, &b.audit, &recovery,
                   &err) != CB_OK) {
        die("open again", &err);
    }
    (void)printf("open with recovery  %.3f s\n", (double)(now_us() - start) / 1e6);
    audit_recovery_free(&recovery);
    audit_close(b.audit);
    buf_free(&b.body);
    free(b.sample_us);
    return 0;
}
