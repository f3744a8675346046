/* test_message.c - records as RFC 5424 messages, and what a receiver's URL means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ship/message.h"
#include "broker/ship/ship.h"

#include <stdio.h>

static const struct message_source source = {
    .origin = "acme.example/log", .host = "host one", .pid = 42};

#define HEAD "{\"v\":1,\"seq\":7,\"d\":7,\"ts\":\"2026-07-22T16:23:02.123456Z\",\"type\":\""
#define TAIL ",\"crc\":\"00000000\"}"
#define SD "[audit@32473 origin=\"acme.example/log\" seq=\"7\""

static const struct {
    const char *type;
    unsigned pri;
} severities[] = {
    {"issue.ok", 109},      {"issue.attempt", 110}, {"authz.deny", 108},   {"authn.fail", 108},
    {"audit.fault", 107},   {"audit.recovered", 109}, {"broker.start", 109}, {"limit.drop", 108},
    {"segment.open", 110},  {"issue.unknown", 108}, {"policy.reject", 108}, {"made.up", 110},
};

static void test_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++) {
        char line[256];
        char want[512];
        struct buf out;
        buf_init(&out, 4096);
        (void)snprintf(line, sizeof(line), HEAD "%s\"" TAIL, severities[i].type);
        (void)snprintf(want, sizeof(want),
                       "<%u>1 2026-07-22T16:23:02.123456Z host_one certbroker 42 %s " SD "] %s",
                       severities[i].pri, severities[i].type, line);
        assert_int_equal(message_record(&source, 7, slice_of(line), 4096, &out), MESSAGE_WHOLE);
        assert_string_equal(out.data, want);
        buf_free(&out);
    }
}

/* The certificate goes first, then everything; what is left is still one message with its number. */
static void test_too_long(void **state)
{
    (void)state;
    const char *line = HEAD "issue.ok\",\"serial\":\"ab\",\"cert_der\":\"MIIB\"" TAIL;
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(message_record(&source, 7, slice_of(line), 4096, &out), MESSAGE_WHOLE);
    const size_t whole = out.len;
    buf_reset(&out);
    assert_int_equal(message_record(&source, 7, slice_of(line), whole, &out), MESSAGE_WHOLE);
    buf_reset(&out);
    assert_int_equal(message_record(&source, 7, slice_of(line), whole - 1, &out),
                     MESSAGE_WITHOUT_CERT);
    assert_non_null(strstr(out.data, SD " cut=\"cert_der\"] " HEAD "issue.ok\",\"serial\":\"ab\"" TAIL));
    buf_reset(&out);
    assert_int_equal(message_record(&source, 7, slice_of(line), 100, &out), MESSAGE_EMPTY);
    assert_string_equal(out.data, "<109>1 2026-07-22T16:23:02.123456Z host_one certbroker 42 "
                                  "issue.ok " SD " cut=\"line\"]");
    buf_free(&out);
}

static void test_odd_lines(void **state)
{
    (void)state;
    static const char *const lines[] = {"", "{", HEAD, "\",\"type\":\"", ",\"cert_der\":\"", "x"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct buf out;
        buf_init(&out, 4096);
        (void)message_record(&source, 7, slice_of(lines[i]), 10, &out);
        assert_true(buf_ok(&out));
        buf_free(&out);
    }
}

static void test_checkpoint(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    message_checkpoint(&source, SLICE("acme.example/log\n7\nAAAA\n\n\xe2\x80\x94 acme x\n"),
                       1784737382123456, &out);
    assert_string_equal(out.data,
                        "<110>1 2026-07-22T16:23:02.123456Z host_one certbroker 42 checkpoint "
                        "[audit@32473 origin=\"acme.example/log\"] {\"type\":\"checkpoint\","
                        "\"origin\":\"acme.example/log\",\"note\":\"acme.example/log\\u000a7\\u000aAAAA"
                        "\\u000a\\u000a\\u2014 acme x\\u000a\"}");
    buf_free(&out);
}

static const struct {
    const char *url;
    bool ok;
    enum ship_transport transport;
    const char *host, *port, *path;
} urls[] = {
    {"tls://siem.acme.internal:6514", true, SHIP_TLS, "siem.acme.internal", "6514", NULL},
    {"tcp://127.0.0.1:514", true, SHIP_TCP, "127.0.0.1", "514", NULL},
    {"tcp://[::1]:514", true, SHIP_TCP, "::1", "514", NULL},
    {"unix:/dev/log", true, SHIP_UNIX, NULL, NULL, "/dev/log"},
    {"tcp://::1:514", false, SHIP_TCP, NULL, NULL, NULL},
    {"tcp://[]:514", false, SHIP_TCP, NULL, NULL, NULL},
    {"tcp://:514", false, SHIP_TCP, NULL, NULL, NULL},
    {"tcp://host:", false, SHIP_TCP, NULL, NULL, NULL},
    {"tcp://host:0", false, SHIP_TCP, NULL, NULL, NULL},
    {"tcp://host:65536", false, SHIP_TCP, NULL, NULL, NULL},
    {"tcp://host:0514", false, SHIP_TCP, NULL, NULL, NULL},
    {"tcp://user@host:514", false, SHIP_TCP, NULL, NULL, NULL},
    {"tcp://host/x:514", false, SHIP_TCP, NULL, NULL, NULL},
    {"TLS://host:514", false, SHIP_TCP, NULL, NULL, NULL},
    {"unix:", false, SHIP_TCP, NULL, NULL, NULL},
    {"unix:/", false, SHIP_TCP, NULL, NULL, NULL},
    {"", false, SHIP_TCP, NULL, NULL, NULL},
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct ship_target t = {.name = "x"};
        struct cb_err err = {0};
        struct arena arena;
        arena_init(&arena, 4096);
        assert_int_equal(ship_parse_url(urls[i].url, &arena, &t, &err) == CB_OK, urls[i].ok);
        if (urls[i].ok) {
            assert_int_equal(t.transport, urls[i].transport);
        } else {
            assert_non_null(strstr(err.msg, "unix:/dev/log"));
        }
        if (urls[i].host != NULL) {
            assert_string_equal(t.host, urls[i].host);
            assert_string_equal(t.port, urls[i].port);
        }
        if (urls[i].path != NULL) {
            assert_string_equal(t.path, urls[i].path);
        }
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),      cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_odd_lines),  cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
