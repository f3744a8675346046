/* test_scenario.c - plays tests/scenario/NAME.scn: a request's whole life with a virtual clock and
 * everything around it (audit log, index, gate, CA, client) in the script's hands.
 *
 * Lines of a script, one step each; "#" begins a comment:
 *   request newcert|revoke|info|whoami|health|explain|METHOD PATH   a request arrives; another one
 *                             may come when the one before is done
 *   option undelivered keep|revoke, option aki auto|hex|empty, option audit STATE,
 *   option contested yes (a witness contradicts the log, and that counts),
 *   option key VALUE (Idempotency-Key), option party PRINCIPAL (on_behalf_of; "-" for none),
 *   option client NAME (spiffe://acme.test/NAME; "known" is web), option peer ADDRESS:PORT,
 *   option refused N (a minute, recorded one by one; without it: all),
 *   option host NAME (what a newcert asks for), option reason WORD (of a revocation)
 *   expect wait audit|index|queue|call|ca|reply|timer   what the request is waiting for now
 *   audit ok|fail|refuse      the pending record is durable / lost / the next one is not accepted
 *   index none|own|foreign|revoked|compromised|same|other|in_flight|error   the index answers; a
 *                             certificate that is found is web's, or that of `option owner NAME`
 *   index full|full SECONDS   there is no room, and none for so long
 *   gate in|call|away         the gate lets it in / gives a call slot / turns it away
 *   gate queue|slow           from now on gate_enter / gate_call make it wait
 *   ca FILE|not_sent|unknown  the CA answers with tests/data/scenario/FILE (HTTP 200 unless
 *                             FILE@STATUS), or not
 *   gone                      the client leaves
 *   replied ok|gone           the reply was taken by the kernel, or not
 *   time MS                   the clock moves on, timers fire
 *   expect reply STATUS WORD  the reply that was given (WORD: reason, or ok)
 *   expect body TEXT          the reply contains TEXT
 *   expect records TYPE...    all records so far, in order; a note has a + in front
 *   expect posted TEXT        the last POST to the CA contained TEXT
 *   expect retry SECONDS      the Retry-After of the reply, 0 for none
 *   expect noted TEXT         the last record to be written contains TEXT
 *   expect unnoted TEXT       it does not
 *   expect turn same|other    the last request's turns in the queue are those of the one before
 *   expect counted N          so many refusals were not recorded, and are told of when they are due
 *   expect posts N            how many POSTs the CA has been sent
 *   expect follow_ups N       own revocations that were started
 *   expect done               finished, nothing pending, place in the gate and claim given back */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "broker/request/request.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define SCENARIO_DIR "tests/scenario"
#define DATA_DIR "tests/data/scenario"
/* The certificates in DATA_DIR are checked at this moment, for ever. */
#define NOW_US ((int64_t)1795000000 * 1000000)

struct world {
    struct req_services services;
    struct req_settings settings;
    struct cb_clock clock;
    _Atomic(int) learned;
    struct policy_ref *policy;
    int64_t now_us, timer_us;

    struct request *r;
    struct edge_exchange exchange;
    struct tls_identity identity;
    struct slice uri;
    char body[512];
    char posted[1024];
    char uri_text[150];
    char peer[100];
    const char *host, *reason, *party, *owner;

    enum audit_state audit_state;
    bool is_contested;
    bool audit_refuses, gate_queues, gate_slow;
    bool waits_audit, waits_index, waits_ca, waits_reply;
    uint64_t seq;
    char records[1024];
    char noted[AUDIT_LINE_MAX];
    uint64_t turn, last_turn;
    unsigned posts, follow_ups, gate_depth, claims, rooms, retry_s;
    int status;
    char reply[8192];
    bool is_finished;

    const char *file; /* of the script, for messages */
    unsigned line;
};

/* ---------------------------------------------------------------- the services */

static int64_t world_wall(void *ctx)
{
    return ((struct world *)ctx)->now_us;
}

static int64_t world_mono(void *ctx)
{
    return ((struct world *)ctx)->now_us - NOW_US + 1;
}

static struct policy_ref *world_policy(void *ctx)
{
    return policy_ref_get(((struct world *)ctx)->policy);
}

static enum audit_state world_audit_state(void *ctx)
{
    return ((struct world *)ctx)->audit_state;
}

static bool world_is_contested(void *ctx)
{
    return ((struct world *)ctx)->is_contested;
}

static void add_record(struct world *w, const char *mark, enum audit_type type)
{
    const size_t used = strlen(w->records);
    (void)snprintf(w->records + used, sizeof(w->records) - used, "%s%s%s", used == 0 ? "" : " ",
                   mark, audit_type_word(type));
}

static enum cb_code world_audit_submit(void *ctx, struct request *r, struct cb_err *err)
{
    struct world *w = ctx;
    assert_false(w->waits_audit);
    if (w->audit_refuses) {
        return cb_fail(err, CB_ESYS, "refused by the script");
    }
    assert_true(r->record.append.body.len > 0);
    (void)snprintf(w->noted, sizeof(w->noted), "%.*s", (int)r->record.append.body.len,
                   r->record.append.body.ptr);
    w->waits_audit = true;
    return CB_OK;
}

static void world_audit_note(void *ctx, enum audit_type type, struct slice body,
                             const struct source_key *from)
{
    (void)from;
    assert_true(body.len > 0);
    add_record(ctx, "+", type);
}

static void world_issued_ask(void *ctx, struct request *r)
{
    struct world *w = ctx;
    assert_false(w->waits_index);
    w->waits_index = true;
    struct issued_query *q = &r->lookup.query;
    if (q->verb == ISSUED_RELEASE) {
        assert_true(q->key.ptr != NULL || q->room.claim != NULL);
        w->claims -= q->key.ptr != NULL ? 1 : 0;
        w->rooms -= q->room.claim != NULL ? 1 : 0;
        q->room.claim = NULL;
        w->waits_index = false;
        r->lookup.is_pending = false; /* answered before anybody could notice */
    }
}

static enum gate_state world_gate_enter(void *ctx, struct request *r)
{
    struct world *w = ctx;
    w->gate_depth++;
    w->last_turn = w->turn;
    w->turn = r->gate.ticket.client;
    r->gate.ticket.state = w->gate_queues ? GATE_QUEUED : GATE_IN;
    return r->gate.ticket.state;
}

static enum gate_state world_gate_call(void *ctx, struct request *r)
{
    struct world *w = ctx;
    assert_int_equal(r->gate.ticket.state, GATE_IN);
    r->gate.ticket.state = w->gate_slow ? GATE_WAITING : GATE_CALLING;
    return r->gate.ticket.state;
}

static void world_gate_leave(void *ctx, struct request *r)
{
    struct world *w = ctx;
    if (r->gate.ticket.state != GATE_IDLE) {
        w->gate_depth--;
        r->gate.ticket.state = GATE_IDLE;
    }
}

static enum cb_code world_ca_post(void *ctx, struct request *r, const char *path, struct buf *body,
                                  struct cb_err *err)
{
    struct world *w = ctx;
    (void)err;
    assert_non_null(path);
    assert_true(buf_ok(body) && body->len > 0);
    /* P3: whatever changes the CA's state has its attempt on disk. */
    if (r->ask.action != ACTION_INFO) {
        assert_true(r->record.attempt_seq != UINT64_MAX);
        assert_false(w->waits_audit);
    }
    assert_int_equal(r->gate.ticket.state, GATE_CALLING);
    (void)snprintf(w->posted, sizeof(w->posted), "%.*s", (int)body->len, body->data);
    buf_free(body);
    w->posts++;
    w->waits_ca = true;
    return CB_OK;
}

static void world_timer_set(void *ctx, struct request *r, unsigned ms)
{
    (void)r;
    struct world *w = ctx;
    w->timer_us = w->now_us + (int64_t)ms * 1000;
}

static void world_timer_clear(void *ctx, struct request *r)
{
    (void)r;
    ((struct world *)ctx)->timer_us = 0;
}

static void world_reply(void *ctx, struct request *r, struct edge_reply *reply)
{
    struct world *w = ctx;
    assert_int_equal(w->status, 0); /* exactly one reply */
    /* P3: nothing is answered while a record is on its way to the disk. */
    assert_false(r->record.is_pending);
    w->status = reply->status;
    w->retry_s = reply->retry_after_s;
    (void)snprintf(w->reply, sizeof(w->reply), "%.*s", (int)reply->body.len, reply->body.data);
    buf_free(&reply->body);
    w->waits_reply = true;
}

static void world_follow_up(void *ctx, const struct issued_cert *cert, enum revoke_reason reason,
                            struct slice follows)
{
    (void)reason;
    assert_true(cert->serial_hex[0] != '\0');
    assert_true(follows.len > 0);
    ((struct world *)ctx)->follow_ups++;
}

static void world_finished(void *ctx, struct request *r)
{
    struct world *w = ctx;
    assert_false(w->is_finished);
    assert_ptr_equal(w->r, r);
    w->is_finished = true;
}

static void world_init(struct world *w)
{
    static const struct profile_usages profiles[] = {{"default", {0, 0}, 0}};
    static struct profile_usages profile;
    profile = profiles[0];
    assert_true(usage_add(&profile.usages, SLICE("digital signature")));
    assert_true(usage_add(&profile.usages, SLICE("key encipherment")));
    assert_true(usage_add(&profile.usages, SLICE("server auth")));
    struct cb_err err = {0};
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    if (policy_load(DATA_DIR "/policy.yaml", NOW_US / 1000000, diags, &policy) != CB_OK) {
        diag_print(diags, stderr);
        fail_msg("the scenario policy does not load");
    }
    diag_free(diags);
    *w = (struct world){.now_us = NOW_US, .audit_state = AUDIT_OK, .host = "a.acme.test"};
    w->reason = "superseded";
    w->owner = "web";
    (void)snprintf(w->peer, sizeof(w->peer), "192.0.2.1:4711");
    w->policy = policy_ref_new(policy);
    w->clock = (struct cb_clock){.wall_us = world_wall, .mono_us = world_mono, .ctx = w};
    w->settings = (struct req_settings){
        .queue_timeout_ms = 10000,
        .revoke_undelivered = true,
        .aki_mode = AKI_AUTO,
        .profiles = &profile,
        .num_profiles = 1,
    };
    atomic_init(&w->learned, (int)AKI_HEX);
    w->uri = SLICE("spiffe://acme.test/web");
    w->identity = (struct tls_identity){
        .uris = &w->uri, .num_uris = 1, .not_after_s = NOW_US / 1000000 + 3600};
    w->services = (struct req_services){
        .ctx = w,
        .clock = &w->clock,
        .settings = &w->settings,
        .aki_learned = &w->learned,
        .quotas = quotas_new(),
        .policy = world_policy,
        .audit_state = world_audit_state,
        .is_contested = world_is_contested,
        .audit_submit = world_audit_submit,
        .audit_note = world_audit_note,
        .issued_ask = world_issued_ask,
        .gate_enter = world_gate_enter,
        .gate_call = world_gate_call,
        .gate_leave = world_gate_leave,
        .ca_post = world_ca_post,
        .timer_set = world_timer_set,
        .timer_clear = world_timer_clear,
        .reply = world_reply,
        .follow_up = world_follow_up,
        .finished = world_finished,
    };
    if (ca_issuer_load(DATA_DIR "/issuer.pem", &w->services.issuer, &err) != CB_OK) {
        fail_msg("issuer: %s", err.msg);
    }
}

static void world_free(struct world *w)
{
    if (w->r != NULL) {
        req_free(w->r);
        free(w->r);
    }
    ca_issuer_free(w->services.issuer);
    quotas_free(w->services.quotas);
    policy_ref_put(w->policy);
}

/* ---------------------------------------------------------------- the steps of a script */

#define BAD(w, ...)                                                                                \
    do {                                                                                           \
        print_error("%s:%u: ", (w)->file, (w)->line);                                              \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        fail();                                                                                    \
    } while (0)

/* next_request - the world goes on, with a new exchange. */
static void next_request(struct world *w)
{
    if (!w->is_finished) {
        BAD(w, "the request before is not done");
    }
    req_free(w->r);
    free(w->r);
    w->is_finished = false;
    w->status = 0;
}

static void do_request(struct world *w, const char *what, const char *path)
{
    char party[150] = "";
    if (w->r != NULL) {
        next_request(w);
    }
    if (w->party != NULL) {
        (void)snprintf(party, sizeof(party), ",\"on_behalf_of\":\"%s\"", w->party);
    }
    struct http_head *head = &w->exchange.head;
    head->method = HTTP_POST;
    head->method_text = SLICE("POST");
    if (strcmp(what, "newcert") == 0 || strcmp(what, "explain") == 0) {
        head->path =
            strcmp(what, "newcert") == 0 ? SLICE("/api/v1/cfssl/newcert") : SLICE("/v1/explain");
        (void)snprintf(w->body, sizeof(w->body),
                       "{\"request\":{\"CN\":\"%s\",\"hosts\":[\"%s\"],\"key\":{\"algo\":"
                       "\"ecdsa\",\"size\":256}}%s}",
                       w->host, w->host, party);
    } else if (strcmp(what, "revoke") == 0) {
        head->path = SLICE("/api/v1/cfssl/revoke");
        (void)snprintf(w->body, sizeof(w->body), "{\"serial\":\"4660\",\"reason\":\"%s\"%s}",
                       w->reason, party);
    } else if (strcmp(what, "info") == 0) {
        head->path = SLICE("/api/v1/cfssl/info");
        (void)snprintf(w->body, sizeof(w->body), "{\"label\":\"\"}");
    } else if (strcmp(what, "whoami") == 0 || strcmp(what, "health") == 0) {
        head->method = HTTP_GET;
        head->method_text = SLICE("GET");
        head->path =
            strcmp(what, "whoami") == 0 ? SLICE("/v1/whoami") : SLICE("/api/v1/cfssl/health");
    } else {
        head->method = strcmp(what, "GET") == 0 ? HTTP_GET : HTTP_POST;
        head->method_text = slice_of(what);
        head->path = slice_of(path);
    }
    w->exchange.body = slice_of(w->body);
    w->exchange.is_tls = true;
    w->exchange.identity = &w->identity;
    w->exchange.peer = w->peer;
    w->r = calloc(1, sizeof(*w->r));
    assert_non_null(w->r);
    req_init(w->r, &w->services, &w->exchange);
    req_resume(w->r);
}

static void do_option(struct world *w, const char *name, const char *value)
{
    static char key[100];
    static char host[100];
    static char party[100];
    static char owner[100];
    if (strcmp(name, "undelivered") == 0) {
        w->settings.revoke_undelivered = strcmp(value, "revoke") == 0;
    } else if (strcmp(name, "aki") == 0) {
        w->settings.aki_mode = strcmp(value, "auto") == 0  ? AKI_AUTO
                               : strcmp(value, "hex") == 0 ? AKI_HEX
                                                           : AKI_EMPTY;
    } else if (strcmp(name, "audit") == 0) {
        for (int s = AUDIT_OK; s <= AUDIT_BLOCKED; s++) {
            if (strcmp(value, audit_state_word((enum audit_state)s)) == 0) {
                w->audit_state = (enum audit_state)s;
            }
        }
    } else if (strcmp(name, "contested") == 0) {
        w->is_contested = strcmp(value, "yes") == 0;
    } else if (strcmp(name, "key") == 0) {
        (void)snprintf(key, sizeof(key), "%s", value);
        w->exchange.head.idempotency_key = slice_of(key);
    } else if (strcmp(name, "host") == 0) {
        (void)snprintf(host, sizeof(host), "%s", value);
        w->host = host;
    } else if (strcmp(name, "reason") == 0) {
        (void)snprintf(host, sizeof(host), "%s", value);
        w->reason = host;
    } else if (strcmp(name, "client") == 0) {
        (void)snprintf(w->uri_text, sizeof(w->uri_text), "spiffe://acme.test/%s",
                       strcmp(value, "known") == 0 ? "web" : value);
        w->uri = slice_of(w->uri_text);
    } else if (strcmp(name, "refused") == 0) {
        w->settings.refused_per_minute = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "peer") == 0) {
        (void)snprintf(w->peer, sizeof(w->peer), "%s", value);
    } else if (strcmp(name, "party") == 0) {
        (void)snprintf(party, sizeof(party), "%s", value);
        w->party = strcmp(value, "-") == 0 ? NULL : party;
    } else if (strcmp(name, "owner") == 0) {
        (void)snprintf(owner, sizeof(owner), "%s", value);
        w->owner = owner;
    } else {
        BAD(w, "no option %s", name);
    }
}

static void do_audit(struct world *w, const char *how)
{
    if (strcmp(how, "refuse") == 0) {
        w->audit_refuses = true;
        return;
    }
    if (strcmp(how, "accept") == 0) {
        w->audit_refuses = false;
        return;
    }
    if (!w->waits_audit) {
        BAD(w, "no record is pending");
    }
    w->waits_audit = false;
    const bool ok = strcmp(how, "ok") == 0;
    if (ok) {
        add_record(w, "", w->r->record.append.type);
        w->r->record.append.seq = w->seq++;
    }
    req_on_audit(w->r, ok ? CB_OK : CB_ESYS);
}

static void fill_cert(struct world *w, struct issued_cert *cert, const char *how)
{
    static const struct slice names[] = {{"a.acme.test", 11}};
    static struct slice copy[1];
    copy[0] = names[0];
    *cert =
        (struct issued_cert){.owner = slice_of(w->owner), .ref = 7, .names = copy, .num_names = 1};
    (void)snprintf(cert->serial_hex, sizeof(cert->serial_hex), "1234");
    (void)snprintf(cert->serial_dec, sizeof(cert->serial_dec), "4660");
    (void)snprintf(cert->aki_hex, sizeof(cert->aki_hex), "aabb");
    cert->common_name = SLICE("a.acme.test");
    cert->ask_sha256 = SLICE("other");
    if (strcmp(how, "foreign") == 0) {
        cert->owner = SLICE("another");
    } else if (strcmp(how, "revoked") == 0 || strcmp(how, "compromised") == 0) {
        cert->state = CERT_STATE_REVOKED;
        cert->revoke_reason =
            strcmp(how, "revoked") == 0 ? SLICE("superseded") : SLICE("keyCompromise");
    } else if (strcmp(how, "same") == 0) {
        cert->ask_sha256 = slice_of(w->r->ask_sha256);
    }
}

/* answer_look - one of the places of each limit is taken; or all, of those that are full. */
static void answer_look(struct issued_query *q, const char *how)
{
    const bool is_full = strcmp(how, "full") == 0;
    q->room.full = q->room.num_limits - 1;
    q->found = is_full ? ISSUED_FULL : q->found;
    for (size_t i = 0; i < q->room.num_limits; i++) {
        q->room.taken[i] = is_full ? q->room.limits[i].max : 1;
    }
}

/* answer_room - room is taken, or there is none for so many seconds (0: nobody knows). */
static void answer_room(struct world *w, struct issued_query *q, const char *how,
                        const char *seconds)
{
    static char claim;
    assert_true(q->room.num_limits > 0);
    if (strcmp(how, "full") == 0) {
        const long wait_s = strtol(seconds, NULL, 10);
        q->found = ISSUED_FULL;
        q->room.full = q->room.num_limits - 1;
        q->room.frees_s = wait_s == 0 ? 0 : q->room.now_s + wait_s;
    } else if (q->found == ISSUED_NONE || q->found == ISSUED_FOUND) {
        q->room.claim = (struct issued_claim *)(void *)&claim; /* never followed here */
        w->rooms++;
    }
}

static void do_index(struct world *w, const char *how, const char *seconds)
{
    if (!w->waits_index) {
        BAD(w, "nothing was asked of the index");
    }
    w->waits_index = false;
    struct issued_query *q = &w->r->lookup.query;
    if (strcmp(how, "none") == 0) {
        q->found = ISSUED_NONE;
    } else if (strcmp(how, "in_flight") == 0) {
        q->found = ISSUED_IN_FLIGHT;
    } else if (strcmp(how, "error") == 0) {
        q->found = ISSUED_ERROR;
    } else if (strcmp(how, "full") != 0) {
        q->found = ISSUED_FOUND;
        fill_cert(w, &q->cert, how);
    }
    if (q->verb == ISSUED_CLAIM_KEY && q->found != ISSUED_IN_FLIGHT && q->found != ISSUED_ERROR) {
        w->claims++;
    }
    if (q->verb == ISSUED_CLAIM_ROOM) {
        answer_room(w, q, how, seconds);
    } else if (q->verb == ISSUED_LOOK_ROOM) {
        answer_look(q, how);
    }
    req_on_issued(w->r);
}

static void do_gate(struct world *w, const char *how)
{
    if (strcmp(how, "queue") == 0) {
        w->gate_queues = true;
        return;
    }
    if (strcmp(how, "slow") == 0) {
        w->gate_slow = true;
        return;
    }
    w->r->gate.ticket.state = strcmp(how, "in") == 0     ? GATE_IN
                              : strcmp(how, "call") == 0 ? GATE_CALLING
                                                         : GATE_TURNED_AWAY;
    req_on_gate(w->r);
}

static void read_file(struct world *w, const char *name, struct buf *out)
{
    char path[200];
    char chunk[1024];
    (void)snprintf(path, sizeof(path), "%s/%s", DATA_DIR, name);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        BAD(w, "cannot open %s", path);
    }
    size_t n = 0;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        buf_add(out, chunk, n);
    }
    (void)fclose(f);
}

static void do_ca(struct world *w, const char *how)
{
    if (!w->waits_ca) {
        BAD(w, "the CA was not asked");
    }
    w->waits_ca = false;
    struct ca_result result = {.upstream = "http://ca.test", .stage = "answer", .latency_us = 3000};
    buf_init_secret(&result.body, 65536);
    if (strcmp(how, "not_sent") == 0) {
        result.effect = CA_NOT_SENT;
    } else if (strcmp(how, "unknown") == 0) {
        result.effect = CA_UNKNOWN;
    } else {
        char name[100];
        (void)snprintf(name, sizeof(name), "%s", how);
        char *at = strchr(name, '@');
        result.effect = CA_ANSWERED;
        result.http_status = at == NULL ? 200 : strtol(at + 1, NULL, 10);
        if (at != NULL) {
            *at = '\0';
        }
        read_file(w, name, &result.body);
    }
    req_on_ca(w->r, &result);
}

static void do_time(struct world *w, const char *ms)
{
    w->now_us += strtol(ms, NULL, 10) * 1000;
    if (w->timer_us != 0 && w->timer_us <= w->now_us) {
        w->timer_us = 0;
        req_on_timer(w->r);
    }
}

static void do_replied(struct world *w, const char *how)
{
    if (!w->waits_reply) {
        BAD(w, "there was no reply");
    }
    w->waits_reply = false;
    req_on_replied(w->r, strcmp(how, "ok") == 0);
}

static void expect_wait(struct world *w, const char *what)
{
    const struct {
        const char *word;
        bool is;
    } waits[] = {
        {"audit", w->waits_audit},
        {"index", w->waits_index},
        {"queue", w->r->gate.ticket.state == GATE_QUEUED},
        {"call", w->r->gate.ticket.state == GATE_WAITING},
        {"ca", w->waits_ca},
        {"reply", w->waits_reply},
        {"timer", w->timer_us != 0},
    };
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        if (strcmp(waits[i].word, what) == 0) {
            if (!waits[i].is) {
                BAD(w, "it is not waiting for %s; state %s, status %d, records %s", what,
                    req_state_word(w->r->state), w->status, w->records);
            }
            return;
        }
    }
    BAD(w, "no wait %s", what);
}

static void expect_reply(struct world *w, const char *status, const char *word)
{
    char needle[120];
    (void)snprintf(needle, sizeof(needle), "\"reason\":\"%s\"", word);
    const bool ok = strcmp(word, "ok") == 0 ? strstr(w->reply, "\"success\":true") != NULL
                                            : strstr(w->reply, needle) != NULL;
    if (w->status != (int)strtol(status, NULL, 10) || !ok) {
        BAD(w, "the reply was %d %s", w->status, w->reply);
    }
}

static void expect_done(struct world *w)
{
    if (!w->is_finished) {
        BAD(w, "not finished; state %s", req_state_word(w->r->state));
    }
    assert_int_equal(w->gate_depth, 0);
    assert_int_equal(w->claims, 0);
    assert_int_equal(w->rooms, 0);
    assert_false(w->waits_audit || w->waits_ca || w->waits_index || w->waits_reply);
}

static void expect_text(struct world *w, const char *what, const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        BAD(w, "%s has no %s: %s", what, part, text);
    }
}

static void expect_counted(struct world *w, const char *num)
{
    struct quota_count count;
    uint64_t total = 0;
    while (quotas_next_count(w->services.quotas, INT64_MAX, &count)) {
        total += count.num;
    }
    assert_int_equal(total, strtol(num, NULL, 10));
}

static void do_expect(struct world *w, const char *what, const char *a, const char *b,
                      const char *rest)
{
    if (strcmp(what, "wait") == 0) {
        expect_wait(w, a);
    } else if (strcmp(what, "reply") == 0) {
        expect_reply(w, a, b);
    } else if (strcmp(what, "body") == 0) {
        expect_text(w, "the reply", w->reply, rest);
    } else if (strcmp(what, "posted") == 0) {
        expect_text(w, "the POST", w->posted, rest);
    } else if (strcmp(what, "noted") == 0) {
        expect_text(w, "the record", w->noted, rest);
    } else if (strcmp(what, "unnoted") == 0) {
        assert_null(strstr(w->noted, rest));
    } else if (strcmp(what, "turn") == 0) {
        assert_int_equal(w->turn == w->last_turn, strcmp(a, "same") == 0);
    } else if (strcmp(what, "retry") == 0) {
        assert_int_equal(w->retry_s, strtol(a, NULL, 10));
    } else if (strcmp(what, "counted") == 0) {
        expect_counted(w, a);
    } else if (strcmp(what, "records") == 0) {
        if (strcmp(w->records, rest) != 0) {
            BAD(w, "the records are \"%s\"", w->records);
        }
    } else if (strcmp(what, "posts") == 0) {
        assert_int_equal(w->posts, strtol(a, NULL, 10));
    } else if (strcmp(what, "follow_ups") == 0) {
        assert_int_equal(w->follow_ups, strtol(a, NULL, 10));
    } else if (strcmp(what, "done") == 0) {
        expect_done(w);
    } else {
        BAD(w, "no expectation %s", what);
    }
}

static void play_line(struct world *w, char *text)
{
    char word[4][100] = {"", "", "", ""};
    text[strcspn(text, "#\n")] = '\0';
    const int num = sscanf(text, "%99s %99s %99s %99s", word[0], word[1], word[2], word[3]);
    if (num < 1) {
        return;
    }
    const char *rest = text;
    for (int i = 0; i < 2; i++) { /* what follows the second word */
        rest += strspn(rest, " ");
        rest += strcspn(rest, " ");
    }
    rest += strspn(rest, " ");
    char trimmed[300];
    (void)snprintf(trimmed, sizeof(trimmed), "%s", rest);
    for (size_t n = strlen(trimmed); n > 0 && trimmed[n - 1] == ' '; n--) {
        trimmed[n - 1] = '\0';
    }
    if (strcmp(word[0], "request") == 0) {
        do_request(w, word[1], word[2]);
    } else if (strcmp(word[0], "option") == 0) {
        do_option(w, word[1], word[2]);
    } else if (strcmp(word[0], "audit") == 0) {
        do_audit(w, word[1]);
    } else if (strcmp(word[0], "index") == 0) {
        do_index(w, word[1], word[2]);
    } else if (strcmp(word[0], "gate") == 0) {
        do_gate(w, word[1]);
    } else if (strcmp(word[0], "ca") == 0) {
        do_ca(w, word[1]);
    } else if (strcmp(word[0], "gone") == 0) {
        req_on_gone(w->r);
    } else if (strcmp(word[0], "replied") == 0) {
        do_replied(w, word[1]);
    } else if (strcmp(word[0], "time") == 0) {
        do_time(w, word[1]);
    } else if (strcmp(word[0], "expect") == 0) {
        do_expect(w, word[1], word[2], word[3], trimmed);
    } else {
        BAD(w, "no step %s", word[0]);
    }
}

static void play(void **state)
{
    char path[300];
    char text[400];
    struct world w;
    (void)snprintf(path, sizeof(path), "%s/%s", SCENARIO_DIR, (const char *)*state);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    world_init(&w);
    w.file = path;
    while (fgets(text, sizeof(text), f) != NULL) {
        w.line++;
        play_line(&w, text);
    }
    (void)fclose(f);
    world_free(&w);
}

int main(void)
{
    static struct CMUnitTest tests[200];
    size_t num = 0;
    struct dirent **entries = NULL;
    const int found = scandir(SCENARIO_DIR, &entries, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        const size_t len = strlen(entries[i]->d_name);
        if (num < 200 && len > 4 && strcmp(entries[i]->d_name + len - 4, ".scn") == 0) {
            char *name = strdup(entries[i]->d_name);
            tests[num++] = (struct CMUnitTest){name, play, NULL, NULL, name};
        }
        free(entries[i]);
    }
    free(entries);
    if (num == 0) {
        (void)fprintf(stderr, "no scenarios in %s\n", SCENARIO_DIR);
        return 1;
    }
    const int failed = _cmocka_run_group_tests("scenarios", tests, num, NULL, NULL);
    for (size_t i = 0; i < num; i++) {
        free(tests[i].initial_state);
    }
    return failed;
}
