/* test_http_read.c - every request shape that is known to confuse HTTP readers, and the good ones.
 * Each is fed whole, byte by byte, and cut in two at every place: the answer must be the same. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "broker/edge/http_read.h"

#define MAX_HEAD 1024
#define MAX_BODY 65536

struct row {
    const char *name;
    const char *bytes;
    size_t len;
    const char *word; /* "": a good head */
};

#define ROW(name, text, word)                                                                      \
    {                                                                                              \
        name, text, sizeof(text) - 1, word                                                         \
    }
#define H "Host: a\r\n"
#define POST(headers) "POST /p HTTP/1.1\r\n" H headers "\r\n"
#define GET(headers) "GET /p HTTP/1.1\r\n" H headers "\r\n"

static const struct row rows[] = {
    /* Good ones. */
    ROW("plain get", GET(""), ""),
    ROW("plain post", POST("Content-Length: 5\r\n"), ""),
    ROW("post of nothing", POST("Content-Length: 0\r\n"), ""),
    ROW("get that says it has no body", GET("Content-Length: 0\r\n"), ""),
    ROW("1.0 without host", "GET / HTTP/1.0\r\n\r\n", ""),
    ROW("no space after the colon", GET("A:b\r\n"), ""),
    ROW("spaces and tabs around a value", GET("A: \t b \t\r\n"), ""),
    ROW("tab inside a value", GET("A: b\tc\r\n"), ""),
    ROW("empty value", GET("A:\r\n"), ""),
    ROW("odd but legal name", GET("!#$%&'*+-.^_`|~9: b\r\n"), ""),
    ROW("repeated header without meaning", GET("Accept: a\r\nAccept: b\r\n"), ""),
    ROW("query and percent", "GET /a%2e?b=c;d&e HTTP/1.1\r\n" H "\r\n", ""),
    ROW("other method", "DELETE /a HTTP/1.1\r\n" H "\r\n", ""),
    ROW("lower-case method is another method", "get /a HTTP/1.1\r\n" H "\r\n", ""),
    ROW("put with a body", "PUT /a HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n", ""),
    ROW("largest body", POST("Content-Length: 65536\r\n"), ""),
    ROW("upgrade is ignored", GET("Upgrade: h2c\r\nConnection: Upgrade\r\n"), ""),
    ROW("forwarded headers mean nothing", GET("X-Forwarded-For: 1\r\nX-Client-Cert: x\r\n"), ""),
    ROW("ipv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", ""),
    ROW("expect", POST("Content-Length: 1\r\nExpect: 100-Continue\r\n"), ""),
    ROW("expect in 1.0 is ignored", "GET / HTTP/1.0\r\nExpect: tea\r\n\r\n", ""),
    /* The request line. */
    ROW("empty line first", "\r\nGET / HTTP/1.1\r\n" H "\r\n", "bad_method"),
    ROW("space first", " GET / HTTP/1.1\r\n" H "\r\n", "bad_method"),
    ROW("no method", " / HTTP/1.1\r\n" H "\r\n", "bad_method"),
    ROW("method with a bracket", "G(T / HTTP/1.1\r\n" H "\r\n", "bad_method"),
    ROW("method with NUL", "GE\0T / HTTP/1.1\r\n" H "\r\n", "bad_method"),
    ROW("tab after method", "GET\t/ HTTP/1.1\r\n" H "\r\n", "bad_method"),
    ROW("TLS hello", "\x16\x03\x01\x02\x00\x01", "bad_method"),
    ROW("method only", "GET\r\n", "bad_method"),
    ROW("two spaces", "GET  / HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("absolute form", "GET http://a/ HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("authority form", "CONNECT a:443 HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("asterisk form", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad_path"),
    ROW("tab in path", "GET /a\tb HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("NUL in path", "GET /a\0b HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("DEL in path", "GET /a\x7f HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("UTF-8 in path", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("fragment in path", "GET /a#b HTTP/1.1\r\n" H "\r\n", "bad_path"),
    ROW("HTTP/0.9", "GET /\r\n", "bad_path"),
    ROW("space in path", "GET /a b HTTP/1.1\r\n" H "\r\n", "bad_version"),
    ROW("HTTP/0.9 by number", "GET / HTTP/0.9\r\n" H "\r\n", "bad_version"),
    ROW("HTTP/0.5", "GET / HTTP/0.5\r\n" H "\r\n", "bad_version"),
    ROW("HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n", "bad_version"),
    ROW("HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n", "bad_version"),
    ROW("HTTP/1.10", "GET / HTTP/1.10\r\n" H "\r\n", "bad_version"),
    ROW("HTTP/01.1", "GET / HTTP/01.1\r\n" H "\r\n", "bad_version"),
    ROW("overflowing version", "GET / HTTP/4294967297.1\r\n" H "\r\n", "bad_version"),
    ROW("lower-case version", "GET / http/1.1\r\n" H "\r\n", "bad_version"),
    ROW("space after version", "GET / HTTP/1.1 \r\n" H "\r\n", "bad_version"),
    ROW("no version", "GET / \r\n" H "\r\n", "bad_version"),
    ROW("bare LF after the line", "GET / HTTP/1.1\n" H "\r\n", "bad_line_end"),
    ROW("bare CR after the line", "GET / HTTP/1.1\rHost: a\r\n\r\n", "bad_line_end"),
    ROW("CR CR LF", "GET / HTTP/1.1\r\r\n" H "\r\n", "bad_line_end"),
    /* Header form. */
    ROW("bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n", "bad_line_end"),
    ROW("bare CR in a value", GET("A: b\rc\r\n"), "bad_line_end"),
    ROW("bare LF at the end", "GET / HTTP/1.1\r\n" H "\n", "bad_line_end"),
    ROW("bare CR at the end", "GET / HTTP/1.1\r\n" H "\rX", "bad_line_end"),
    ROW("LF smuggles a length", GET("A: b\nContent-Length: 5\r\n"), "bad_line_end"),
    ROW("folded by space", GET("A: b\r\n c\r\n"), "folded_header"),
    ROW("folded by tab", GET("A: b\r\n\tc\r\n"), "folded_header"),
    ROW("space before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "folded_header"),
    ROW("space before the colon", GET("Content-Length : 5\r\n"), "bad_header_name"),
    ROW("tab before the colon", GET("Transfer-Encoding\t: chunked\r\n"), "bad_header_name"),
    ROW("host with a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "bad_header_name"),
    ROW("empty name", GET(": b\r\n"), "bad_header_name"),
    ROW("no colon", GET("Ab\r\n"), "bad_header_name"),
    ROW("bracket in name", GET("A(b): c\r\n"), "bad_header_name"),
    ROW("non-ASCII in name", GET("A\xc3\xa4: c\r\n"), "bad_header_name"),
    ROW("NUL in name", GET("A\0b: c\r\n"), "bad_header_name"),
    ROW("slash in name", GET("A/b: c\r\n"), "bad_header_name"),
    ROW("NUL in value", GET("A: b\0c\r\n"), "bad_header_value"),
    ROW("vertical tab in value", GET("A: \x0b\r\n"), "bad_header_value"),
    ROW("ESC in value", GET("A: \x1b[0m\r\n"), "bad_header_value"),
    ROW("DEL in value", GET("A: \x7f\r\n"), "bad_header_value"),
    ROW("obs-text in value", GET("A: \xe4\r\n"), "bad_header_value"),
    /* Repeated. */
    ROW("two hosts", GET("Host: b\r\n"), "duplicate_header"),
    ROW("the same host twice", GET(H), "duplicate_header"),
    ROW("two lengths", POST("Content-Length: 1\r\nContent-Length: 2\r\n"), "duplicate_header"),
    ROW("the same length twice", POST("Content-Length: 1\r\ncontent-length: 1\r\n"),
        "duplicate_header"),
    ROW("two authorizations", GET("Authorization: a\r\nAUTHORIZATION: b\r\n"), "duplicate_header"),
    ROW("two idempotency keys", GET("Idempotency-Key: a\r\nIdempotency-Key: a\r\n"),
        "duplicate_header"),
    ROW("two request ids", GET("X-Request-ID: a\r\nx-request-id: b\r\n"), "duplicate_header"),
    ROW("two traceparents", GET("traceparent: a\r\nTraceparent: b\r\n"), "duplicate_header"),
    ROW("two content types", GET("Content-Type: a\r\nContent-Type: a\r\n"), "duplicate_header"),
    ROW("two connections", GET("Connection: close\r\nConnection: keep-alive\r\n"),
        "duplicate_header"),
    ROW("two expects", GET("Expect: 100-continue\r\nExpect: 100-continue\r\n"), "duplicate_header"),
    ROW("two encodings", POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: a\r\n"),
        "duplicate_header"),
    /* Host. */
    ROW("no host", "GET / HTTP/1.1\r\n\r\n", "missing_host"),
    ROW("empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad_host"),
    ROW("host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "bad_host"),
    ROW("host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "bad_host"),
    ROW("host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad_host"),
    ROW("host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "bad_host"),
    ROW("host with NUL", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", "bad_header_value"),
    /* Transfer-Encoding: never. */
    ROW("chunked", POST("Transfer-Encoding: chunked\r\n"), "transfer_encoding"),
    ROW("chunked and length", POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        "transfer_encoding"),
    ROW("chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "transfer_encoding"),
    ROW("identity", POST("Transfer-Encoding: identity\r\n"), "transfer_encoding"),
    ROW("gzip, chunked", POST("transfer-encoding: gzip, chunked\r\n"), "transfer_encoding"),
    ROW("empty encoding", POST("Transfer-Encoding:\r\n"), "transfer_encoding"),
    ROW("chunked with a parameter", POST("Transfer-Encoding: chunked;q=1\r\n"),
        "transfer_encoding"),
    ROW("chunked on get", GET("Transfer-Encoding: chunked\r\n"), "transfer_encoding"),
    ROW("encoding with NUL", POST("Transfer-Encoding: chunked\0\r\n"), "bad_header_value"),
    /* Content-Length. */
    ROW("post without length", POST(""), "length_required"),
    ROW("empty length", POST("Content-Length:\r\n"), "bad_content_length"),
    ROW("plus", POST("Content-Length: +3\r\n"), "bad_content_length"),
    ROW("minus", POST("Content-Length: -3\r\n"), "bad_content_length"),
    ROW("leading zero", POST("Content-Length: 03\r\n"), "bad_content_length"),
    ROW("hex", POST("Content-Length: 0x3\r\n"), "bad_content_length"),
    ROW("underscore", POST("Content-Length: 1_0\r\n"), "bad_content_length"),
    ROW("list", POST("Content-Length: 3, 3\r\n"), "bad_content_length"),
    ROW("comma", POST("Content-Length: 3,\r\n"), "bad_content_length"),
    ROW("fraction", POST("Content-Length: 3.0\r\n"), "bad_content_length"),
    ROW("inner space", POST("Content-Length: 1 0\r\n"), "bad_content_length"),
    ROW("length with NUL", POST("Content-Length: 3\0\r\n"), "bad_header_value"),
    ROW("past 64 bits", POST("Content-Length: 18446744073709551621\r\n"), "bad_content_length"),
    ROW("one too many", POST("Content-Length: 65537\r\n"), "body_too_large"),
    ROW("eight digits", POST("Content-Length: 10000000\r\n"), "body_too_large"),
    ROW("get with a body", GET("Content-Length: 1\r\n"), "unexpected_body"),
    /* Expect. */
    ROW("other expectation", POST("Content-Length: 1\r\nExpect: 200-ok\r\n"), "bad_expect"),
    ROW("expectation list", POST("Content-Length: 1\r\nExpect: 100-continue, x\r\n"), "bad_expect"),
};

struct result {
    enum http_read_status status;
    enum http_refusal refusal;
    size_t used;
};

static struct result feed_in_pieces(struct http_reader *r, const char *bytes, size_t len,
                                    size_t first, size_t step)
{
    struct result res = {0};
    size_t at = 0;
    size_t piece = first;
    http_reader_reset(r);
    while (at < len && r->status == HTTP_READ_MORE) {
        const size_t n = piece < len - at ? piece : len - at;
        res.used += http_reader_feed(r, bytes + at, n);
        at += n;
        piece = step;
    }
    res.status = r->status;
    res.refusal = r->refusal;
    return res;
}

static void check_same(const struct row *row, struct result a, struct result b, const char *how)
{
    if (a.status != b.status || a.refusal != b.refusal ||
        (a.status == HTTP_READ_COMPLETE && a.used != b.used)) {
        fail_msg("%s: %s gives %d/%s, whole gives %d/%s", row->name, how, (int)b.status,
                 http_refusal_word(b.refusal), (int)a.status, http_refusal_word(a.refusal));
    }
}

static void check_row(const struct row *row)
{
    struct http_reader r;
    http_reader_init(&r, MAX_HEAD, MAX_BODY);
    const struct result whole = feed_in_pieces(&r, row->bytes, row->len, row->len, 1);
    const enum http_read_status expected =
        row->word[0] == '\0' ? HTTP_READ_COMPLETE : HTTP_READ_REFUSED;
    if (whole.status != expected || strcmp(http_refusal_word(whole.refusal), row->word) != 0) {
        fail_msg("%s: expected \"%s\", got status %d \"%s\"", row->name, row->word,
                 (int)whole.status, http_refusal_word(whole.refusal));
    }
    if (expected == HTTP_READ_COMPLETE) {
        assert_int_equal(whole.used, row->len);
    }
    check_same(row, whole, feed_in_pieces(&r, row->bytes, row->len, 1, 1), "byte by byte");
    for (size_t cut = 1; cut < row->len; cut++) {
        check_same(row, whole, feed_in_pieces(&r, row->bytes, row->len, cut, row->len),
                   "cut in two");
    }
    http_reader_free(&r);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
    }
}

static void test_statuses(void **state)
{
    static const struct {
        enum http_refusal refusal;
        int status;
    } expected[] = {
        {HTTP_REFUSAL_LINE_TOO_LONG, 414},      {HTTP_REFUSAL_HEAD_TOO_LARGE, 431},
        {HTTP_REFUSAL_TOO_MANY_HEADERS, 431},   {HTTP_REFUSAL_TRANSFER_ENCODING, 411},
        {HTTP_REFUSAL_LENGTH_REQUIRED, 411},    {HTTP_REFUSAL_BODY_TOO_LARGE, 413},
        {HTTP_REFUSAL_BAD_EXPECT, 417},         {HTTP_REFUSAL_DEADLINE, 408},
        {HTTP_REFUSAL_DUPLICATE_HEADER, 400},   {HTTP_REFUSAL_UNEXPECTED_BODY, 400},
        {HTTP_REFUSAL_BAD_CONTENT_LENGTH, 400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(http_refusal_status(expected[i].refusal), expected[i].status);
    }
    for (int i = 1; i < HTTP_REFUSAL_COUNT; i++) {
        assert_in_range(http_refusal_status((enum http_refusal)i), 400, 599);
        assert_true(strlen(http_refusal_word((enum http_refusal)i)) > 0);
    }
}

static void test_values(void **state)
{
    static const char text[] = "POST /api/v1/x?y=1 HTTP/1.1\r\nhost: broker.test:8443\r\n"
                               "AUTHORIZATION:\tBearer abc \t\r\ncontent-type: application/json\r\n"
                               "Idempotency-Key: k\r\nX-Request-ID: r\r\nTraceParent: t\r\n"
                               "Content-Length: 12\r\nExpect: 100-continue\r\n\r\nBODYBODYBODY";
    struct http_reader r;
    (void)state;
    http_reader_init(&r, MAX_HEAD, MAX_BODY);
    const size_t used = http_reader_feed(&r, text, sizeof(text) - 1);
    assert_int_equal(r.status, HTTP_READ_COMPLETE);
    assert_string_equal(text + used, "BODYBODYBODY");
    assert_int_equal(r.head.method, HTTP_POST);
    assert_true(slice_eq_str(r.head.method_text, "POST"));
    assert_true(slice_eq_str(r.head.path, "/api/v1/x?y=1"));
    assert_true(slice_eq_str(r.head.host, "broker.test:8443"));
    assert_true(slice_eq_str(r.head.authorization, "Bearer abc"));
    assert_true(slice_eq_str(r.head.content_type, "application/json"));
    assert_true(slice_eq_str(r.head.idempotency_key, "k"));
    assert_true(slice_eq_str(r.head.request_id, "r"));
    assert_true(slice_eq_str(r.head.traceparent, "t"));
    assert_true(r.head.keep_alive);
    assert_true(r.expects_continue);
    assert_int_equal(r.content_length, 12);
    /* A completed reader takes no more. */
    assert_int_equal(http_reader_feed(&r, text, sizeof(text) - 1), 0);
    http_reader_free(&r);
}

static void test_absent_is_not_empty(void **state)
{
    static const char text[] = GET("Authorization:\r\n");
    struct http_reader r;
    (void)state;
    http_reader_init(&r, MAX_HEAD, MAX_BODY);
    (void)http_reader_feed(&r, text, sizeof(text) - 1);
    assert_int_equal(r.status, HTTP_READ_COMPLETE);
    assert_non_null(r.head.authorization.ptr);
    assert_int_equal(r.head.authorization.len, 0);
    assert_null(r.head.content_type.ptr);
    assert_null(r.head.idempotency_key.ptr);
    http_reader_free(&r);
}

static void test_keep_alive(void **state)
{
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {GET(""), true},
        {GET("Connection: keep-alive\r\n"), true},
        {GET("Connection: close\r\n"), false},
        {GET("Connection: Close\r\n"), false},
        {GET("Connection: keep-alive, close\r\n"), false},
        {GET("Connection: ,close ,x\r\n"), false},
        {GET("Connection: closed\r\n"), true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
    };
    struct http_reader r;
    (void)state;
    http_reader_init(&r, MAX_HEAD, MAX_BODY);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        http_reader_reset(&r);
        (void)http_reader_feed(&r, cases[i].text, strlen(cases[i].text));
        assert_int_equal(r.status, HTTP_READ_COMPLETE);
        assert_int_equal(r.head.keep_alive, cases[i].keep_alive);
    }
    http_reader_free(&r);
}

/* head_of - a head of exactly len bytes, by the length of one header's value. */
static char *head_of(size_t len)
{
    static const char front[] = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
    char *text = malloc(len);
    memset(text, 'x', len);
    memcpy(text, front, sizeof(front) - 1);
    memcpy(text + len - 4, "\r\n\r\n", 4);
    return text;
}

static void test_head_cap(void **state)
{
    struct http_reader r;
    (void)state;
    http_reader_init(&r, MAX_HEAD, MAX_BODY);
    for (size_t step = 1; step <= 4096; step *= 8) {
        char *fits = head_of(MAX_HEAD);
        char *not = head_of(MAX_HEAD + 1);
        assert_int_equal(feed_in_pieces(&r, fits, MAX_HEAD, step, step).status, HTTP_READ_COMPLETE);
        assert_int_equal(feed_in_pieces(&r, not, MAX_HEAD + 1, step, step).refusal,
                         HTTP_REFUSAL_HEAD_TOO_LARGE);
        free(fits);
        free(not );
    }
    http_reader_free(&r);
}

static void test_line_cap(void **state)
{
    static char text[HTTP_REQUEST_LINE_MAX + 64];
    static const char tail[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
    struct http_reader r;
    (void)state;
    http_reader_init(&r, 8192, MAX_BODY);
    for (size_t extra = 0; extra <= 1; extra++) {
        /* Method, space, path, space, version: HTTP_REQUEST_LINE_MAX - 1 bytes, then CR. */
        const size_t path_len = HTTP_REQUEST_LINE_MAX - 1 - 13 + extra;
        memcpy(text, "GET ", 4);
        memset(text + 4, 'p', path_len);
        text[4] = '/';
        memcpy(text + 4 + path_len, tail, sizeof(tail) - 1);
        const size_t len = 4 + path_len + sizeof(tail) - 1;
        for (size_t step = 1; step <= 4096; step *= 64) {
            const struct result res = feed_in_pieces(&r, text, len, step, step);
            assert_int_equal(res.status, extra == 0 ? HTTP_READ_COMPLETE : HTTP_READ_REFUSED);
            assert_int_equal(res.refusal,
                             extra == 0 ? HTTP_REFUSAL_NONE : HTTP_REFUSAL_LINE_TOO_LONG);
        }
    }
    /* A line that never ends is cut at the same place, also when the whole head may be shorter. */
    http_reader_free(&r);
    http_reader_init(&r, 256, MAX_BODY);
    assert_int_equal(feed_in_pieces(&r, text, sizeof(text), 7, 7).refusal,
                     HTTP_REFUSAL_LINE_TOO_LONG);
    http_reader_free(&r);
}

static void test_header_count(void **state)
{
    struct http_reader r;
    struct buf text;
    (void)state;
    http_reader_init(&r, 8192, MAX_BODY);
    buf_init(&text, 8192);
    for (unsigned extra = 0; extra <= 1; extra++) {
        buf_reset(&text);
        buf_add_str(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (unsigned i = 1; i < HTTP_HEADERS_MAX + extra; i++) {
            buf_add_str(&text, "A: b\r\n");
        }
        buf_add_str(&text, "\r\n");
        const struct result res = feed_in_pieces(&r, text.data, text.len, 100, 100);
        assert_int_equal(res.refusal,
                         extra == 0 ? HTTP_REFUSAL_NONE : HTTP_REFUSAL_TOO_MANY_HEADERS);
    }
    buf_free(&text);
    http_reader_free(&r);
}

/* Every byte value at every place of a good head: never a crash, and a control character or a
 * byte above ASCII is never part of a good head. */
static void test_every_byte_everywhere(void **state)
{
    static const char good[] = POST("Content-Length: 5\r\nAuthorization: Bearer x\r\n");
    char text[sizeof(good)];
    struct http_reader r;
    (void)state;
    http_reader_init(&r, MAX_HEAD, MAX_BODY);
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, good, sizeof(good));
            text[at] = (char)byte;
            const struct result res = feed_in_pieces(&r, text, sizeof(good) - 1, 4096, 1);
            const bool is_clean =
                (byte >= 0x20 && byte <= 0x7e) || byte == '\t' || byte == good[at];
            if (!is_clean) {
                assert_int_not_equal(res.status, HTTP_READ_COMPLETE);
            }
        }
    }
    http_reader_free(&r);
}

static void test_no_memory_is_a_refusal(void **state)
{
    struct http_reader r;
    (void)state;
    http_reader_init(&r, MAX_HEAD, MAX_BODY);
    r.text.failed = true; /* as after a malloc that returned NULL */
    (void)http_reader_feed(&r, "GET", 3);
    assert_int_equal(r.status, HTTP_READ_REFUSED);
    assert_int_equal(r.refusal, HTTP_REFUSAL_NO_MEMORY);
    assert_int_equal(r.head.method, HTTP_OTHER);
    http_reader_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_absent_is_not_empty),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_head_cap),
        cmocka_unit_test(test_line_cap),
        cmocka_unit_test(test_header_count),
        cmocka_unit_test(test_every_byte_everywhere),
        cmocka_unit_test(test_no_memory_is_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
