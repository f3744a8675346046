/* test_base64.c - RFC 4648's own examples, every length both ways, and every misspelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/base64.h"

static void test_rfc4648(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"},
                 {"\xfb\xff\xbf", "+/+/"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char back[16];
        size_t len = 99;
        struct buf out;
        buf_init(&out, 64);
        buf_add_base64(&out, cases[i].bytes, strlen(cases[i].bytes));
        assert_true(slice_eq_str(buf_slice(&out), cases[i].text));
        assert_true(base64_decode(slice_of(cases[i].text), back, sizeof(back), &len));
        assert_int_equal(len, strlen(cases[i].bytes));
        assert_memory_equal(back, cases[i].bytes, len);
        buf_free(&out);
    }
}

static void test_every_length(void **state)
{
    (void)state;
    unsigned char bytes[200];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(i * 167 + 13);
    }
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        unsigned char back[sizeof(bytes)];
        size_t back_len = 0;
        struct buf out;
        struct buf again;
        buf_init(&out, 400);
        buf_init(&again, 400);
        buf_add_base64(&out, bytes, len);
        assert_int_equal(out.len, BASE64_LEN(len));
        assert_true(base64_decode(buf_slice(&out), back, sizeof(back), &back_len));
        assert_int_equal(back_len, len);
        assert_memory_equal(back, bytes, len);
        assert_true(base64_decode_buf(buf_slice(&out), &again));
        assert_int_equal(again.len, len);
        assert_true(len == 0 || memcmp(again.data, bytes, len) == 0);
        buf_free(&out);
        buf_free(&again);
    }
}

/* More than there is room for is counted, not written. */
static void test_room(void **state)
{
    (void)state;
    unsigned char out[4] = {9, 9, 9, 9};
    size_t len = 0;
    assert_true(base64_decode(SLICE("Zm9vYmFy"), out, 3, &len));
    assert_int_equal(len, 6);
    assert_memory_equal(out, "foo\x09", 4);
    struct buf small;
    buf_init(&small, 5);
    assert_false(base64_decode_buf(SLICE("Zm9vYmFy"), &small));
    buf_free(&small);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",
        "Zg",
        "Zg=",
        "Zg===",
        "=",
        "====",
        "=g==",
        "Z===",
        "Zh==",
        "Zm9=",
        "Zm9vZg",
        "Zg==Zm9v",
        "Zm8=Zm9v",
        "Zm9v\n",
        "Zm9 ",
        " Zm9",
        "Zm-v",
        "Zm_v",
        "Zm9v====",
        "Z\xc3\xa9"
        "v",
        "Zg=v",
        "Z=9v",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unsigned char out[16];
        size_t len = 77;
        struct buf buf;
        buf_init(&buf, 16);
        if (base64_decode(slice_of(bad[i]), out, sizeof(out), &len) ||
            base64_decode_buf(slice_of(bad[i]), &buf)) {
            fail_msg("\"%s\" was taken for base64", bad[i]);
        }
        assert_int_equal(len, 77);
        buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rfc4648),
                                       cmocka_unit_test(test_every_length),
                                       cmocka_unit_test(test_room), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
