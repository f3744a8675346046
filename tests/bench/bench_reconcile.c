/* bench_reconcile.c - how long it takes to compare a log with the CA's database, and how much memory.
 *
 *   bench_reconcile DIR CERTIFICATES    DIR/log and DIR/certs.db are made, then compared three times
 *
 * Each certificate is an attempt and an outcome in the log, with a certificate as large as CFSSL's, and a
 * row in the database. All are the same but for their serial numbers and what follows from them. */
#include "broker/base/clock.h"
#include "broker/reconcile/reconcile.h"
#include "tests/bench/write_log.h"

#include <openssl/evp.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DER_BYTES 510U
#define RUNS 3
#define START_US INT64_C(1780000000000000)

struct one {
    unsigned char der[DER_BYTES];
    char serial[41], serial_dec[50], sha256[65], pem[1024], b64[1024];
};

static void make(uint64_t n, struct one *ret)
{
    unsigned char digest[32];
    unsigned char serial[20];
    for (size_t i = 0; i < DER_BYTES; i++) {
        ret->der[i] = (unsigned char)(i * 7 + 3);
    }
    (void)EVP_Digest(&n, sizeof(n), digest, NULL, EVP_sha256(), NULL);
    memcpy(serial, digest, sizeof(serial));
    serial[0] = (unsigned char)(serial[0] & 0x7f) | 0x10;
    memcpy(ret->der + 20, serial, sizeof(serial));
    (void)EVP_Digest(ret->der, DER_BYTES, digest, NULL, EVP_sha256(), NULL);
    hex_encode(serial, sizeof(serial), ret->serial);
    hex_encode(digest, sizeof(digest), ret->sha256);
    (void)EVP_EncodeBlock((unsigned char *)ret->b64, ret->der, DER_BYTES);
    size_t at = (size_t)snprintf(ret->pem, sizeof(ret->pem), "-----BEGIN CERTIFICATE-----\n");
    for (size_t i = 0; i < DER_BYTES; i += 48) {
        const int len = DER_BYTES - i < 48 ? (int)(DER_BYTES - i) : 48;
        at += (size_t)EVP_EncodeBlock((unsigned char *)ret->pem + at, ret->der + i, len);
        ret->pem[at++] = '\n';
    }
    (void)snprintf(ret->pem + at, sizeof(ret->pem) - at, "-----END CERTIFICATE-----\n");
}

/* to_dec - slow and obvious: it is not what is measured. */
static void to_dec(const char *hex, char out[50])
{
    unsigned char digits[50] = {0};
    size_t num = 1;
    for (const char *c = hex; *c != '\0'; c++) {
        unsigned carry = (unsigned)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
        for (size_t i = 0; i < num || carry > 0; i++) {
            carry += digits[i] * 16U;
            digits[i] = (unsigned char)(carry % 10);
            carry /= 10;
            num = i + 1 > num ? i + 1 : num;
        }
    }
    for (size_t i = 0; i < num; i++) {
        out[i] = (char)('0' + digits[num - 1 - i]);
    }
    out[num] = '\0';
}

/* ---- the two sides ---- */

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        die("sqlite", sqlite3_errmsg(db));
    }
}

static void add_row(sqlite3_stmt *insert, const struct one *c)
{
    (void)sqlite3_bind_text(insert, 1, c->serial_dec, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(insert, 2, c->pem, -1, SQLITE_STATIC);
    if (sqlite3_step(insert) != SQLITE_DONE) {
        die("sqlite", "insert");
    }
    (void)sqlite3_reset(insert);
}

static void log_attempts(struct log_writer *w, const struct one *group, size_t num)
{
    const struct slice dns[] = {SLICE("api.payments.acme.internal")};
    for (size_t i = 0; i < num; i++) {
        struct audit_event e;
        audit_event_zero(&e, AUDIT_ISSUE_ATTEMPT);
        e.req = slice_of(group[i].sha256 + 32);
        e.who_id = SLICE("payments-api");
        e.want = (struct audit_names){.cn = dns[0], .dns = dns, .num_dns = 1};
        e.key = SLICE("ecdsa-256");
        e.profile = SLICE("server");
        writer_submit(w, i, &e);
    }
    writer_wait(w);
}

static void log_outcomes(struct log_writer *w, const struct one *group, size_t num)
{
    const struct slice dns[] = {SLICE("api.payments.acme.internal")};
    for (size_t i = 0; i < num; i++) {
        struct audit_event e;
        audit_event_zero(&e, AUDIT_ISSUE_OK);
        e.ref = w->append[i].seq;
        e.req = slice_of(group[i].sha256 + 32);
        e.who_id = SLICE("payments-api");
        e.serial = slice_of(group[i].serial);
        e.serial_dec = slice_of(group[i].serial_dec);
        e.aki = SLICE("081bf5853a4a5590e0b7711926fb275ebf2af267");
        e.cert_sha256 = slice_of(group[i].sha256);
        e.granted = (struct audit_names){.cn = dns[0], .dns = dns, .num_dns = 1};
        e.not_before = SLICE("2026-07-22T16:20:00Z");
        e.not_after = SLICE("2099-08-21T16:20:00Z");
        e.cert_der_b64 = slice_of(group[i].b64);
        writer_submit(w, i, &e);
    }
    writer_wait(w);
}

static void build(const char *log, const char *certs, uint64_t num)
{
    static struct log_writer w;
    static struct one group[WRITE_LOG_IN_FLIGHT];
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;
    writer_start(&w, log, "bench/reconcile", START_US);
    (void)sqlite3_open(certs, &db);
    run_sql(db,
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; CREATE TABLE certificates ("
            "serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, ca_label blob, "
            "status blob NOT NULL, reason int, expiry timestamp, revoked_at timestamp, pem blob "
            "NOT NULL, PRIMARY KEY(serial_number, authority_key_identifier)); BEGIN");
    (void)sqlite3_prepare_v2(db,
                             "INSERT INTO certificates VALUES (?1, '', '', 'good', 0, "
                             "'2099-08-21 16:20:00+00:00', '0001-01-01 00:00:00+00:00', ?2)",
                             -1, &insert, NULL);
    for (uint64_t n = 0; n < num;) {
        size_t in_group = 0;
        for (; in_group < WRITE_LOG_IN_FLIGHT && n < num; in_group++, n++) {
            make(n, &group[in_group]);
            to_dec(group[in_group].serial, group[in_group].serial_dec);
            add_row(insert, &group[in_group]);
        }
        log_attempts(&w, group, in_group);
        log_outcomes(&w, group, in_group);
        w.clock_us += 60000000;
    }
    run_sql(db, "COMMIT");
    (void)sqlite3_finalize(insert);
    (void)sqlite3_close(db);
    writer_end(&w);
}

/* ---- comparing ---- */

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void compare(const char *log, const char *certs)
{
    struct reconcile_result result;
    struct rusage usage;
    struct cb_err err;
    const struct reconcile_options options = {.audit_dir = log,
                                              .kind = RECONCILE_SQLITE,
                                              .certdb = certs,
                                              .since_us = INT64_MIN,
                                              .until_us = INT64_MAX,
                                              .before_us = INT64_MIN,
                                              .window_us = 60000000,
                                              .backdate_us = 300000000,
                                              .now_us = clock_wall_us(&cb_system_clock)};
    const double cpu = cpu_s();
    const int64_t start = clock_mono_us(&cb_system_clock);
    if (reconcile_run(&options, &result, &err) != CB_OK) {
        die("reconcile", err.msg);
    }
    const double seconds = (double)(clock_mono_us(&cb_system_clock) - start) / 1e6;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("{\"certificates\": %llu, \"ok\": %llu, \"seconds\": %.3f, \"cpu_s\": %.3f, "
                 "\"peak_mib\": %.1f}\n",
                 (unsigned long long)result.num_rows, (unsigned long long)result.counts[VERDICT_OK],
                 seconds, cpu_s() - cpu, (double)usage.ru_maxrss / 1024);
    reconcile_free(&result);
}

int main(int argc, char **argv)
{
    char log[4096];
    char certs[4096];
    uint64_t num = 0;
    if (argc != 3 || !slice_to_u64(slice_of(argv[2]), &num)) {
        (void)fprintf(stderr, "usage: bench_reconcile DIR CERTIFICATES\n");
        return 2;
    }
    (void)mkdir(argv[1], 0755);
    (void)snprintf(log, sizeof(log), "%s/log", argv[1]);
    (void)snprintf(certs, sizeof(certs), "%s/certs.db", argv[1]);
    if (access(log, F_OK) != 0) {
        build(log, certs, num);
    }
    for (int i = 0; i < RUNS; i++) {
        compare(log, certs);
    }
    return 0;
}
