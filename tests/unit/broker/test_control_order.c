/* test_control_order.c - what the broker may be told to record and to revoke: what is written is what
 * is read, and becomes the record that was meant. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "broker/control/control_line.h"

#include <stdio.h>

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct {
    const char *name, *text;
} members[] = {{"serial", "0f3a"},
               {"aki", "00ff00ff"},
               {"why_word", "superseded"},
               {"note", "SEC-7: \"caf\xc3\xa9\""},
               {"type", "reconcile.orphan"},
               {"ref", "41"},
               {"cert_ref", "0"},
               {"req", "00112233445566778899aabbccddeeff"},
               {"who", "payments-api"},
               {"cert_sha256", SHA},
               {"not_before", "2026-07-22T16:20:00Z"},
               {"not_after", "2026-08-21T16:20:00Z"},
               {"source", "sqlite /var/lib/cfssl/certs.db"},
               {"source_sha256", SHA},
               {"since", "2026-07-01"},
               {"until", "2026-07-22T16:20:09Z"},
               {"detail", "a.example: back\\slash"},
               {"counts", "ok 1041, bypass 2"},
               {"last_segment", "7"},
               {"tree_size", "1042"},
               {"root", SHA},
               {"keep_s", "63158400"},
               {"archive", "/mnt/worm/broker1"}};

static void make(struct control_request *ret)
{
    struct cb_err err;
    *ret = (struct control_request){.command = CONTROL_RECORD};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (control_order_set(&ret->order, members[i].name, members[i].text, &err) != CB_OK) {
            fail_msg("%s: %s", members[i].name, err.msg);
        }
    }
}

static void test_written_is_read(void **state)
{
    static const enum control_command commands[] = {CONTROL_RECORD, CONTROL_REVOKE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct control_request request;
        struct control_request again;
        struct buf line;
        struct cb_err err = {0};
        make(&request);
        request.command = commands[i];
        buf_init(&line, CONTROL_LINE_MAX);
        control_request_write(&request, &line);
        assert_true(buf_ok(&line));
        if (control_request_parse((struct slice){line.data, line.len - 1}, &again, &err) != CB_OK) {
            fail_msg("%s", err.msg);
        }
        assert_int_equal(again.command, commands[i]);
        assert_memory_equal(&again.order, &request.order, sizeof(again.order));
        buf_free(&line);
    }
}

static void test_longest_fits(void **state)
{
    struct control_request request = {.command = CONTROL_RECORD};
    struct buf line;
    char text[801];
    struct cb_err err;
    (void)state;
    make(&request);
    memset(text, '"', sizeof(text)); /* each takes two in JSON */
    text[800] = '\0';
    assert_int_equal(control_order_set(&request.order, "detail", text, &err), CB_OK);
    text[256] = '\0';
    assert_int_equal(control_order_set(&request.order, "source", text, &err), CB_OK);
    text[200] = '\0';
    assert_int_equal(control_order_set(&request.order, "note", text, &err), CB_OK);
    text[128] = '\0';
    assert_int_equal(control_order_set(&request.order, "who", text, &err), CB_OK);
    buf_init(&line, CONTROL_LINE_MAX);
    control_request_write(&request, &line);
    assert_true(buf_ok(&line));
    buf_free(&line);
}

static void test_record(void **state)
{
    struct control_request request;
    struct audit_kv counts[ORDER_COUNTS_MAX];
    struct audit_event e;
    (void)state;
    make(&request);
    control_order_event(&request.order, counts, &e);
    assert_int_equal(e.type, AUDIT_RECONCILE_ORPHAN);
    assert_int_equal(e.ref, 41);
    assert_int_equal(e.cert_ref, 0);
    assert_true(slice_eq_str(e.serial, "0f3a"));
    assert_true(slice_eq_str(e.reason, "superseded"));
    assert_true(slice_eq_str(e.cert_owner, "payments-api"));
    assert_int_equal(e.num_counts, 2);
    assert_true(slice_eq_str(counts[0].key, "ok") && slice_eq_str(counts[0].value, "1041"));
    assert_true(slice_eq_str(counts[1].key, "bypass") && slice_eq_str(counts[1].value, "2"));
    request.order = (struct control_order){.type = "reconcile.run"};
    control_order_event(&request.order, counts, &e);
    assert_int_equal(e.type, AUDIT_RECONCILE_RUN);
    assert_int_equal(e.ref, UINT64_MAX);
    assert_null(e.serial.ptr);
    assert_int_equal(e.num_counts, 0);
}

static const struct {
    const char *name, *text;
} bad[] = {{"serial", ""},
           {"serial", "0F"},
           {"serial", "0x1"},
           {"serial", "11111111111111111111111111111111111111111"},
           {"aki", "0:0"},
           {"ref", "-1"},
           {"ref", "01"},
           {"ref", "9007199254740992"},
           {"cert_sha256", "ff"},
           {"not_after", "tomorrow"},
           {"type", "reconcile run"},
           {"note", "a\nb"},
           {"detail", "\x1b[31m"},
           {"detail", ""},
           {"command", "revoke"},
           {"by", "root"}};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct control_order order = {0};
        const struct control_order untouched = {0};
        struct cb_err err = {0};
        if (control_order_set(&order, bad[i].name, bad[i].text, &err) != CB_EINPUT) {
            fail_msg("%s: \"%s\" was taken", bad[i].name, bad[i].text);
        }
        assert_string_not_equal(err.msg, "");
        assert_memory_equal(&order, &untouched, sizeof(order));
    }
}

static void test_whole(void **state)
{
    struct cb_err err;
    (void)state;
    struct control_order order = {.serial = "0f"};
    assert_int_equal(control_order_check(&order, true, &err), CB_OK);
    assert_int_equal(control_order_check(&order, false, &err), CB_EINPUT);
    order = (struct control_order){.why_word = "superseded"};
    assert_int_equal(control_order_check(&order, true, &err), CB_EINPUT);
    order = (struct control_order){.serial = "0f", .why_word = "certificateHold"};
    assert_int_equal(control_order_check(&order, true, &err), CB_EINPUT);
    order = (struct control_order){.type = "issue.ok"};
    assert_int_equal(control_order_check(&order, false, &err), CB_EINPUT);
    order =
        (struct control_order){.type = "reconcile.bypass", .serial = "0f", .why_word = "differs"};
    assert_int_equal(control_order_check(&order, false, &err), CB_OK);
}

/* What the log's key signs has to be whole: each without one of its members, or with a bad one. */
static void test_not_whole(void **state)
{
    static const struct {
        const char *type, *without, *said;
    } cases[] = {
        {"reconcile.run", "source", "source: is missing"},
        {"reconcile.run", "source_sha256", "source_sha256: is missing"},
        {"reconcile.run", "counts", "counts: is missing"},
        {"reconcile.orphan", "serial", "serial: is missing"},
        {"reconcile.bypass", "serial", "serial: is missing"},
        {"reconcile.missing", "why_word", "why_word: is missing"},
        {"segment.prune", "last_segment", "last_segment: is missing"},
        {"segment.prune", "tree_size", "tree_size: is missing"},
        {"segment.prune", "root", "root: is missing"},
        {"segment.prune", "keep_s", "keep_s: is missing"},
        {"segment.prune", "note", "note: is missing"},
        {"segment.prune", "serial", NULL}, /* it has none */
        {"segment.prune", "archive", NULL},
        {"key.rotate", "note", "type: must be one of"},
        {"issue.ok", "note", "type: must be one of"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct control_order order = {.type = ""};
        struct cb_err err = {0};
        for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++) {
            const bool is_type = strcmp(members[m].name, "type") == 0;
            if (strcmp(members[m].name, cases[i].without) != 0) {
                assert_int_equal(control_order_set(&order, members[m].name,
                                                   is_type ? cases[i].type : members[m].text, &err),
                                 CB_OK);
            }
        }
        const enum cb_code code = control_order_check(&order, false, &err);
        assert_int_equal(code, cases[i].said == NULL ? CB_OK : CB_EINPUT);
        if (cases[i].said != NULL && strstr(err.msg, cases[i].said) == NULL) {
            fail_msg("%zu: %s", i, err.msg);
        }
    }
}

static void test_bad_counts(void **state)
{
    static const char *const texts[] = {"<b>x 1",         "ok",     "ok 1, ok 2", "ok -1",
                                        "ok 1,,bypass 2", "=1+1 2", "ok x",       "Ok 1"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct control_order order = {.type = "reconcile.run", .source = "x", .source_sha256 = SHA};
        struct cb_err err = {0};
        (void)snprintf(order.counts, sizeof(order.counts), "%s", texts[i]);
        assert_int_equal(control_order_check(&order, false, &err), CB_EINPUT);
        assert_non_null(strstr(err.msg, "counts: must be like"));
    }
}

static void test_what_is_resolved(void **state)
{
    struct control_order order = {.type = "reconcile.resolved", .why_word = "lapsed"};
    struct cb_err err = {0};
    (void)state;
    assert_int_equal(control_order_check(&order, false, &err), CB_EINPUT);
    assert_non_null(strstr(err.msg, "what is resolved?"));
    (void)snprintf(order.ref, sizeof(order.ref), "5");
    assert_int_equal(control_order_check(&order, false, &err), CB_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_whole),
        cmocka_unit_test(test_bad_counts),
        cmocka_unit_test(test_what_is_resolved),
        cmocka_unit_test(test_written_is_read),
        cmocka_unit_test(test_longest_fits),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
