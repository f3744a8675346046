/* bench_audit.c - durable appends a second, beside what the disk does bare.
 *
 *   bench_audit DIR ROUNDS REQUESTERS...     DIR is made, and must be on the disk to be measured
 *
 * The log: a closed loop, in which each of so many requesters submits its next record as soon as the
 * last one is durable; one thread for all requesters, as a worker is. Grouped: the same loop, but all
 * that is done for a record is to copy its bytes: write, fdatasync, tell. Bare: write as many bytes as
 * all the records have, fdatasync, again, for nobody. Turns of
 * a fifth of a second each, alternating, so that a noisy neighbour meets both. Prints one JSON object. */
#include "audit/audit.h"
#include "audit/tlog/note.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define TURN_US INT64_C(200000)
#define IN_FLIGHT_MAX 1024
#define SAMPLES_MAX 8000000

struct bench {
    struct audit *audit;
    struct note_signer *signer;
    struct buf body;
    struct audit_append append[IN_FLIGHT_MAX];
    int64_t sent_us[IN_FLIGHT_MAX];
    uint32_t *sample_us;
    size_t num_samples;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    size_t ready[IN_FLIGHT_MAX], num_ready; /* their record is durable */
    bool is_waiting;
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

/* on_done - on the committer thread: hand it back to the requesters' thread. */
static void on_done(struct audit_append *a, enum cb_code code)
{
    struct bench *b = a->ctx;
    const size_t i = (size_t)(a - b->append);
    const int64_t now = now_us();
    if (code != CB_OK) {
        abort();
    }
    if (b->num_samples < SAMPLES_MAX) {
        b->sample_us[b->num_samples++] = (uint32_t)(now - b->sent_us[i]);
    }
    (void)pthread_mutex_lock(&b->mutex);
    b->ready[b->num_ready++] = i;
    if (b->is_waiting) {
        b->is_waiting = false;
        (void)pthread_cond_signal(&b->wake);
    }
    (void)pthread_mutex_unlock(&b->mutex);
}

/* take_ready - the requesters whose record is durable; waits for one. */
static size_t take_ready(struct bench *b, size_t *ret)
{
    (void)pthread_mutex_lock(&b->mutex);
    while (b->num_ready == 0) {
        b->is_waiting = true;
        (void)pthread_cond_wait(&b->wake, &b->mutex);
    }
    const size_t num = b->num_ready;
    memcpy(ret, b->ready, num * sizeof(*ret));
    b->num_ready = 0;
    (void)pthread_mutex_unlock(&b->mutex);
    return num;
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

struct turn {
    double records, seconds, cpu_us, syncs;
    size_t line_bytes;
};

static void add(struct turn *sum, const struct turn *t)
{
    sum->records += t->records;
    sum->seconds += t->seconds;
    sum->cpu_us += t->cpu_us;
    sum->syncs += t->syncs;
}

static size_t submit(struct bench *b, size_t i)
{
    struct cb_err err;
    b->sent_us[i] = now_us();
    b->append[i] = (struct audit_append){.body = buf_slice(&b->body),
                                         .type = AUDIT_AUTHZ_DENY,
                                         .done = on_done,
                                         .ctx = b,
                                         .ref_seq = UINT64_MAX};
    if (audit_submit(b->audit, &b->append[i], &err) != CB_OK) {
        die("submit", &err);
    }
    return 1;
}

static struct turn turn_of_log(struct bench *b, size_t requesters)
{
    struct audit_stats before;
    struct audit_stats after;
    size_t ready[IN_FLIGHT_MAX];
    size_t running = 0;
    audit_get_stats(b->audit, &before);
    const double cpu_before = cpu_us();
    const int64_t start = now_us();
    for (size_t i = 0; i < requesters; i++) {
        running += submit(b, i);
    }
    while (running > 0) {
        const size_t num = take_ready(b, ready);
        running -= num;
        for (size_t i = 0; i < num && now_us() < start + TURN_US; i++) {
            running += submit(b, ready[i]);
        }
    }
    audit_get_stats(b->audit, &after);
    return (struct turn){.records = (double)(after.records - before.records),
                         .seconds = (double)(now_us() - start) / 1e6,
                         .cpu_us = cpu_us() - cpu_before,
                         .syncs = (double)(after.syncs - before.syncs)};
}

/* turn_bare - into a file whose space is allocated, as a segment's is. */
static struct turn turn_bare(const char *dir, size_t requesters, size_t line_bytes)
{
    char path[4096];
    const size_t size = requesters * line_bytes;
    char *block = calloc(1, size);
    (void)snprintf(path, sizeof(path), "%s/bare", dir);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    struct turn t = {0};
    if (fd < 0 || block == NULL) {
        abort();
    }
    (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 64 << 20);
    const int64_t start = now_us();
    while (now_us() < start + TURN_US && write(fd, block, size) > 0 && fdatasync(fd) == 0) {
        t.records += (double)requesters;
        t.syncs++;
    }
    t.seconds = (double)(now_us() - start) / 1e6;
    (void)close(fd);
    (void)unlink(path);
    free(block);
    return t;
}

/* ---- grouped: what any log with one sync for many would have to do ---- */

struct group {
    struct bench *b;
    int fd;
    size_t line_bytes;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    size_t queue[IN_FLIGHT_MAX], num;
    bool is_waiting, stop;
    double syncs;
};

static void group_submit(struct group *g, size_t i)
{
    g->b->sent_us[i] = now_us();
    (void)pthread_mutex_lock(&g->mutex);
    g->queue[g->num++] = i;
    if (g->is_waiting) {
        g->is_waiting = false;
        (void)pthread_cond_signal(&g->wake);
    }
    (void)pthread_mutex_unlock(&g->mutex);
}

static void *group_main(void *group)
{
    struct group *g = group;
    static char block[IN_FLIGHT_MAX * 1024];
    static const char line[1024] = "a line";
    size_t taken[IN_FLIGHT_MAX];
    for (;;) {
        (void)pthread_mutex_lock(&g->mutex);
        while (g->num == 0 && !g->stop) {
            g->is_waiting = true;
            (void)pthread_cond_wait(&g->wake, &g->mutex);
        }
        const size_t num = g->num;
        memcpy(taken, g->queue, num * sizeof(*taken));
        g->num = 0;
        (void)pthread_mutex_unlock(&g->mutex);
        if (num == 0) {
            return NULL;
        }
        for (size_t i = 0; i < num; i++) {
            memcpy(block + i * g->line_bytes, line, g->line_bytes);
        }
        if (write(g->fd, block, num * g->line_bytes) < 0 || fdatasync(g->fd) != 0) {
            abort();
        }
        g->syncs++;
        for (size_t i = 0; i < num; i++) {
            on_done(&g->b->append[taken[i]], CB_OK);
        }
    }
}

static struct turn turn_grouped(struct bench *b, const char *dir, size_t requesters,
                                size_t line_bytes)
{
    static struct group g;
    char path[4096];
    pthread_t thread;
    size_t ready[IN_FLIGHT_MAX];
    size_t running = requesters;
    struct turn t = {0};
    (void)snprintf(path, sizeof(path), "%s/grouped", dir);
    g = (struct group){.b = b,
                       .fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600),
                       .line_bytes = line_bytes,
                       .mutex = PTHREAD_MUTEX_INITIALIZER,
                       .wake = PTHREAD_COND_INITIALIZER};
    (void)fallocate(g.fd, FALLOC_FL_KEEP_SIZE, 0, 64 << 20);
    if (g.fd < 0 || pthread_create(&thread, NULL, group_main, &g) != 0) {
        abort();
    }
    const int64_t start = now_us();
    for (size_t i = 0; i < requesters; i++) {
        b->append[i].ctx = b;
        group_submit(&g, i);
    }
    while (running > 0) {
        const size_t num = take_ready(b, ready);
        t.records += (double)num;
        running -= num;
        for (size_t i = 0; i < num && now_us() < start + TURN_US; i++) {
            group_submit(&g, ready[i]);
            running++;
        }
    }
    t.seconds = (double)(now_us() - start) / 1e6;
    (void)pthread_mutex_lock(&g.mutex);
    g.stop = true;
    (void)pthread_cond_signal(&g.wake);
    (void)pthread_mutex_unlock(&g.mutex);
    (void)pthread_join(thread, NULL);
    t.syncs = g.syncs;
    (void)close(g.fd);
    (void)unlink(path);
    return t;
}

static void measure(struct bench *b, const char *dir, size_t requesters, int rounds, bool is_first)
{
    struct turn log = {0};
    struct turn bare = {0};
    struct turn grouped = {0};
    size_t samples = 0;
    b->num_samples = 0;
    for (int i = 0; i < rounds; i++) {
        const struct turn l = turn_of_log(b, requesters);
        samples = b->num_samples;
        const struct turn q = turn_grouped(b, dir, requesters, b->body.len + 75);
        b->num_samples = samples;
        const struct turn r = turn_bare(dir, requesters, b->body.len + 75);
        add(&log, &l);
        add(&grouped, &q);
        add(&bare, &r);
    }
    qsort(b->sample_us, b->num_samples, sizeof(*b->sample_us), by_value);
    const double rate = log.records / log.seconds;
    const double bare_rate = bare.records / bare.seconds;
    const double grouped_rate = grouped.records / grouped.seconds;
    (void)printf("%s{\"requesters\":%zu,\"records_s\":%.0f,\"grouped_records_s\":%.0f,"
                 "\"bare_records_s\":%.0f,\"of_grouped\":%.3f,\"of_bare\":%.3f,"
                 "\"syncs_s\":%.0f,\"p50_us\":%u,\"p99_us\":%u,\"cpu_us_a_record\":%.2f}",
                 is_first ? "" : ",", requesters, rate, grouped_rate, bare_rate,
                 rate / grouped_rate, rate / bare_rate,
                 log.syncs / log.seconds, b->sample_us[b->num_samples / 2],
                 b->sample_us[b->num_samples - 1 - b->num_samples / 100], log.cpu_us / log.records);
}

static void new_log(struct bench *b, const char *dir)
{
    struct cb_err err;
    if (note_signer_new(SLICE("bench"), NOTE_LOG, &b->signer, &err) != CB_OK ||
        audit_init_signed(dir, "bench", b->signer, &err) != CB_OK) {
        die("init", &err);
    }
}

static void open_log(struct bench *b, const char *dir)
{
    struct audit_recovery recovery;
    struct cb_err err;
    if (audit_open(&(struct audit_options){.dir = dir, .version = "bench", .key = b->signer},
                   &b->audit, &recovery, &err) != CB_OK) {
        die("open", &err);
    }
    audit_recovery_free(&recovery);
}

int main(int argc, char **argv)
{
    static struct bench b = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct cb_err err = {0};
    if (argc < 4) {
        (void)fprintf(stderr, "usage: bench_audit DIR ROUNDS REQUESTERS...\n");
        return 2;
    }
    b.sample_us = calloc(SAMPLES_MAX, sizeof(*b.sample_us));
    if (b.sample_us == NULL) {
        die("init", &err);
    }
    new_log(&b, argv[1]);
    open_log(&b, argv[1]);
    buf_init(&b.body, AUDIT_LINE_MAX);
    make_body(&b.body);
    (void)printf("{\"line_bytes\":%zu,\"appends\":[", b.body.len + 75);
    for (int i = 3; i < argc; i++) {
        const long requesters = strtol(argv[i], NULL, 10);
        if (requesters > 0 && requesters <= IN_FLIGHT_MAX) {
            measure(&b, argv[1], (size_t)requesters, (int)strtol(argv[2], NULL, 10), i == 3);
        }
    }
    (void)printf("],");
    audit_close(b.audit);
    const int64_t start = now_us();
    open_log(&b, argv[1]);
    (void)printf("\"open_again_s\":%.3f}\n", (double)(now_us() - start) / 1e6);
    audit_close(b.audit);
    buf_free(&b.body);
    note_signer_free(b.signer);
    free(b.sample_us);
    return 0;
}
