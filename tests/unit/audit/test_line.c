/* test_line.c - the frame: every damaged bit is noticed, what is not understood is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "audit/crc32c.h"

static enum cb_code check_body(const char *body, struct cb_err *err)
{
    struct buf out;
    struct line_info info;
    buf_init(&out, 1U << 20);
    line_frame(&out, 7, 5, INT64_C(1784737382123456), slice_of(body));
    const enum cb_code code = line_check((struct slice){out.data, out.len - 1}, &info, err);
    buf_free(&out);
    return code;
}

static void test_frame_is_as_documented(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    line_frame(&out, 7, 5, INT64_C(1784737382123456), SLICE("\"type\":\"info.ok\",\"count\":1"));
    assert_string_equal(out.data,
                        "{\"v\":1,\"seq\":7,\"d\":5,\"ts\":\"2026-07-22T16:23:02.123456Z\","
                        "\"type\":\"info.ok\",\"count\":1,\"crc\":\"e0ed2c05\"}\n");
    uint64_t seq = 0;
    uint64_t batch_floor = 0;
    enum audit_type type = AUDIT_FAULT;
    struct cb_err err;
    assert_int_equal(
        audit_line_check((struct slice){out.data, out.len - 1}, &seq, &batch_floor, &type, &err),
        CB_OK);
    assert_int_equal(seq, 7);
    assert_int_equal(batch_floor, 5);
    assert_int_equal(type, AUDIT_INFO_OK);
    buf_free(&out);
}

static void test_every_bit_counts(void **state)
{
    (void)state;
    struct buf out;
    struct line_info info;
    struct cb_err err;
    buf_init(&out, 4096);
    line_frame(&out, 7, 5, 1, SLICE("\"type\":\"info.ok\",\"detail\":\"a \\u001b b\""));
    const size_t len = out.len - 1;
    assert_int_equal(line_check((struct slice){out.data, len}, &info, &err), CB_OK);
    for (size_t bit = 0; bit < len * 8; bit++) {
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << bit % 8));
        assert_int_not_equal(line_check((struct slice){out.data, len}, &info, &err), CB_OK);
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(line_check((struct slice){out.data, cut}, &info, &err), CB_ECORRUPT);
    }
    buf_free(&out);
}

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum cb_code code;
    } cases[] = {
        {"\"type\":\"info.ok\"", CB_OK},
        {"\"type\":\"info.ok\",\"ref\":3,\"req\":\"ab\"", CB_OK},
        {"\"type\":\"info.ok\",\"of_the_future\":{\"x\":[1,null,-2]}", CB_OK},
        {"", CB_EINPUT},
        {"\"type\":\"info.OK\"", CB_EINPUT},
        {"\"type\":1", CB_EINPUT},
        {"\"seq\":1,\"type\":\"info.ok\"", CB_EINPUT},
        {"\"type\":\"info.ok\",", CB_EINPUT},
        {"\"type\":\"info.ok\"x", CB_EINPUT},
        {"\"type\":\"info.ok\",\"seq\":8", CB_EINPUT},
        {"\"type\":\"info.ok\",\"d\":8", CB_EINPUT},
        {"\"type\":\"info.ok\",\"v\":8", CB_EINPUT},
        {"\"type\":\"info.ok\",\"ts\":8", CB_EINPUT},
        {"\"type\":\"info.ok\",\"type\":\"info.ok\"", CB_EINPUT},
        {"\"type\":\"info.ok\",\"crc\":\"00000000\"", CB_EINPUT},
        {"\"type\":\"info.ok\",\"ref\":\"3\"", CB_EINPUT},
        {"\"type\":\"info.ok\",\"ref\":3,\"ref\":4", CB_EINPUT},
        {"\"type\":\"info.ok\",\"req\":\"a\",\"req\":\"b\"", CB_EINPUT},
        {"\"type\":\"info.ok\",\"count\":1.5", CB_EINPUT},
        {"\"type\":\"info.ok\"}", CB_EINPUT},
    };
    struct cb_err err;
    struct line_info info;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check_body(cases[i].body, &err), cases[i].code);
        assert_int_equal(line_check_body(slice_of(cases[i].body), &info, &err), cases[i].code);
    }
}

/* with_crc - text is the line up to ,"crc": the right checksum is put behind it. */
static enum cb_code check_head(const char *text, struct cb_err *err)
{
    struct buf out;
    struct line_info info;
    char hex[CRC32C_HEX_LEN];
    buf_init(&out, 4096);
    buf_add_str(&out, text);
    crc32c_hex(crc32c(slice_of(text)), hex);
    buf_add_slice(&out, SLICE(",\"crc\":\""));
    buf_add(&out, hex, sizeof(hex));
    buf_add_slice(&out, SLICE("\"}"));
    const enum cb_code code = line_check(buf_slice(&out), &info, err);
    buf_free(&out);
    return code;
}

#define TS "\"ts\":\"2026-07-22T16:23:02.123456Z\",\"type\":\"info.ok\""

static void test_heads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cb_code code;
    } cases[] = {
        {"{\"v\":1,\"seq\":7,\"d\":5," TS, CB_OK},
        {"{\"v\":1,\"seq\":7,\"d\":7," TS, CB_OK},
        {"{\"v\":2,\"seq\":7,\"d\":5," TS, CB_EINPUT},
        {"{\"v\":1,\"seq\":7,\"d\":8," TS, CB_EINPUT},
        {"{\"v\":1,\"seq\":07,\"d\":5," TS, CB_EINPUT},
        {"{\"v\":1,\"seq\":\"7\",\"d\":5," TS, CB_EINPUT},
        {"{\"v\":1,\"d\":5,\"seq\":7," TS, CB_EINPUT},
        {"{\"seq\":7,\"v\":1,\"d\":5," TS, CB_EINPUT},
        {"{ \"v\":1,\"seq\":7,\"d\":5," TS, CB_EINPUT},
        {"{\"v\":1,\"seq\":7,\"d\":5,\"ts\":\"2026-07-22T16:23:02Z\",\"type\":\"info.ok\"",
         CB_EINPUT},
        {"{\"v\":1,\"seq\":7,\"d\":5,\"ts\":\"2026-13-22T16:23:02.123456Z\",\"type\":\"info.ok\"",
         CB_EINPUT},
        {"[\"v\":1,\"seq\":7,\"d\":5," TS, CB_EINPUT},
        {"x", CB_EINPUT},
    };
    struct cb_err err;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (check_head(cases[i].text, &err) != cases[i].code) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void test_length_limit(void **state)
{
    (void)state;
    struct buf body;
    struct cb_err err;
    struct line_info info;
    buf_init(&body, 1U << 20);
    buf_add_str(&body, "\"type\":\"info.ok\",\"x\":\"");
    while (body.len < LINE_BODY_MAX - 1) {
        buf_add_char(&body, 'x');
    }
    buf_add_char(&body, '"');
    assert_int_equal(line_check_body(buf_slice(&body), &info, &err), CB_OK);
    /* The longest body in the longest frame is still a line. */
    struct buf line;
    buf_init(&line, 1U << 20);
    line_frame(&line, SCAN_NUMBER_MAX, SCAN_NUMBER_MAX, 1, buf_slice(&body));
    assert_true(line.len <= AUDIT_LINE_MAX);
    assert_int_equal(line_check((struct slice){line.data, line.len - 1}, &info, &err), CB_OK);
    buf_free(&line);
    body.data[body.len - 1] = 'x';
    buf_add_char(&body, '"');
    assert_int_equal(line_check_body(buf_slice(&body), &info, &err), CB_EINPUT);
    buf_free(&body);
}

static void test_proof_of_later_records(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    buf_add_str(&out, "{\"v\":1,\"seq\":6,damaged\x0b");
    const size_t start = out.len;
    line_frame(&out, 9, 8, 1, SLICE("\"type\":\"info.ok\""));
    const struct slice glued = {out.data, out.len - 1};
    assert_true(line_proves_later(glued, 7));
    assert_false(line_proves_later(glued, 8)); /* of the same batch */
    assert_false(line_proves_later((struct slice){out.data, start}, 0));
    assert_false(line_proves_later((struct slice){out.data, out.len - 2}, 0));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_is_as_documented),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_length_limit),
        cmocka_unit_test(test_proof_of_later_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
