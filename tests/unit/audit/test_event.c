/* test_event.c - the encoder and the parser: one golden file a type, hostile text, limits, and what
 * is written is what is read.
 *
 * The goldens are the format: a change to one is a change that every reader of old logs must take.
 * UPDATE_GOLDEN=1 writes them anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "audit/fields.h"

static const struct slice dns[] = {{"api.pay.example", 15}, {"api-2.pay.example", 17}};
static const struct slice ip[] = {{"10.20.0.7", 9}, {"2001:db8::7", 11}};
static const struct slice uri[] = {{"spiffe://example/ns/pay/sa/api", 30}};
static const struct slice email[] = {{"ops@pay.example", 15}};
static const struct slice differs[] = {{"not_after", 9}, {"dns", 3}};
static const struct audit_kv subject[] = {
    {{"C", 1}, {"NL", 2}}, {{"OU", 2}, {"a", 1}}, {{"OU", 2}, {"b", 1}}};

#define HASH SLICE("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

static void add_request(struct audit_event *e)
{
    e->req = SLICE("00112233445566778899aabbccddeeff");
    e->trace = SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    e->who_id = SLICE("payments-api");
    e->who_via = SLICE("mtls.uri");
    e->who_credential = uri[0];
    e->who_cert_sha256 = HASH;
    e->peer = SLICE("10.20.0.7:41234");
    e->action = SLICE("newcert");
}

static void add_want(struct audit_event *e)
{
    e->want = (struct audit_names){.cn = dns[0],
                                   .dns = dns,
                                   .ip = ip,
                                   .uri = uri,
                                   .email = email,
                                   .num_dns = 2,
                                   .num_ip = 2,
                                   .num_uri = 1,
                                   .num_email = 1};
    e->subject = subject;
    e->num_subject = 3;
    e->key = SLICE("ecdsa-256");
    e->profile = SLICE("server");
    e->idem = SLICE("start-1");
    e->ask_sha256 = HASH;
}

static void add_decision(struct audit_event *e)
{
    e->policy_sha256 = HASH;
    e->rule = SLICE("payments-server");
    e->owner = SLICE("payments-team@acme.example");
    e->ticket = SLICE("SEC-1042");
    e->decision = SLICE("allow");
    e->reason = SLICE("allowed");
}

static void add_cert(struct audit_event *e)
{
    e->serial = SLICE("0f3a");
    e->serial_dec = SLICE("3898");
    e->aki = SLICE("00ff00ff");
    e->cert_sha256 = HASH;
    e->granted = (struct audit_names){.cn = dns[0], .dns = dns, .num_dns = 2};
    e->not_before = SLICE("2026-07-22T16:20:00Z");
    e->not_after = SLICE("2026-08-21T16:20:00Z");
}

static void add_upstream(struct audit_event *e)
{
    e->upstream = SLICE("https://ca.example:8888");
    e->upstream_http = 200;
    e->upstream_code = 1002;
    e->upstream_message = SLICE("a message");
    e->upstream_us = 51234;
    e->stage = SLICE("http");
    e->effect = SLICE("possible");
}

static const struct audit_kv counts[] = {{{"ok", 2}, {"1041", 4}}, {{"bypass", 6}, {"2", 1}}};

static void add_reconcile(struct audit_event *e)
{
    e->detail = SLICE("the CA holds a certificate that nobody asked this broker for");
    e->by = SLICE("uid 0 (root), pid 5223 via control");
    e->source = SLICE("sqlite /var/lib/cfssl/certs.db");
    e->source_sha256 = HASH;
}

static void add_range(struct audit_event *e)
{
    e->by = SLICE("uid 0 (root)");
    e->note = SLICE("SEC-1042");
    e->first_seq = 0;
    e->last_seq = 1041;
    e->last_segment = 7;
    e->tree_size = 1042;
    e->root = HASH;
}

/* fill - an event of this type, with what it usually carries. */
static void fill(struct audit_event *e, enum audit_type type)
{
    audit_event_zero(e, type);
    switch (type) {
    case AUDIT_BROKER_START:
    case AUDIT_BROKER_STOP:
        e->config_sha256 = HASH;
        e->policy_sha256 = HASH;
        e->version = SLICE("1.0.0");
        e->listen = SLICE("0.0.0.0:8443");
        e->reason = SLICE("sigterm");
        e->uptime_s = 3600;
        break;
    case AUDIT_POLICY_LOAD:
    case AUDIT_POLICY_REJECT:
        e->policy_sha256 = HASH;
        e->policy_old_sha256 = HASH;
        e->rules = 12;
        e->clients = 4;
        e->detail = SLICE("policy.yaml:3:1: unknown key \"clinets\"");
        break;
    case AUDIT_AUTHN_FAIL:
    case AUDIT_LIMIT_DROP:
        e->peer = SLICE("10.20.0.7");
        e->reason = SLICE("unknown_client");
        e->count = 12;
        e->first_ts = SLICE("2026-07-22T16:20:00Z");
        e->last_ts = SLICE("2026-07-22T16:20:09Z");
        break;
    case AUDIT_REQUEST_REFUSED:
        e->req = SLICE("00112233445566778899aabbccddeeff");
        e->peer = SLICE("10.20.0.7:41234");
        e->method = SLICE("GET");
        e->path = SLICE("/api/v1/cfssl/sign");
        e->reason = SLICE("no_such_path");
        e->status = 404;
        break;
    case AUDIT_AUTHZ_DENY:
    case AUDIT_ISSUE_ATTEMPT:
    case AUDIT_INFO_OK:
        add_request(e);
        add_want(e);
        add_decision(e);
        break;
    case AUDIT_REVOKE_ATTEMPT:
        add_request(e);
        add_decision(e);
        e->serial = SLICE("0f3a");
        e->revoke_reason = SLICE("superseded");
        e->cert_owner = SLICE("payments-api");
        e->cert_ref = 41;
        e->follows = SLICE("ffeeddccbbaa99887766554433221100");
        break;
    case AUDIT_ISSUE_OK:
        e->ref = 41;
        e->mismatch = differs;
        e->num_mismatch = 2;
        e->cert_der_b64 = SLICE("MIIB");
        e->status = 200;
        add_cert(e);
        add_upstream(e);
        break;
    case AUDIT_REVOKE_OK:
    case AUDIT_ISSUE_FAIL:
    case AUDIT_REVOKE_FAIL:
    case AUDIT_ISSUE_UNKNOWN:
    case AUDIT_REVOKE_UNKNOWN:
    case AUDIT_ISSUE_UNDELIVERED:
        e->ref = 41;
        e->req = SLICE("00112233445566778899aabbccddeeff");
        e->serial = SLICE("0f3a");
        add_upstream(e);
        break;
    case AUDIT_RECONCILE_RUN:
        e->first_ts = SLICE("2026-07-01T00:00:00Z");
        e->last_ts = SLICE("2026-07-22T16:20:09Z");
        e->counts = counts;
        e->num_counts = 2;
        add_reconcile(e);
        break;
    case AUDIT_RECONCILE_ORPHAN:
    case AUDIT_RECONCILE_BYPASS:
    case AUDIT_RECONCILE_MISSING:
    case AUDIT_RECONCILE_RESOLVED:
        e->ref = 41;
        e->reason = SLICE("not_issued");
        add_cert(e);
        add_reconcile(e);
        break;
    case AUDIT_SEGMENT_PRUNE:
        e->archive_sha256 = HASH;
        e->first_segment = 1;
        add_range(e);
        break;
    case AUDIT_KEY_ROTATE:
        e->old_vkey = SLICE("audit.test/log-1+1b2c3d4e+AVPr");
        e->new_vkey = SLICE("audit.test/log-1+5f60718a+AbCd");
        e->statement = SLICE("certbroker key.rotate\naudit.test/log-1\n"
                             "audit.test/log-1+1b2c3d4e+AVPr\naudit.test/log-1+5f60718a+AbCd\n\n"
                             "\xe2\x80\x94 audit.test/log-1 Gyw9TgAA\n"
                             "\xe2\x80\x94 audit.test/log-1 X2BxigAA\n");
        break;
    case AUDIT_LOSS:
        e->reason = SLICE("missing");
        e->detail = SLICE("seg/00000007.jsonl is gone");
        add_range(e);
        break;
    case AUDIT_UNSIGNED:
        e->first_seq = e->tree_size = 1042;
        e->last_seq = 1049;
        e->root = HASH;
        break;
    case AUDIT_WITNESS_ALARM:
        e->reason = SLICE("split_view");
        e->detail = SLICE("it has seen more records than this log has");
        e->tree_size = 1200;
        e->witness = SLICE("witness1.security.acme.example");
        e->witness_size = 1234;
        break;
    case AUDIT_SEGMENT_OPEN:
    case AUDIT_SEGMENT_CLOSE:
    case AUDIT_FAULT:
    case AUDIT_RECOVERED:
    case AUDIT_HEARTBEAT:
    case AUDIT_CLOCK_STEP:
        break; /* see own_body */
    }
}

/* own_body - the types that audit/ writes itself. False: another type. */
static bool own_body(struct buf *out, enum audit_type type)
{
    struct merkle tree;
    struct cb_err err;
    const struct open_set open = {.num = 2,
                                  .items = {{.attempt = {.seq = 2, .type = AUDIT_ISSUE_ATTEMPT}},
                                            {.attempt = {.seq = 4, .type = AUDIT_REVOKE_ATTEMPT}}}};
    const struct segment_start start = {
        .no = 3,
        .prev = {.no = 2, .valid_bytes = 1200, .void_bytes = 7, .has_void_sha256 = true},
        .tree_size = 5,
        .origin = SLICE(ORIGIN),
        .version = SLICE("1.0.0"),
        .boot_id = SLICE("6f0b1f4e-0000-4000-8000-000000000000"),
        .host = SLICE("broker-1"),
        .uid = 990};
    const struct own_fault fault = {.what = "fdatasync",
                                    .detail = "fdatasync: Input/output error",
                                    .sys_errno = 5,
                                    .segment = 2,
                                    .next_seq = 5};
    assert_int_equal(merkle_init(&tree, &err), CB_OK);
    for (int i = 0; i < 5; i++) {
        merkle_append(&tree, SLICE("line"));
    }
    buf_init(out, AUDIT_LINE_MAX);
    if (type == AUDIT_SEGMENT_OPEN) {
        own_segment_open(out, &start, &tree, &open);
    } else if (type == AUDIT_SEGMENT_CLOSE) {
        own_segment_close(out, 3, "roll", &tree);
    } else if (type == AUDIT_FAULT) {
        own_fault(out, &fault);
    } else if (type == AUDIT_RECOVERED) {
        own_recovered(out, 12000000, 31);
    } else if (type == AUDIT_HEARTBEAT) {
        own_heartbeat(out, 60000123);
    } else if (type == AUDIT_CLOCK_STEP) {
        own_clock_step(out, -3600000000);
    }
    merkle_free(&tree);
    return out->len > 0;
}

static void frame_type(struct buf *out, enum audit_type type)
{
    struct audit_event e;
    struct buf body;
    if (!own_body(&body, type)) {
        fill(&e, type);
        assert_true(audit_event_encode(&e, &body));
    }
    buf_init(out, AUDIT_LINE_MAX);
    line_frame(out, 42, 40, INT64_C(1784737382123456), buf_slice(&body));
    buf_free(&body);
}

static void test_goldens(void **state)
{
    (void)state;
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        char path[128];
        struct buf line;
        struct buf golden;
        (void)snprintf(path, sizeof(path), "tests/data/audit/%s.jsonl",
                       audit_type_word((enum audit_type)i));
        frame_type(&line, (enum audit_type)i);
        if (getenv("UPDATE_GOLDEN") != NULL) {
            write_file(path, buf_slice(&line));
        }
        read_file(path, &golden);
        assert_string_equal(line.data, golden.data);
        buf_free(&golden);
        buf_free(&line);
    }
}

static bool names_eq(const struct audit_names *a, const struct audit_names *b)
{
    const size_t num[] = {a->num_dns, a->num_ip, a->num_uri, a->num_email};
    const size_t want[] = {b->num_dns, b->num_ip, b->num_uri, b->num_email};
    const struct slice *lists[] = {a->dns, a->ip, a->uri, a->email};
    const struct slice *wants[] = {b->dns, b->ip, b->uri, b->email};
    for (size_t l = 0; l < 4; l++) {
        for (size_t i = 0; num[l] == want[l] && i < num[l]; i++) {
            if (!slice_eq(lists[l][i], wants[l][i])) {
                return false;
            }
        }
    }
    return memcmp(num, want, sizeof(num)) == 0 && slice_eq(a->cn, b->cn);
}

static void assert_same_event(const struct audit_event *a, const struct audit_event *b)
{
    assert_int_equal(a->type, b->type);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *f = &audit_fields[i];
        const char *at_a = (const char *)a + f->at;
        const char *at_b = (const char *)b + f->at;
        struct slice text_a;
        struct slice text_b;
        if (f->kind == FIELD_U64) {
            assert_memory_equal(at_a, at_b, sizeof(uint64_t));
        } else if (f->kind == FIELD_LIST || f->kind == FIELD_PAIRS) {
            assert_memory_equal((const char *)a + f->num, (const char *)b + f->num, sizeof(size_t));
        } else {
            memcpy(&text_a, at_a, sizeof(text_a));
            memcpy(&text_b, at_b, sizeof(text_b));
            assert_int_equal(text_a.ptr == NULL, text_b.ptr == NULL);
            assert_true(slice_eq(text_a, text_b));
        }
    }
    assert_true(names_eq(&a->want, &b->want));
    assert_true(names_eq(&a->granted, &b->granted));
    for (size_t i = 0; i < a->num_subject; i++) {
        assert_true(slice_eq(a->subject[i].key, b->subject[i].key));
        assert_true(slice_eq(a->subject[i].value, b->subject[i].value));
    }
    for (size_t i = 0; i < a->num_mismatch; i++) {
        assert_true(slice_eq(a->mismatch[i], b->mismatch[i]));
    }
}

static void read_back(const struct buf *body, struct arena *arena, struct audit_record *ret)
{
    struct buf line;
    struct cb_err err;
    buf_init(&line, AUDIT_LINE_MAX);
    line_frame(&line, 42, 40, INT64_C(1784737382123456), buf_slice(body));
    assert_true(buf_ok(&line));
    arena_init(arena, 1U << 20);
    if (audit_line_parse((struct slice){line.data, line.len - 1}, arena, ret, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    assert_int_equal(ret->seq, 42);
    assert_int_equal(ret->batch_floor, 40);
    assert_true(ret->ts_us == INT64_C(1784737382123456));
    buf_free(&line); /* nothing may point into it */
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        struct audit_event e;
        struct audit_record record;
        struct arena arena;
        struct buf body;
        fill(&e, (enum audit_type)i);
        buf_init(&body, AUDIT_LINE_MAX);
        assert_true(audit_event_encode(&e, &body));
        read_back(&body, &arena, &record);
        assert_same_event(&e, &record.event);
        arena_free(&arena);
        buf_free(&body);
    }
}

static void test_hostile_text_is_escaped(void **state)
{
    (void)state;
    const struct {
        struct slice text;
        const char *in_line;
        struct slice back;
    } cases[] = {
        {SLICE("a\0b"), "\"a\\u0000b\"", SLICE("a\0b")},
        {SLICE("a\nb"), "\"a\\u000ab\"", SLICE("a\nb")},
        {SLICE("\x1b[31mred"), "\"\\u001b[31mred\"", SLICE("\x1b[31mred")},
        {SLICE("\x7f"), "\"\\u007f\"", SLICE("\x7f")},
        {SLICE("\"},{\"x\":\"\\"), "\"\\\"},{\\\"x\\\":\\\"\\\\\"", SLICE("\"},{\"x\":\"\\")},
        {SLICE("\xc3\xa9\xf0\x9f\x98\x80"), "\"\\u00e9\\ud83d\\ude00\"",
         SLICE("\xc3\xa9\xf0\x9f\x98\x80")},
        {SLICE("a\xff\xc3"), "\"a\\ufffd\\ufffd\"", SLICE("a\xef\xbf\xbd\xef\xbf\xbd")},
        {SLICE("\xe2\x80\xae"), "\"\\u202e\"", SLICE("\xe2\x80\xae")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit_event e;
        struct audit_record record;
        struct arena arena;
        struct buf body;
        audit_event_zero(&e, AUDIT_REQUEST_REFUSED);
        e.path = cases[i].text;
        e.want.dns = &cases[i].text;
        e.want.num_dns = 1;
        buf_init(&body, AUDIT_LINE_MAX);
        assert_true(audit_event_encode(&e, &body));
        for (size_t n = 0; n < body.len; n++) {
            assert_true(ascii_is_print(body.data[n]));
        }
        assert_non_null(strstr(body.data, cases[i].in_line));
        read_back(&body, &arena, &record);
        assert_true(slice_eq(record.event.path, cases[i].back));
        assert_true(slice_eq(record.event.want.dns[0], cases[i].back));
        arena_free(&arena);
        buf_free(&body);
    }
}

static char filler[40000];

static struct slice fill_text(size_t len)
{
    memset(filler, 'x', sizeof(filler));
    return (struct slice){filler, len};
}

static void test_long_text_is_cut_and_named(void **state)
{
    (void)state;
    struct audit_event e;
    struct buf body;
    audit_event_zero(&e, AUDIT_REQUEST_REFUSED);
    e.path = fill_text(30000);
    e.who_id = fill_text(30000);
    e.detail = fill_text(1024); /* exactly what it may be */
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_true(slice_has_suffix(buf_slice(&body), SLICE(",\"trunc\":[\"who.id\",\"path\"]")));
    assert_in_range(body.len, 2000, 3000);
    /* A multi-byte character is left out whole. */
    audit_event_zero(&e, AUDIT_REQUEST_REFUSED);
    (void)fill_text(0);
    memcpy(filler + 511, "\xc3\xa9", 2);
    e.path = (struct slice){filler, 600};
    assert_true(audit_event_encode(&e, &body));
    assert_null(strstr(body.data, "\\u"));
    buf_free(&body);
}

static void test_certificate_goes_first(void **state)
{
    (void)state;
    struct audit_event e;
    struct buf body;
    fill(&e, AUDIT_ISSUE_OK);
    e.cert_der_b64 = fill_text(14000);
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_non_null(strstr(body.data, "\"cert_der\":\"xxx"));
    e.cert_der_b64 = fill_text(16000);
    assert_true(audit_event_encode(&e, &body));
    assert_null(strstr(body.data, "\"cert_der\":"));
    assert_non_null(strstr(body.data, "\"trunc\":[\"cert_der\"]"));
    assert_non_null(strstr(body.data, "\"cert_sha256\":"));
    buf_free(&body);
}

/* Worst case: every text field at its limit in bytes that take six characters each. */
static void test_everything_too_long_still_fits(void **state)
{
    (void)state;
    struct audit_event e;
    struct buf body;
    audit_event_zero(&e, AUDIT_ISSUE_OK);
    memset(filler, '\n', sizeof(filler));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct slice text = {filler, sizeof(filler)};
        const uint64_t number = SCAN_NUMBER_MAX;
        if (audit_fields[i].kind == FIELD_TEXT && audit_fields[i].max > 64) {
            memcpy((char *)&e + audit_fields[i].at, &text, sizeof(text));
        } else if (audit_fields[i].kind == FIELD_U64) {
            memcpy((char *)&e + audit_fields[i].at, &number, sizeof(number));
        }
    }
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_true(body.len <= LINE_BODY_MAX);
    struct line_info info;
    struct cb_err err;
    assert_int_equal(line_check_body(buf_slice(&body), &info, &err), CB_OK);
    buf_free(&body);
}

static void test_names_are_never_cut(void **state)
{
    (void)state;
    struct audit_event e;
    struct buf body;
    struct slice names[100];
    buf_init(&body, AUDIT_LINE_MAX);
    audit_event_zero(&e, AUDIT_ISSUE_ATTEMPT);
    e.want.dns = names;
    e.want.num_dns = 60;
    e.detail = fill_text(1024);
    for (size_t i = 0; i < 100; i++) {
        names[i] = fill_text(253);
    }
    assert_true(audit_event_encode(&e, &body)); /* the detail gives way */
    e.want.num_dns = 100;
    assert_false(audit_event_encode(&e, &body));
    assert_int_equal(body.len, 0);
    buf_free(&body);
}

static void test_numbers_json_cannot_hold(void **state)
{
    (void)state;
    struct audit_event e;
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    audit_event_zero(&e, AUDIT_INFO_OK);
    e.count = SCAN_NUMBER_MAX;
    assert_true(audit_event_encode(&e, &body));
    e.count = SCAN_NUMBER_MAX + 1;
    assert_false(audit_event_encode(&e, &body));
    buf_free(&body);
}

static void test_parser_refuses_wrong_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum cb_code code;
    } cases[] = {
        {"\"type\":\"info.ok\",\"peer\":1", CB_EINPUT},
        {"\"type\":\"info.ok\",\"count\":\"1\"", CB_EINPUT},
        {"\"type\":\"info.ok\",\"count\":-1", CB_EINPUT},
        {"\"type\":\"info.ok\",\"mismatch\":\"a\"", CB_EINPUT},
        {"\"type\":\"info.ok\",\"mismatch\":[1]", CB_EINPUT},
        {"\"type\":\"info.ok\",\"mismatch\":[]", CB_EINPUT},
        {"\"type\":\"info.ok\",\"want\":\"a\"", CB_EINPUT},
        {"\"type\":\"info.ok\",\"want\":{}", CB_EINPUT},
        {"\"type\":\"info.ok\",\"want\":{\"subject\":[[\"C\"]]}", CB_EINPUT},
        {"\"type\":\"info.ok\",\"peer\":\"a\",\"peer\":\"b\"", CB_EINPUT},
        {"\"type\":\"info.ok\",\"who\":{\"id\":\"a\"},\"who\":{\"id\":\"b\"}", CB_EINPUT},
        {"\"type\":\"info.ok\",\"new\":{\"id\":1},\"who\":{\"new\":2,\"id\":\"a\"}", CB_OK},
        {"\"type\":\"info.ok\",\"peer\":\"\"", CB_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf line;
        struct arena arena;
        struct audit_record record;
        struct cb_err err;
        buf_init(&line, AUDIT_LINE_MAX);
        arena_init(&arena, 1U << 20);
        line_frame(&line, 1, 1, 1, slice_of(cases[i].body));
        assert_int_equal(
            audit_line_parse((struct slice){line.data, line.len - 1}, &arena, &record, &err),
            cases[i].code);
        arena_free(&arena);
        /* Without memory it says so. */
        arena_init(&arena, 1);
        if (cases[i].code == CB_OK) {
            assert_int_equal(
                audit_line_parse((struct slice){line.data, line.len - 1}, &arena, &record, &err),
                CB_ENOMEM);
        }
        arena_free(&arena);
        buf_free(&line);
    }
}

/* The schema for other programs knows every key there is, and every type. */
static void test_schema_is_complete(void **state)
{
    (void)state;
    struct buf schema;
    char word[64];
    read_file("examples/audit-record.schema.json", &schema);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        (void)snprintf(word, sizeof(word), "\"%s\": {", audit_fields[i].key);
        assert_non_null(strstr(schema.data, word));
    }
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        (void)snprintf(word, sizeof(word), "\"%s\"", audit_type_word((enum audit_type)i));
        assert_non_null(strstr(schema.data, word));
    }
    buf_free(&schema);
}

static void test_types(void **state)
{
    (void)state;
    size_t attempts = 0;
    size_t outcomes = 0;
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        enum audit_type back = AUDIT_SEGMENT_OPEN;
        const enum audit_type type = (enum audit_type)i;
        assert_true(audit_type_parse(slice_of(audit_type_word(type)), &back));
        assert_int_equal(back, type);
        attempts += audit_type_is_attempt(type) ? 1 : 0;
        outcomes += audit_type_is_outcome(type) ? 1 : 0;
    }
    enum audit_type none = AUDIT_FAULT;
    assert_false(audit_type_parse(SLICE("issue"), &none));
    assert_false(audit_type_parse(SLICE(""), &none));
    assert_int_equal(attempts, 2);
    assert_int_equal(outcomes, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_hostile_text_is_escaped),
        cmocka_unit_test(test_long_text_is_cut_and_named),
        cmocka_unit_test(test_certificate_goes_first),
        cmocka_unit_test(test_everything_too_long_still_fits),
        cmocka_unit_test(test_names_are_never_cut),
        cmocka_unit_test(test_numbers_json_cannot_hold),
        cmocka_unit_test(test_parser_refuses_wrong_kinds),
        cmocka_unit_test(test_schema_is_complete),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
