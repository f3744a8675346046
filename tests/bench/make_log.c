/* make_log.c - a log as a year in the life of a broker leaves it, made in seconds.
 *
 *   make_log DIR RECORDS [DAYS [END]]     DIR is made; END is a UTC time (default: now), DAYS before it
 *                                         the log begins (default 90)
 *
 * For whatever reads logs and wants a large one: many clients of some teams, more by day than by night,
 * denials, strangers, revocations, certificates that went astray, restarts, reloads with their kept
 * policies, a fault of the disk. Written by the real writer; the same arguments make the same story. */
#include "broker/base/clock.h"
#include "tests/bench/write_log.h"

#include <openssl/evp.h>

#define TEAMS 10U
#define SERVICES 8U
#define BATCH 48U
#define RING 4096U /* certificates that may still be revoked */
#define CERT_B64 680U
#define DAY_US (86400 * INT64_C(1000000))
#define HASH_OF_SOMETHING "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char *const teams[TEAMS] = {"payments", "search", "checkout", "ledger", "identity",
                                         "edge",     "data",   "media",    "build",  "mail"};
static const char *const services[SERVICES] = {"api",   "worker", "web",     "cache",
                                               "queue", "admin",  "metrics", "batch"};
static const unsigned by_hour[24] = {22, 18, 16, 15, 16, 20, 30, 48, 70, 88, 96, 98,
                                     90, 94, 98, 95, 88, 74, 58, 48, 40, 34, 30, 26};

struct cert_ref {
    uint64_t seq; /* of its issue.ok */
    unsigned client;
    char serial[41];
};

/* What is to become of one attempt of a batch. */
struct plan {
    unsigned client;
    enum audit_type outcome;
    bool is_revoke, is_pod, is_ip, is_wildcard;
    bool is_own;   /* a revocation by the broker itself */
    bool is_wrong; /* the CA makes another certificate than it should */
    uint64_t attempt;
    unsigned pod;
    unsigned foreign; /* 0, or a team past its own whose name is asked for */
    struct cert_ref cert;
};

struct story {
    struct log_writer w;
    uint64_t random;
    uint64_t num; /* records so far */
    uint64_t wanted;
    int64_t end_us;
    int64_t step_us; /* usual time between batches */
    struct cert_ref ring[RING];
    size_t num_ring;
    struct plan denied; /* something that was, and may be allowed later */
    char cert[CERT_B64 + 1];
    char policy_sha256[65];
    unsigned policy_no;
    int64_t next_policy_us, next_restart_us, next_fault_us;
};

static uint64_t next_random(struct story *s)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return s->random * 0x2545f4914f6cdd1dULL;
}

static unsigned pick(struct story *s, unsigned below)
{
    return (unsigned)((next_random(s) >> 33) % below);
}

/* happens - so many times in ten thousand. */
static bool happens(struct story *s, unsigned of_ten_thousand)
{
    return pick(s, 10000) < of_ten_thousand;
}

/* pick_client - some ask far more often than others. */
static unsigned pick_client(struct story *s)
{
    const unsigned a = pick(s, TEAMS * SERVICES);
    const unsigned b = pick(s, TEAMS * SERVICES);
    return a < b ? a : b;
}

/* ---- texts of one record; they live until it is encoded ---- */

struct texts {
    char req[33], client[64], credential[96], peer[40], dns[2][96], ip[40], rule[64], owner[64],
        ticket[16], not_before[21], not_after[21], detail[256];
    struct slice dns_list[2], ip_list[1];
};

static const char *team_of(unsigned client)
{
    return teams[client % TEAMS];
}

static const char *service_of(unsigned client)
{
    return services[client / TEAMS % SERVICES];
}

static void hex_of(uint64_t a, uint64_t b, char out[33])
{
    (void)snprintf(out, 33, "%016llx%016llx", (unsigned long long)(a * 0x9e3779b97f4a7c15ULL),
                   (unsigned long long)(b * 0xd1b54a32d192ed03ULL + 1));
}

static void add_who(struct story *s, struct audit_event *e, struct texts *t, const struct plan *p,
                    uint64_t salt)
{
    const char *team = team_of(p->client);
    const char *service = service_of(p->client);
    hex_of(salt, salt ^ 77, t->req);
    (void)snprintf(t->client, sizeof(t->client), "%s-%s", team, service);
    (void)snprintf(t->credential, sizeof(t->credential), "spiffe://acme.internal/ns/%s/sa/%s", team,
                   service);
    (void)snprintf(t->peer, sizeof(t->peer), "10.20.%u.%u:%u", p->client % 250, p->pod % 250,
                   30000 + p->pod % 20000);
    (void)snprintf(t->rule, sizeof(t->rule), "%s-server", team);
    (void)snprintf(t->owner, sizeof(t->owner), "%s-team@acme.example", team);
    (void)snprintf(t->ticket, sizeof(t->ticket), "SEC-%u", 1000 + p->client % TEAMS);
    e->req = slice_of(t->req);
    e->policy_sha256 = slice_of(s->policy_sha256);
    if (p->is_own) {
        e->who_id = SLICE("broker");
        e->who_via = SLICE("broker");
        e->follows = slice_of(t->req);
        return;
    }
    e->who_id = slice_of(t->client);
    e->who_via = SLICE("mtls.uri");
    e->who_credential = slice_of(t->credential);
    e->who_cert_sha256 = SLICE(HASH_OF_SOMETHING);
    e->peer = slice_of(t->peer);
    e->rule = slice_of(t->rule);
    e->owner = slice_of(t->owner);
    e->ticket = slice_of(t->ticket);
    e->decision = SLICE("allow");
}

static void add_names(struct audit_names *names, struct texts *t, const struct plan *p)
{
    const char *team = team_of(p->client);
    const char *service = service_of(p->client);
    (void)snprintf(t->dns[0], sizeof(t->dns[0]), "%s.%s.acme.internal", service, team);
    (void)snprintf(t->dns[1], sizeof(t->dns[1]), "%s-%05x.pods.%s.acme.internal", service,
                   p->pod & 0xfffff, team);
    if (p->foreign != 0) {
        (void)snprintf(t->dns[0], sizeof(t->dns[0]), "%s.%s.acme.internal", service,
                       teams[(p->client + p->foreign) % TEAMS]);
    }
    if (p->is_wildcard) {
        (void)snprintf(t->dns[1], sizeof(t->dns[1]), "*.%s.acme.internal", team);
    }
    (void)snprintf(t->ip, sizeof(t->ip), "10.20.%u.%u", p->client % 250, p->pod % 250);
    t->dns_list[0] = slice_of(t->dns[0]);
    t->dns_list[1] = slice_of(t->dns[1]);
    t->ip_list[0] = slice_of(t->ip);
    names->cn = t->dns_list[0];
    names->dns = t->dns_list;
    names->num_dns = p->is_pod || p->is_wildcard ? 2 : 1;
    names->ip = t->ip_list;
    names->num_ip = p->is_ip ? 1 : 0;
}

static void add_ask(struct audit_event *e, struct texts *t, const struct plan *p)
{
    static const struct audit_kv subject[] = {{{"C", 1}, {"NL", 2}}, {{"O", 1}, {"ACME Inc.", 9}}};
    e->action = SLICE("newcert");
    add_names(&e->want, t, p);
    e->subject = subject;
    e->num_subject = 2;
    e->key = SLICE("ecdsa-256");
    e->profile = SLICE("server");
    e->ask_sha256 = SLICE("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
}

static void add_upstream(struct story *s, struct audit_event *e)
{
    e->stage = SLICE("answer");
    e->upstream = SLICE("https://ca.acme.internal:8888");
    e->upstream_http = 200;
    e->upstream_us = 8000 + pick(s, 60000);
}

/* lifetime_days - most are short-lived, some are kept for long. */
static unsigned lifetime_days(const struct plan *p)
{
    static const unsigned days[] = {1, 7, 30, 30, 30, 90, 90, 365};
    return p->is_pod ? days[p->client % 3] : days[p->client % 8];
}

static void add_certificate(struct story *s, struct audit_event *e, struct texts *t,
                            const struct plan *p)
{
    const int64_t now_s = s->w.clock_us / 1000000;
    time_format_s(now_s - 300, t->not_before);
    time_format_s(now_s - 300 + (int64_t)lifetime_days(p) * 86400, t->not_after);
    add_names(&e->granted, t, p);
    e->serial = slice_of(p->cert.serial);
    e->serial_dec = SLICE("454436573278846237452318463846735485963478");
    e->aki = SLICE("8f434346648f6b96df89dda901c5176b10a6d839");
    e->cert_sha256 = SLICE(HASH_OF_SOMETHING);
    e->not_before = slice_of(t->not_before);
    e->not_after = slice_of(t->not_after);
    e->cert_der_b64 = slice_of(s->cert);
    e->action = SLICE("newcert");
}

/* ---- one batch: attempts and what has no attempt, then the outcomes ---- */

static void say_denied(struct story *s, size_t i, struct plan *p)
{
    static const char *const reasons[] = {"name_not_allowed", "name_not_allowed", "no_rule",
                                          "key_not_allowed", "denied_by_rule"};
    struct texts t;
    struct audit_event e;
    const char *reason = reasons[pick(s, 5)];
    p->foreign = 1 + p->pod % 4;
    s->denied = happens(s, 200) ? *p : s->denied;
    audit_event_zero(&e, AUDIT_AUTHZ_DENY);
    add_who(s, &e, &t, p, s->num + i);
    add_ask(&e, &t, p);
    (void)snprintf(t.detail, sizeof(t.detail), "dns name \"%s\" is not covered by rule \"%s\"",
                   t.dns[0], t.rule);
    e.decision = SLICE("deny");
    e.reason = slice_of(reason);
    e.detail = slice_of(t.detail);
    e.status = 403;
    writer_submit(&s->w, i, &e);
}

/* say_stranger - nobody the policy knows, and now and then a scan from one place. */
static void say_stranger(struct story *s, size_t i)
{
    static const char *const reasons[] = {"unknown_client", "no_credential", "bad_certificate",
                                          "bad_token"};
    char peer[64];
    struct audit_event e;
    const bool is_refused = happens(s, 3000);
    audit_event_zero(&e, is_refused ? AUDIT_REQUEST_REFUSED : AUDIT_AUTHN_FAIL);
    if (happens(s, 7000)) {
        (void)snprintf(peer, sizeof(peer), "198.51.100.%u:%u", 7 + pick(s, 3),
                       1024 + pick(s, 60000));
    } else {
        (void)snprintf(peer, sizeof(peer), "[2001:db8:%x::%x]:%u", pick(s, 40), pick(s, 65536),
                       1024 + pick(s, 60000));
    }
    e.peer = slice_of(peer);
    e.method = SLICE("GET");
    e.path = SLICE("/api/v1/cfssl/sign");
    e.reason = is_refused ? SLICE("not_found") : slice_of(reasons[pick(s, 4)]);
    e.status = is_refused ? 404 : 401;
    writer_submit(&s->w, i, &e);
}

static void say_dropped(struct story *s, size_t i)
{
    struct texts t;
    struct audit_event e;
    audit_event_zero(&e, AUDIT_LIMIT_DROP);
    time_format_s(s->w.clock_us / 1000000 - 10, t.not_before);
    time_format_s(s->w.clock_us / 1000000, t.not_after);
    e.count = 1 + pick(s, 400);
    e.first_ts = slice_of(t.not_before);
    e.last_ts = slice_of(t.not_after);
    writer_submit(&s->w, i, &e);
}

static enum audit_type pick_outcome(struct story *s)
{
    if (happens(s, 60)) {
        return AUDIT_ISSUE_FAIL;
    }
    return happens(s, 1) && happens(s, 5000) ? AUDIT_ISSUE_UNKNOWN : AUDIT_ISSUE_OK;
}

/* begin - what place i of the batch is; true if it has an outcome. */
static bool begin(struct story *s, size_t i, struct plan *p)
{
    struct texts t;
    struct audit_event e;
    const unsigned dice = pick(s, 1000);
    *p = (struct plan){.client = pick_client(s), .pod = (unsigned)next_random(s)};
    p->is_pod = p->client % 3 != 0;
    p->is_ip = happens(s, 60);
    p->is_wildcard = p->client % TEAMS == 5 && happens(s, 150);
    if (dice < 40) {
        say_denied(s, i, p);
        return false;
    }
    if (dice < 52) {
        say_stranger(s, i);
        return false;
    }
    if (dice == 53) {
        say_dropped(s, i);
        return false;
    }
    if (dice == 54 && s->denied.foreign != 0 && happens(s, 2000)) {
        *p = s->denied;
        s->denied.foreign = 0;
    }
    p->is_revoke = dice < 120 && s->num_ring > 0 && p->foreign == 0;
    if (p->is_revoke) {
        const size_t at = pick(s, (unsigned)s->num_ring);
        p->cert = s->ring[at];
        s->ring[at] = s->ring[--s->num_ring];
        p->client = p->cert.client;
    }
    p->outcome = p->is_revoke ? AUDIT_REVOKE_OK : pick_outcome(s);
    p->is_wrong = p->outcome == AUDIT_ISSUE_FAIL && happens(s, 300);
    audit_event_zero(&e, p->is_revoke ? AUDIT_REVOKE_ATTEMPT : AUDIT_ISSUE_ATTEMPT);
    add_who(s, &e, &t, p, s->num + i);
    if (p->is_revoke) {
        e.action = SLICE("revoke");
        e.serial = slice_of(p->cert.serial);
        e.cert_ref = p->cert.seq;
        e.cert_owner = e.who_id;
        e.revoke_reason = SLICE("superseded");
    } else {
        add_ask(&e, &t, p);
        hex_of(s->num + i, next_random(s), p->cert.serial);
    }
    writer_submit(&s->w, i, &e);
    return true;
}

static void conclude(struct story *s, size_t i, const struct plan *p, uint64_t salt)
{
    static const struct slice mismatch[] = {{"not_after", 9}};
    struct texts t;
    struct audit_event e;
    audit_event_zero(&e, p->outcome);
    add_who(s, &e, &t, p, salt);
    e.ref = p->attempt;
    if (p->outcome == AUDIT_ISSUE_OK) {
        add_certificate(s, &e, &t, p);
        add_upstream(s, &e);
        e.effect = SLICE("done");
    } else if (p->outcome == AUDIT_REVOKE_OK) {
        add_upstream(s, &e);
        e.action = SLICE("revoke");
        e.serial = slice_of(p->cert.serial);
        e.revoke_reason = SLICE("superseded");
        e.effect = SLICE("done");
    } else if (p->outcome == AUDIT_ISSUE_FAIL && p->is_wrong) {
        add_certificate(s, &e, &t, p);
        add_upstream(s, &e);
        e.mismatch = mismatch;
        e.num_mismatch = 1;
        e.reason = SLICE("ca_mismatch");
        e.effect = SLICE("done");
    } else {
        add_upstream(s, &e);
        e.stage = SLICE("http");
        e.upstream_http = UINT64_MAX;
        e.upstream_message = SLICE("connection reset by peer");
        e.reason = p->outcome == AUDIT_ISSUE_FAIL ? SLICE("ca_unavailable") : SLICE("ca_unknown");
        e.effect = p->outcome == AUDIT_ISSUE_FAIL ? SLICE("none") : SLICE("possible");
    }
    writer_submit(&s->w, i, &e);
}

static void keep(struct story *s, const struct plan *p, uint64_t seq)
{
    if (p->outcome == AUDIT_ISSUE_OK) {
        const size_t at = s->num_ring < RING ? s->num_ring++ : pick(s, RING);
        s->ring[at] = p->cert;
        s->ring[at].seq = seq;
        s->ring[at].client = p->client;
    }
}

/* lose - the caller was gone, or the certificate was not right; the broker takes it back. */
static void lose(struct story *s, const struct plan *p, uint64_t ref)
{
    struct texts t;
    struct audit_event e;
    struct plan own = *p;
    own.is_own = true;
    own.is_revoke = true;
    own.outcome = AUDIT_REVOKE_OK;
    if (p->outcome == AUDIT_ISSUE_OK) {
        audit_event_zero(&e, AUDIT_ISSUE_UNDELIVERED);
        add_who(s, &e, &t, p, ref);
        e.ref = ref;
        e.serial = slice_of(p->cert.serial);
        writer_submit(&s->w, 0, &e);
        s->num++;
    }
    audit_event_zero(&e, AUDIT_REVOKE_ATTEMPT);
    add_who(s, &e, &t, &own, ref);
    e.action = SLICE("revoke");
    e.serial = slice_of(p->cert.serial);
    writer_submit(&s->w, 1, &e);
    writer_wait(&s->w);
    own.attempt = s->w.append[1].seq;
    conclude(s, 0, &own, ref);
    writer_wait(&s->w);
    s->num += 2;
}

static void batch(struct story *s)
{
    static struct plan plans[BATCH];
    bool has_outcome[BATCH];
    size_t undelivered = BATCH;
    const uint64_t salt = s->num;
    for (size_t i = 0; i < BATCH; i++) {
        has_outcome[i] = begin(s, i, &plans[i]);
    }
    writer_wait(&s->w);
    s->w.clock_us += 40000;
    s->num += BATCH;
    for (size_t i = 0; i < BATCH; i++) {
        if (has_outcome[i]) {
            plans[i].attempt = s->w.append[i].seq;
            conclude(s, i, &plans[i], salt + i);
            s->num++;
        }
    }
    writer_wait(&s->w);
    for (size_t i = 0; i < BATCH; i++) {
        if (has_outcome[i] && plans[i].outcome == AUDIT_ISSUE_OK && happens(s, 3)) {
            undelivered = i;
        } else if (has_outcome[i] && plans[i].is_wrong && happens(s, 9700)) {
            undelivered = i;
        } else if (has_outcome[i]) {
            keep(s, &plans[i], s->w.append[i].seq);
        }
    }
    if (undelivered < BATCH) {
        lose(s, &plans[undelivered], s->w.append[undelivered].seq);
    }
}

/* ---- the broker itself ---- */

static void policy_text(unsigned no, struct buf *out)
{
    buf_add_str(out, "version: 1\nclients:\n");
    for (unsigned i = 0; i < TEAMS * SERVICES; i++) {
        buf_printf(out,
                   "  %s-%s: {auth: [{mtls: {uri: \"spiffe://acme.internal/ns/%s/sa/%s\"}}]}\n",
                   team_of(i), service_of(i), team_of(i), service_of(i));
    }
    buf_add_str(out, "rules:\n");
    for (unsigned i = 0; i < TEAMS; i++) {
        buf_printf(out, "  - id: %s-server\n    owner: %s-team@acme.example\n    ticket: SEC-%u\n",
                   teams[i], teams[i], 1000 + i);
        buf_printf(out, "    names: {dns: [\"*.%s.acme.internal\", \"*.pods.%s.acme.internal\"",
                   teams[i], teams[i]);
        if (no > i) {
            buf_printf(out, ", \"%s.edge.acme.internal\"", teams[i]);
        }
        buf_printf(out, "]}\n    profiles: [server]\n    max_names: %u\n", 2 + (no + i) % 4);
    }
}

static void reload(struct story *s)
{
    const struct slice changes[] = {
        SLICE("+ payments-api: dns \"payments.edge.acme.internal\" (rule payments-server)"),
        SLICE("- search-web: keys rsa 2048 to 4096 (rule search-server)")};
    char before[65];
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct buf text;
    struct cb_err err;
    struct audit_event e;
    buf_init(&text, 1U << 20);
    policy_text(s->policy_no++, &text);
    (void)memcpy(before, s->policy_sha256, sizeof(before));
    if (EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        die("digest", "failed");
    }
    hex_encode(digest, SHA256_LEN, s->policy_sha256);
    if (audit_keep_policy(s->w.audit, s->policy_sha256, buf_slice(&text), &err) != CB_OK) {
        die("policy", err.msg);
    }
    buf_free(&text);
    audit_event_zero(&e, s->policy_no % 5 == 4 ? AUDIT_POLICY_REJECT : AUDIT_POLICY_LOAD);
    e.policy_sha256 = slice_of(s->policy_sha256);
    e.policy_old_sha256 = slice_of(before);
    e.rules = TEAMS;
    e.clients = TEAMS * SERVICES;
    e.by = SLICE("uid 0 (root), sudo from \"anna\", pid 5223 via control");
    e.changes = changes;
    e.num_changes = 2;
    if (e.type == AUDIT_POLICY_REJECT) {
        e.reason = SLICE("guard");
        e.detail = SLICE("12 requests granted in the last 24h would be denied");
        e.num_changes = 0;
    } else if (s->policy_no % 5 == 2) {
        e.forced = SLICE("search moves to ECDSA today, agreed in SEC-1042");
        e.num_lost = 3;
    } else {
        e.note = SLICE("new edge names");
    }
    writer_submit(&s->w, 0, &e);
    writer_wait(&s->w);
    s->num++;
    if (e.type == AUDIT_POLICY_REJECT) {
        (void)memcpy(s->policy_sha256, before, sizeof(before));
    }
}

static void start_or_stop(struct story *s, enum audit_type type)
{
    struct audit_event e;
    audit_event_zero(&e, type);
    if (type == AUDIT_BROKER_START) {
        e.policy_sha256 = slice_of(s->policy_sha256[0] == '\0' ? NULL : s->policy_sha256);
        e.version = SLICE("1.0.0");
        e.listen = SLICE("0.0.0.0:8443");
    } else {
        e.reason = SLICE("sigterm");
        e.uptime_s = 7 * 86400;
    }
    writer_submit(&s->w, 0, &e);
    writer_wait(&s->w);
    s->num++;
}

static void happenings(struct story *s)
{
    if (s->w.clock_us >= s->next_restart_us) {
        start_or_stop(s, AUDIT_BROKER_STOP);
        writer_restart(&s->w);
        s->w.clock_us += 4 * 1000000;
        start_or_stop(s, AUDIT_BROKER_START);
        s->next_restart_us = s->w.clock_us + 9 * DAY_US;
    }
    if (s->w.clock_us >= s->next_policy_us) {
        reload(s);
        s->next_policy_us = s->w.clock_us + 5 * DAY_US;
    }
    if (s->w.clock_us >= s->next_fault_us) {
        s->w.sync_fails = true;
        s->next_fault_us = s->w.clock_us + 41 * DAY_US;
    }
}

/* pass_time - until the next batch: longer by night and at weekends. */
static void pass_time(struct story *s)
{
    const int64_t now_s = s->w.clock_us / 1000000;
    const unsigned hour = (unsigned)(now_s / 3600 % 24);
    const unsigned weekday = (unsigned)((now_s / 86400 + 4) % 7);
    unsigned weight = by_hour[hour];
    weight = weekday == 0 || weekday == 6 ? weight / 3 + 5 : weight;
    s->w.clock_us += s->step_us * 48 / weight * (50 + (int64_t)pick(s, 100)) / 100;
    if (s->w.clock_us > s->end_us - 60 * INT64_C(1000000)) {
        s->w.clock_us = s->end_us - 60 * INT64_C(1000000);
    }
}

static void tell(struct story *s)
{
    start_or_stop(s, AUDIT_BROKER_START);
    reload(s);
    while (s->num < s->wanted) {
        happenings(s);
        batch(s);
        /* Whatever the hours weighed: the rest of the records gets the rest of the time. */
        const uint64_t batches_left = (s->wanted - s->num) / (2 * BATCH) + 1;
        s->step_us = (s->end_us - s->w.clock_us) / (int64_t)batches_left;
        pass_time(s);
    }
}

int main(int argc, char **argv)
{
    static struct story s = {.random = 0x123456789abcdef1ULL};
    if (argc < 3 || argc > 5) {
        (void)fprintf(stderr, "usage: make_log DIR RECORDS [DAYS [END]]\n");
        return 2;
    }
    const int64_t days = argc > 3 ? (int64_t)strtoull(argv[3], NULL, 10) : 90;
    s.wanted = strtoull(argv[2], NULL, 10);
    s.end_us = clock_wall_us(&cb_system_clock);
    if (argc > 4 && !time_parse(slice_of(argv[4]), &s.end_us)) {
        die("END", "is no time");
    }
    for (size_t i = 0; i < CERT_B64; i++) {
        s.cert[i] = "MIICqTCCAZGgAwIBAgIUcHJv+/ZxyA09"[i * 7 % 32];
    }
    const int64_t start_us = s.end_us - days * DAY_US;
    s.next_policy_us = start_us + 3 * DAY_US;
    s.next_restart_us = start_us + 6 * DAY_US;
    s.next_fault_us = start_us + (days - days / 5) * DAY_US;
    writer_start(&s.w, argv[1], "bench.acme.example/broker1", start_us);
    if (s.wanted > 0) {
        tell(&s);
    }
    start_or_stop(&s, AUDIT_BROKER_STOP);
    writer_end(&s.w);
    (void)printf("%llu records\n", (unsigned long long)s.num);
    return 0;
}
