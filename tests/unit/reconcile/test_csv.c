/* test_csv.c - RFC 4180, whatever pieces the bytes come in, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/reconcile/csv.h"

/* on_row - fields as <a><b>, rows ended by a semicolon. */
static enum cb_code on_row(void *ctx, const struct slice *fields, size_t num, uint64_t line,
                           struct cb_err *err)
{
    struct buf *out = ctx;
    (void)err;
    buf_printf(out, "%llu", (unsigned long long)line);
    for (size_t i = 0; i < num; i++) {
        buf_add_char(out, '<');
        buf_add_slice(out, fields[i]);
        buf_add_char(out, '>');
    }
    buf_add_char(out, ';');
    return CB_OK;
}

/* read - in pieces of so many bytes. */
static enum cb_code read_csv(struct slice text, size_t piece, struct buf *out, struct cb_err *err)
{
    struct csv c;
    enum cb_code code = CB_OK;
    buf_init(out, 4U << 20);
    csv_init(&c, on_row, out);
    for (size_t at = 0; at < text.len && code == CB_OK; at += piece) {
        const size_t len = text.len - at < piece ? text.len - at : piece;
        code = csv_feed(&c, (struct slice){text.ptr + at, len}, err);
    }
    code = code == CB_OK ? csv_end(&c, err) : code;
    csv_free(&c);
    return code;
}

static const struct {
    const char *text, *rows;
} good[] = {
    {"", ""},
    {"a", "1<a>;"},
    {"a\n", "1<a>;"},
    {"a,b\r\nc,d\r\n", "1<a><b>;2<c><d>;"},
    {"a,b\nc,d", "1<a><b>;2<c><d>;"},
    {",\n,\n", "1<><>;2<><>;"},
    {"\"a\",b\n", "1<a><b>;"},
    {"\"a,b\",\"c\"\"d\"\n", "1<a,b><c\"d>;"},
    {"\"x\ny\",1\n\"z\",2\n", "1<x\ny><1>;3<z><2>;"},
    {"\"\"\n\"\"\n", "1<>;2<>;"},
    {"\"\"\"\"\n", "1<\">;"},
    {"a b, c\n", "1<a b>< c>;"},
    {"\"a\r\nb\"\r\n", "1<a\r\nb>;"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (size_t piece = 1; piece < 8; piece++) {
            struct buf out;
            struct cb_err err = {0};
            if (read_csv(slice_of(good[i].text), piece, &out, &err) != CB_OK) {
                fail_msg("%s: %s", good[i].text, err.msg);
            }
            assert_string_equal(buf_slice(&out).ptr, good[i].rows);
            buf_free(&out);
        }
    }
}

static const struct {
    struct slice text;
    const char *told;
} bad[] = {
    {{"a,b\nc\n", 6}, "line 2: 1 fields, the first line has 2"},
    {{"a\nb,c\n", 6}, "line 2: 2 fields"},
    {{"a\"b\n", 4}, "line 1: a quote inside"},
    {{"x\n\"a\"b\n", 7}, "line 2: text behind"},
    {{"\"a", 2}, "line 1: a quoted field that does not end"},
    {{"a\rb\n", 4}, "line 1: a carriage return"},
    {{"a\r", 2}, "line 1: a carriage return"},
    {{"a\0b\n", 4}, "NUL"},
    {{"\"a\0b\"\n", 6}, "NUL"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t piece = 1; piece < 8; piece++) {
            struct buf out;
            struct cb_err err = {0};
            assert_int_equal(read_csv(bad[i].text, piece, &out, &err), CB_EINPUT);
            if (strstr(err.msg, bad[i].told) == NULL) {
                fail_msg("%zu: %s", i, err.msg);
            }
            buf_free(&out);
        }
    }
}

static void test_limits(void **state)
{
    struct buf text;
    struct buf out;
    struct cb_err err = {0};
    (void)state;
    buf_init(&text, 8U << 20);
    for (unsigned i = 0; i < CSV_COLUMNS_MAX; i++) {
        buf_add_str(&text, "x,");
    }
    assert_int_equal(read_csv(buf_slice(&text), 4096, &out, &err), CB_ELIMIT);
    buf_free(&out);
    buf_reset(&text);
    buf_add_char(&text, '"');
    for (size_t i = 0; i <= CSV_ROW_MAX; i++) {
        buf_add_char(&text, 'x');
    }
    assert_int_equal(read_csv(buf_slice(&text), 4096, &out, &err), CB_ELIMIT);
    buf_free(&out);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
