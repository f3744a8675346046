/* bench_verify.c - how fast a log is verified, by one thread and by two.
 *
 *   bench_verify DIR RECORDS [ROUNDS]      DIR is made; records of about 600 bytes, 64 MiB segments
 *
 * The page cache is warm. Prints one JSON object: medians over the rounds. */
#include "audit/reader.h"
#include "audit/seals.h"
#include "audit/tlog/merkle.h"
#include "audit/tlog/tile.h"
#include "audit/verify/verify.h"
#include "tests/bench/write_log.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define ORIGIN "bench.acme.example/broker1"
#define ROUNDS_MAX 99U
#define LEVELS 4U
#define CHECKPOINT_EVERY 5000U

/* ---- the log ---- */

static void write_records(const char *dir, uint64_t num)
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

struct sealing {
    const char *dir;
    const struct note_signer *key;
    struct merkle m;
    unsigned char tile[LEVELS][TILE_WIDTH][SHA256_LEN];
};

static void make_parents(char *path)
{
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0750);
            *p = '/';
        }
    }
}

static void put_tile(const struct sealing *s, unsigned level, uint64_t n)
{
    char name[TILE_PATH_MAX];
    char path[4096];
    tile_path(level, n, name);
    (void)snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    make_parents(path);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(s->tile[level], TILE_BYTES, 1, f) != 1 || fclose(f) != 0) {
        die("tile", strerror(errno));
    }
}

static void seal(struct sealing *s)
{
    struct checkpoint c = {.origin = ORIGIN, .size = s->m.size};
    struct buf note;
    struct cb_err err;
    buf_init(&note, NOTE_BYTES_MAX);
    merkle_root(&s->m, c.root);
    if (checkpoint_sign(&c, s->key, &note, &err) != CB_OK ||
        seals_store(&audit_system_io, s->dir, buf_slice(&note), false, &err) != CB_OK) {
        die("seal", err.msg);
    }
    buf_free(&note);
}

/* add_node - and, where that fills a tile, the tile's own node one level up. */
static void add_node(struct sealing *s, unsigned level, uint64_t index,
                     const unsigned char node[SHA256_LEN])
{
    memcpy(s->tile[level][index % TILE_WIDTH], node, SHA256_LEN);
    for (; index % TILE_WIDTH == TILE_WIDTH - 1; index /= TILE_WIDTH, level++) {
        unsigned char(*up)[SHA256_LEN] = malloc(TILE_BYTES);
        put_tile(s, level, index / TILE_WIDTH);
        memcpy(up, s->tile[level], TILE_BYTES);
        for (size_t width = TILE_WIDTH; width > 1; width /= 2) {
            for (size_t i = 0; i < width / 2; i++) {
                merkle_join(&s->m, up[2 * i], up[2 * i + 1], up[i]);
            }
        }
        memcpy(s->tile[level + 1][index / TILE_WIDTH % TILE_WIDTH], up[0], SHA256_LEN);
        free(up);
    }
}

static bool take(void *ctx, uint64_t seq, struct slice line)
{
    struct sealing *s = ctx;
    unsigned char leaf[SHA256_LEN];
    merkle_leaf(&s->m, line, leaf);
    add_node(s, 0, seq, leaf);
    merkle_append_leaf(&s->m, leaf);
    if (s->m.size % CHECKPOINT_EVERY == 0) {
        seal(s);
    }
    return true;
}

static void seal_all(const char *dir, const struct note_signer *key)
{
    static struct sealing s;
    static struct vkeys vkeys;
    struct cb_err err;
    s.dir = dir;
    s.key = key;
    if (merkle_init(&s.m, &err) != CB_OK || audit_walk(dir, 0, take, &s, &err) != CB_OK ||
        vkeys_add(&vkeys, 0, note_signer_key(key), &err) != CB_OK ||
        vkeys_write(&audit_system_io, dir, &vkeys, &err) != CB_OK) {
        die("seal", err.msg);
    }
    seal(&s);
    merkle_free(&s.m);
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

static int by_seconds(const void *a, const void *b)
{
    const double left = ((const struct run *)a)->seconds;
    const double right = ((const struct run *)b)->seconds;
    return (left > right) - (left < right);
}

static struct run median(const char *dir, const struct note_signer *key, unsigned threads,
                         size_t rounds)
{
    struct run runs[ROUNDS_MAX];
    for (size_t i = 0; i < rounds; i++) {
        runs[i] = verify(dir, key, threads);
    }
    qsort(runs, rounds, sizeof(runs[0]), by_seconds);
    return runs[rounds / 2];
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
    write_records(argv[1], strtoull(argv[2], NULL, 10));
    seal_all(argv[1], key);
    (void)verify(argv[1], key, 2); /* warms the page cache */
    const struct run one = median(argv[1], key, 1, rounds);
    const struct run two = median(argv[1], key, 2, rounds);
    (void)printf("{\"records\":%.0f,\"bytes\":%.0f,\"one_thread_s\":%.3f,\"one_thread_gb_s\":%.3f,"
                 "\"cpu_gb_s\":%.3f,\"two_threads_s\":%.3f,\"two_threads_gb_s\":%.3f,"
                 "\"two_threads_ratio\":%.2f,\"peak_mib\":%.1f}\n",
                 one.records, one.bytes, one.seconds, one.bytes / one.seconds / 1e9,
                 one.bytes / one.cpu / 1e9, two.seconds, two.bytes / two.seconds / 1e9,
                 one.seconds / two.seconds, (double)two.peak_kib / 1024);
    note_signer_free(key);
    return 0;
}
