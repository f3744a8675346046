/* test_join.c - every verdict, as a table: what the log says, what the CA has, what the log gains
 * meanwhile. Logs are made by the real writer, certificates by OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "broker/base/clock.h"
#include "broker/reconcile/join.h"
#include "tests/unit/ca/certs.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE_S INT64_C(1784736000) /* 2026-07-22T16:00:00Z: where the log begins */
#define NOW_S (BASE_S + 10000)
#define AKI "a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4"
#define OTHER_AKI "c1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4"
#define CERTS 8

/* The certificates there are: when, for whom, how long. */
static const struct {
    int at_s;
    const char *name;
    int valid_s;
} plans[CERTS] = {
    {1000, "a.example", 86400},  {2000, "b.example", 86400},   {1010, "a.example", 86400},
    {5000, "a.example", 86400},  {100, "c.example", 3600},     {-90000, "old.example", 864000},
    {9990, "new.example", 3600}, {1020, "a.example", 8640000},
};

struct made {
    char pem[2048];
    char sha256[65], serial_hex[41], serial_dec[50];
};
static struct made made[CERTS], twisted[CERTS], foreign[CERTS];

/* ---- certificates ---- */

static void make(size_t i, const char *aki, const char *name, struct made *ret)
{
    static const struct plan_attr ca_subject[4] = {{.type = "CN", .value = "Test CA"}};
    static EVP_PKEY *key;
    char san[128];
    char akid[128];
    char serial[8];
    unsigned char digest[32];
    struct serial parsed;
    int len = 0;
    key = key == NULL ? plan_ec_key("P-256") : key;
    (void)snprintf(san, sizeof(san), "30%02zx82%02zx", strlen(name) + 2, strlen(name));
    hex_encode((const unsigned char *)name, strlen(name), san + strlen(san));
    (void)snprintf(akid, sizeof(akid), "30168014%s", aki);
    (void)snprintf(serial, sizeof(serial), "77%02zx", i);
    const struct plan p = {.version = 2,
                           .serial_hex = serial,
                           .not_before = BASE_S + plans[i].at_s - 300,
                           .not_after = BASE_S + plans[i].at_s - 300 + plans[i].valid_s,
                           .subject = {{.type = "CN", .value = name}},
                           .key = key,
                           .exts = {{"2.5.29.17", san, 0}, {"2.5.29.35", akid, 0}},
                           .sign_key = key,
                           .hash = "SHA256"};
    unsigned char *der = plan_der(&p, ca_subject, &len);
    plan_pem("CERTIFICATE", der, len, ret->pem, sizeof(ret->pem));
    assert_int_equal(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL), 1);
    hex_encode(digest, sizeof(digest), ret->sha256);
    OPENSSL_free(der);
    assert_true(serial_from_hex(slice_of(serial), &parsed));
    serial_to_hex(&parsed, ret->serial_hex);
    serial_to_dec(&parsed, ret->serial_dec);
}

static int make_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < CERTS; i++) {
        make(i, AKI, plans[i].name, &made[i]);
        make(i, AKI, "evil.example", &twisted[i]);
        make(i, OTHER_AKI, plans[i].name, &foreign[i]);
    }
    return 0;
}

/* ---- the log ---- */

struct log {
    char dir[64];
    struct audit *audit;
    _Atomic(int64_t) now_us;
    struct cb_clock clock;
    uint64_t attempts[CERTS];
};

static int64_t wall(void *ctx)
{
    const struct log *l = ctx;
    return l->now_us;
}

static int64_t mono(void *ctx)
{
    (void)ctx;
    return clock_mono_us(&cb_system_clock);
}

static void log_new(struct log *l)
{
    struct audit_recovery recovery;
    struct cb_err err;
    *l = (struct log){.dir = "/tmp/test-reconcile-XXXXXX"};
    assert_non_null(mkdtemp(l->dir));
    l->now_us = BASE_S * 1000000;
    l->clock = (struct cb_clock){.wall_us = wall, .mono_us = mono, .ctx = l};
    if (audit_init(l->dir, "reconcile.test/log", &err) != CB_OK ||
        audit_open(&(struct audit_options){.dir = l->dir,
                                           .version = "test",
                                           .clock = &l->clock,
                                           .soft_free_bytes = 2,
                                           .hard_free_bytes = 1},
                   &l->audit, &recovery, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    audit_recovery_free(&recovery);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void log_free(struct log *l)
{
    audit_close(l->audit);
    assert_int_equal(nftw(l->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static enum audit_type type_of(char letter)
{
    static const struct {
        char letter;
        enum audit_type type;
    } letters[] = {{'A', AUDIT_ISSUE_ATTEMPT},      {'O', AUDIT_ISSUE_OK},
                   {'U', AUDIT_ISSUE_UNKNOWN},      {'F', AUDIT_ISSUE_FAIL},
                   {'W', AUDIT_ISSUE_FAIL},         {'X', AUDIT_ISSUE_FAIL},
                   {'N', AUDIT_ISSUE_FAIL},         {'D', AUDIT_ISSUE_UNDELIVERED},
                   {'T', AUDIT_REVOKE_ATTEMPT},     {'R', AUDIT_REVOKE_OK},
                   {'b', AUDIT_RECONCILE_BYPASS},   {'o', AUDIT_RECONCILE_ORPHAN},
                   {'m', AUDIT_RECONCILE_MISSING},  {'s', AUDIT_RECONCILE_RESOLVED},
                   {'S', AUDIT_RECONCILE_RESOLVED}, {'d', AUDIT_RECONCILE_BYPASS},
                   {'l', AUDIT_RECONCILE_MISSING}};
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if (letters[i].letter == letter) {
            return letters[i].type;
        }
    }
    fail_msg("no record '%c'", letter);
    return AUDIT_ISSUE_OK;
}

static bool names_cert(char letter)
{
    return strchr("OWXDTRbomSdl", letter) != NULL;
}

/* log_add - one record about certificate i. F: it failed, and may have had an effect; N: it failed and
 * had none; W: it was issued and withheld; X: the CA answered with the next one instead. s: an attempt
 * is explained, S: a certificate is; d: it differs, l: the CA has lost its revocation. */
static void log_add(struct log *l, char letter, size_t i)
{
    struct audit_event e;
    struct buf body;
    struct cb_err err;
    char not_after[21];
    uint64_t seq = 0;
    const struct slice dns[] = {slice_of(plans[i].name)};
    const struct slice serial_differs[] = {SLICE("serial")};
    audit_event_zero(&e, type_of(letter));
    e.req = SLICE("00112233445566778899aabbccddeeff");
    e.who_id = SLICE("alice");
    e.ref = audit_type_is_outcome(e.type) || letter == 's' || letter == 'o' ? l->attempts[i]
                                                                            : UINT64_MAX;
    e.effect = letter == 'F'   ? SLICE("possible")
               : letter == 'N' ? SLICE("none")
                               : (struct slice){NULL, 0};
    e.reason = letter == 'd'   ? SLICE("differs")
               : letter == 'l' ? SLICE("revoked_in_log")
                               : (struct slice){NULL, 0};
    if (letter == 'A') {
        e.want = (struct audit_names){.cn = dns[0], .dns = dns, .num_dns = 1};
        e.key = SLICE("ecdsa-256");
    }
    if (letter == 'X') {
        e.mismatch = serial_differs;
        e.num_mismatch = 1;
        e.effect = SLICE("done");
    }
    if (e.type == AUDIT_REVOKE_OK) {
        e.ref = UINT64_MAX;
    }
    if (names_cert(letter)) {
        time_format_s(BASE_S + plans[i].at_s - 300 + plans[i].valid_s, not_after);
        e.serial = slice_of(made[letter == 'X' ? i + 1 : i].serial_hex);
        e.aki = SLICE(AKI);
        e.cert_sha256 = slice_of(made[i].sha256);
        e.not_after = slice_of(not_after);
    }
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    l->now_us = (BASE_S + plans[i].at_s - (letter == 'A' ? 1 : 0)) * 1000000;
    if (audit_append_wait(l->audit, e.type, buf_slice(&body), &seq, &err) != CB_OK) {
        fail_msg("%c%zu: %s", letter, i, err.msg);
    }
    buf_free(&body);
    if (letter == 'A') {
        l->attempts[i] = seq;
    }
}

/* ---- the CA's side ---- */

/* row_add - g: good, r: revoked, p: its pem is rubbish, t: another certificate of that number,
 * f: one of another CA, k: the same, stored by a build that leaves the key id empty, x: the pem of the next certificate, e: as g, with the CA's word for its time,
 * n: no number. */
static void row_add(struct join *j, char letter, size_t i)
{
    struct cb_err err;
    char issued[21];
    struct ca_row row = {.serial = slice_of(made[i].serial_dec),
                         .aki = letter == 'f' ? SLICE(OTHER_AKI) : SLICE(""),
                         .status = letter == 'r' ? SLICE("revoked") : SLICE("good"),
                         .reason = letter == 'r' ? SLICE("1") : SLICE("0"),
                         .expiry = SLICE("2026-07-23 16:00:00+00:00"),
                         .revoked_at = letter == 'r' ? SLICE("2026-07-22 17:00:00+00:00")
                                                     : SLICE("0001-01-01 00:00:00+00:00"),
                         .pem = slice_of(made[i].pem)};
    row.pem = letter == 'p'                    ? SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n")
              : letter == 't'                  ? slice_of(twisted[i].pem)
              : letter == 'f' || letter == 'k' ? slice_of(foreign[i].pem)
              : letter == 'x'                  ? slice_of(made[(i + 1) % CERTS].pem)
                                               : row.pem;
    if (letter == 'n') {
        row.serial = SLICE("0x1f\x1b[31m");
    }
    if (letter == 'e') {
        time_format_s(BASE_S + plans[i].at_s, issued);
        row.issued_at = slice_of(issued);
    }
    assert_int_equal(join_row(j, &row, &err), CB_OK);
}

/* ---- cases ---- */

static const struct {
    const char *name, *log, *ca, *late, *expected;
} cases[] = {
    {"both", "A0 O0 A1 O1", "g0 g1", "", "ok=2"},
    {"nothing", "", "", "", ""},
    {"bypass", "A0 O0", "g0 g1", "", "ok=1 bypass=1"},
    {"bypass, revoked, not recorded", "A0 O0", "g0 r1", "", "ok=1 bypass=1"},
    {"bypass, recorded", "A0 O0 b1", "g0 g1", "", "ok=1 bypass=1 told=1"},
    {"bypass, recorded, revoked through us", "A0 O0 b1 T1 R1", "g0 r1", "", "ok=1 settled=1"},
    {"bypass, recorded, revoked there", "A0 O0 b1", "g0 r1", "", "ok=1 lapsed=1"},
    {"bypass, recorded, revoked there, recorded", "A0 O0 b1 S1", "g0 r1", "", "ok=1 settled=1"},
    {"bypass, revoked through us, not recorded", "A0 O0 T1 R1", "g0 r1", "", "ok=1 bypass=1"},
    {"bypass, recorded and expired", "A0 O0 b4", "g0 g4", "", "ok=1 settled=1"},
    {"a failure without effect explains nothing", "A1 N1", "g1", "", "bypass=1"},
    {"missing", "A0 O0 A1 O1", "g1", "", "ok=1 missing=1"},
    {"missing, expired", "A4 O4", "", "", "expired=1"},
    {"missing, recorded, is still missing", "A0 O0 m0", "", "", "missing=1 told=1"},
    {"missing, another thing recorded", "A0 O0 l0", "", "", "missing=1"},
    {"orphan of unknown", "A0 U0", "g0", "", "orphan=1"},
    {"orphan of a failure with effect", "A0 F0", "g0", "", "orphan=1"},
    {"orphan without any outcome", "A0", "g0", "", "orphan=1"},
    {"orphan by the CA's own time", "A0 U0", "e0", "", "orphan=1"},
    {"orphan, revoked", "A0 U0", "r0", "", "lapsed=1"},
    {"orphan, revoked, recorded since", "A0 U0 S0", "r0", "", "settled=1"},
    {"orphan, recorded, revoked there", "A0 U0 o0", "r0", "", "lapsed=1"},
    {"orphan, recorded, revoked through us", "A0 U0 o0 T0 R0", "r0", "", "settled=1"},
    {"orphan, revoked through us, not recorded", "A0 U0 T0 R0", "r0", "", "lapsed=1"},
    {"orphan, expired", "A4 U4", "g4", "", "lapsed=1"},
    {"orphan, expired, recorded", "A4 U4 o4", "g4", "", "settled=1"},
    {"orphan, recorded, is still an orphan", "A0 U0 o0", "g0", "", "orphan=1 told=1"},
    {"said to be not issued, and there it is", "A0 U0 s0", "g0", "", "orphan=1"},
    {"withheld", "A0 W0", "g0", "", "orphan=1"},
    {"withheld, revoked", "A0 W0 R0", "r0", "", "settled=1"},
    {"withheld, expired", "A4 W4", "g4", "", "settled=1"},
    {"withheld, revoked there", "A0 W0", "r0", "", "lapsed=1"},
    {"withheld, revoked there, recorded", "A0 W0 S0", "r0", "", "settled=1"},
    {"withheld, never kept", "A0 W0", "", "", ""},
    {"not issued", "A0 U0", "", "", "not_issued=1"},
    {"not issued, recorded", "A0 U0 s0", "", "", "settled=1"},
    {"known after all", "A0 U0 O0", "g0", "", "ok=1"},
    {"other names", "A0 U0", "g1", "", "bypass=1 not_issued=1"},
    {"other time", "A0 U0", "g3", "", "bypass=1 not_issued=1"},
    {"two attempts, one certificate", "A0 U0 A2 U2", "g0", "", "orphan=1 not_issued=1"},
    {"two attempts, two certificates", "A0 U0 A2 U2", "g0 g2", "", "orphan=2"},
    {"one attempt, two certificates", "A0 U0", "g0 g2", "", "ambiguous=2"},
    {"too many, recorded", "A0 U0 o0 o2", "g0 g2", "", "ambiguous=2 told=2"},
    {"two attempts, three certificates", "A0 U0 A2 U2", "g0 g2 g7", "", "ambiguous=3"},
    {"issued beside an unknown one", "A0 U0 A2 O2", "g2", "", "ok=1 not_issued=1"},
    {"revoked both", "A0 O0 T0 R0", "r0", "", "ok=1"},
    {"revoked at the CA", "A0 O0 A1 O1", "r0 g1", "", "ok=1 revoked_at_ca=1"},
    {"revoked at the CA, recorded", "A0 O0 S0", "r0", "", "settled=1"},
    {"revoked at the CA, expired", "A4 O4", "r4", "", "settled=1"},
    {"revoked by an attempt of ours", "A0 O0 T0", "r0", "", "revoked_late=1"},
    {"revoked in the log", "A0 O0 T0 R0", "g0", "", "revoked_in_log=1"},
    {"revoked in the log, recorded", "A0 O0 T0 R0 l0", "g0", "", "revoked_in_log=1 told=1"},
    {"another certificate", "A0 O0", "t0", "", "differs=1"},
    {"another certificate, recorded", "A0 O0 d0", "t0", "", "differs=1 told=1"},
    {"another CA's of that number", "A0 O0", "g0 f0", "", "ok=1 bypass=1"},
    {"the same, without a key id", "A0 O0", "g0 k0", "", "ok=1 bypass=1"},
    {"answered with another's", "A0 X0", "g1", "", "bypass=1 not_issued=1"},
    {"older than the attempt", "A3 U3", "g0", "", "bypass=1 not_issued=1"},
    {"no certificate", "A0 O0", "p0", "", "unreadable=1"},
    {"no certificate, unknown", "", "p1", "", "unreadable=1"},
    {"number of another", "", "x0", "", "unreadable=1"},
    {"no number", "", "n0", "", "unreadable=1"},
    {"twice", "A0 O0", "g0 g0", "", "ok=1 unreadable=1"},
    {"before", "", "g5", "", "before=1"},
    {"before, stored after one that is in the log", "A0 O0", "g0 g5", "", "ok=1 bypass=1"},
    {"before, by the CA's own word", "A0 O0", "g0 e5", "", "ok=1 before=1"},
    {"before, stored before", "A0 O0", "g5 g0", "", "ok=1 before=1"},
    {"issued meanwhile", "", "g0", "A0 O0", "ok=1"},
    {"issued meanwhile, stored later", "", "", "A0 O0", ""},
    {"revoked meanwhile, seen", "A0 O0", "r0", "T0 R0", "ok=1"},
    {"revoked meanwhile, not seen", "A0 O0", "g0", "T0 R0", "ok=1"},
    {"attempt meanwhile", "", "g6", "A6", "under_way=1"},
    {"under way, nothing there", "A6", "", "", "under_way=1"},
    {"undelivered", "A0 O0 D0", "g0", "", "ok=1"},
};

static void each_word(const char *text, void (*each)(void *ctx, char letter, size_t i), void *ctx)
{
    for (; *text != '\0'; text += text[2] == ' ' ? 3 : 2) {
        each(ctx, text[0], (size_t)(text[1] - '0'));
    }
}

static void each_record(void *ctx, char letter, size_t i)
{
    log_add(ctx, letter, i);
}

static void each_row(void *ctx, char letter, size_t i)
{
    row_add(ctx, letter, i);
}

static void begin(struct join *j)
{
    struct cb_err err;
    arena_init(&j->result->arena, 1U << 20);
    arena_init(&j->scratch, 1U << 20);
    j->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    j->cert_md = EVP_MD_CTX_new();
    j->rows_md = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestInit_ex(j->rows_md, j->sha256, NULL), 1);
    assert_int_equal(log_side_init(&j->log, j->options, &err), CB_OK);
    j->facts = (struct source_facts){.is_in_order = true, .has_status = true};
    j->before_us = j->options->before_us;
}

static void end(struct join *j)
{
    log_side_free(&j->log);
    EVP_MD_free(j->sha256);
    EVP_MD_CTX_free(j->cert_md);
    EVP_MD_CTX_free(j->rows_md);
    arena_free(&j->scratch);
    free(j->strangers);
    free(j->revocations);
    reconcile_free(j->result);
}

static void counts_text(const struct reconcile_result *r, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        if (r->counts[v] > 0) {
            at += (size_t)snprintf(out + at, size - at, "%s%s=%llu", at == 0 ? "" : " ",
                                   verdict_word((enum verdict)v), (unsigned long long)r->counts[v]);
        }
    }
    uint64_t told = 0;
    for (size_t i = 0; i < r->num_findings; i++) {
        told += r->findings[i].is_recorded;
    }
    if (told > 0) {
        (void)snprintf(out + at, size - at, " told=%llu", (unsigned long long)told);
    }
}

/* same_words - in whatever order. */
static bool same_words(const char *a, const char *b)
{
    char copy[256];
    char *rest = copy;
    char *word = NULL;
    (void)snprintf(copy, sizeof(copy), "%s", b);
    while ((word = strsep(&rest, " ")) != NULL) {
        if (word[0] != '\0' && strstr(a, word) == NULL) {
            return false;
        }
    }
    return strlen(a) == strlen(b);
}

static void check_findings(const struct reconcile_result *r, const char *name)
{
    size_t listed = 0;
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        listed += verdict_is_listed((enum verdict)v) ? r->counts[v] : 0;
    }
    listed += r->num_before_claimed;
    if (listed != r->num_findings) {
        fail_msg("%s: %zu findings, %zu counted", name, r->num_findings, listed);
    }
    for (size_t i = 0; i < r->num_findings; i++) {
        const struct finding *f = &r->findings[i];
        const bool names_one = f->serial_hex[0] != '\0' || f->raw_serial.ptr != NULL;
        if (!names_one && f->ref == UINT64_MAX) {
            fail_msg("%s: a finding about nothing", name);
        }
        if (f->verdict == VERDICT_ORPHAN || f->verdict == VERDICT_NOT_ISSUED) {
            assert_int_not_equal(f->ref, UINT64_MAX);
            assert_true(slice_eq_str(f->who, "alice"));
            assert_int_equal(f->req.len, 32);
        }
        if (f->verdict == VERDICT_MISSING || f->verdict == VERDICT_REVOKED_AT_CA) {
            assert_true(slice_eq_str(f->who, "alice"));
        }
    }
}

/* check_sum - each row of the CA's, each certificate that it lacks and each attempt that made none is in
 * one count. */
static void check_sum(const struct join *j, const char *name)
{
    const unsigned must = CERT_ISSUED | CERT_EARLY;
    uint64_t counted = 0;
    uint64_t there = j->result->num_rows;
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        counted += j->result->counts[v];
    }
    for (size_t i = 0; i < j->log.certs.num; i++) {
        const unsigned flags = j->log.certs.certs[i].flags;
        there += (flags & must) == must && (flags & (CERT_SEEN | CERT_UNREADABLE)) == 0;
    }
    for (size_t i = 0; i < j->log.num_attempts; i++) {
        there += !j->log.attempts[i].is_taken;
    }
    if (counted != there) {
        fail_msg("%s: counts add up to %llu, there are %llu", name, (unsigned long long)counted,
                 (unsigned long long)there);
    }
}

/* check_new - what is new is what is wrong and not recorded. */
static void check_new(const struct reconcile_result *r, const char *name)
{
    uint64_t num = 0;
    for (size_t i = 0; i < r->num_findings; i++) {
        num += verdict_is_problem(r->findings[i].verdict) && !r->findings[i].is_recorded;
    }
    if (reconcile_num_new(r) != num) {
        fail_msg("%s: %llu new problems, not %llu", name, (unsigned long long)reconcile_num_new(r),
                 (unsigned long long)num);
    }
}

static void run_case(size_t c)
{
    struct log log;
    struct cb_err err = {0};
    struct reconcile_result result = {0};
    char counts[256];
    log_new(&log);
    const struct reconcile_options options = {.audit_dir = log.dir,
                                              .since_us = INT64_MIN,
                                              .until_us = INT64_MAX,
                                              .before_us = BASE_S * 1000000,
                                              .window_us = 60000000,
                                              .backdate_us = 300000000,
                                              .now_us = NOW_S * 1000000};
    struct join j = {.options = &options, .result = &result};
    begin(&j);
    each_word(cases[c].log, each_record, &log);
    assert_int_equal(log_side_read(&j.log, &err), CB_OK);
    each_word(cases[c].ca, each_row, &j);
    each_word(cases[c].late, each_record, &log);
    j.log.is_late = true;
    if (log_side_read(&j.log, &err) != CB_OK || join_settle(&j, &err) != CB_OK) {
        fail_msg("%s: %s", cases[c].name, err.msg);
    }
    counts_text(&result, counts, sizeof(counts));
    if (!same_words(counts, cases[c].expected)) {
        fail_msg("%s: %s, not %s", cases[c].name, counts, cases[c].expected);
    }
    check_findings(&result, cases[c].name);
    check_sum(&j, cases[c].name);
    check_new(&result, cases[c].name);
    end(&j);
    log_free(&log);
}

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        run_case(c);
    }
}

struct backdated {
    int before_s; /* --ignore-before, after the log's beginning */
    uint64_t num_by_option;
    const char *ca;
    const char *said;  /* NULL: it is believed */
    bool has_no_order; /* the source does not tell: then it is listed, as before */
};

static void check_backdated(const struct reconcile_result *r, const struct backdated *b)
{
    assert_int_equal(r->counts[VERDICT_BYPASS], b->said != NULL);
    assert_int_equal(r->num_before_option, b->num_by_option);
    assert_int_equal(r->num_before_claimed, b->has_no_order);
    if (b->has_no_order) {
        assert_int_equal(r->counts[VERDICT_BEFORE], 1);
        assert_int_equal(r->num_findings, 1);
        assert_int_equal(r->findings[0].verdict, VERDICT_BEFORE);
        assert_true(r->findings[0].names.len > 0 && r->findings[0].serial_hex[0] != '\0');
        assert_non_null(
            memmem(r->findings[0].detail.ptr, r->findings[0].detail.len, "can choose", 10));
    }
    if (b->said != NULL) {
        const struct slice said = r->findings[0].detail;
        if (memmem(said.ptr, said.len, b->said, strlen(b->said)) == NULL) {
            fail_msg("not \"%s\": %.*s", b->said, (int)said.len, said.ptr);
        }
    }
}

static void run_backdated(const struct backdated *b)
{
    struct log log;
    struct cb_err err = {0};
    struct reconcile_result result = {0};
    log_new(&log);
    const struct reconcile_options options = {.audit_dir = log.dir,
                                              .since_us = INT64_MIN,
                                              .until_us = INT64_MAX,
                                              .before_us = (BASE_S + b->before_s) * 1000000,
                                              .window_us = 60000000,
                                              .backdate_us = 300000000,
                                              .now_us = NOW_S * 1000000};
    struct join j = {.options = &options, .result = &result};
    begin(&j);
    j.facts.is_in_order = !b->has_no_order;
    each_word("A0 O0", each_record, &log);
    assert_int_equal(log_side_read(&j.log, &err), CB_OK);
    j.log.from_us = BASE_S * 1000000; /* init wrote the first record by the real clock */
    each_word(b->ca, each_row, &j);
    assert_int_equal(join_settle(&j, &err), CB_OK);
    check_backdated(&result, b);
    end(&j);
    log_free(&log);
}

/* What is said of a date that is not believed: what it contradicts. */
static void test_backdated(void **state)
{
    static const struct backdated tries[] = {
        {0, 0, "g0 g5", "older than the log", false},
        {3000, 0, "g0 g1", "from before --ignore-before", false},
        {3000, 1, "g1 g0", NULL, false}, /* stored before */
        {0, 0, "g5 g0", NULL, false},
        {0, 0, "g0 g5", NULL, true},
        {3000, 1, "g1 g0", NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        run_backdated(&tries[i]);
    }
}

/* Every verdict but those of options stands in the table above. */
static void test_table_is_whole(void **state)
{
    (void)state;
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        bool found = v == VERDICT_KNOWN || v == VERDICT_OTHER_KEY || v == VERDICT_OUTSIDE ||
                     v == VERDICT_UNRESOLVED; /* tests/system/test_reconcile.py */
        for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]) && !found; c++) {
            found = strstr(cases[c].expected, verdict_word((enum verdict)v)) != NULL;
        }
        if (!found) {
            fail_msg("no case of %s", verdict_word((enum verdict)v));
        }
        assert_non_null(verdict_sentence((enum verdict)v));
        assert_true(!verdict_is_problem((enum verdict)v) ||
                    verdict_advice((enum verdict)v) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_backdated),
        cmocka_unit_test(test_table_is_whole),
    };
    return cmocka_run_group_tests(tests, make_all, NULL);
}
