/* http_read.c - reads the request line and the headers, byte by byte through a small state table.
 *
 * What it does: RFC 9112 request heads, without anything the RFC marks as obsolete or optional to
 * tolerate. What it does not do: bodies (the connection counts them), routing, decoding of paths.
 * The words of each refusal are part of our interface: audit records and tests use them. */
#include "broker/edge/http_read.h"

/* ---------------------------------------------------------------- refusals */

struct refusal_row {
    int status;
    const char *word;
};

static const struct refusal_row refusals[HTTP_REFUSAL_COUNT] = {
    [HTTP_REFUSAL_NONE] = {0, ""},
    /* The request line. */
    [HTTP_REFUSAL_BAD_METHOD] = {400, "bad_method"},
    [HTTP_REFUSAL_BAD_PATH] = {400, "bad_path"},
    [HTTP_REFUSAL_BAD_VERSION] = {400, "bad_version"},
    [HTTP_REFUSAL_BAD_LINE_END] = {400, "bad_line_end"},
    [HTTP_REFUSAL_LINE_TOO_LONG] = {414, "request_line_too_long"},
    /* The headers' form. */
    [HTTP_REFUSAL_HEAD_TOO_LARGE] = {431, "head_too_large"},
    [HTTP_REFUSAL_TOO_MANY_HEADERS] = {431, "too_many_headers"},
    [HTTP_REFUSAL_FOLDED_HEADER] = {400, "folded_header"},
    [HTTP_REFUSAL_BAD_HEADER_NAME] = {400, "bad_header_name"},
    [HTTP_REFUSAL_BAD_HEADER_VALUE] = {400, "bad_header_value"},
    [HTTP_REFUSAL_DUPLICATE_HEADER] = {400, "duplicate_header"},
    /* The headers' meaning. */
    [HTTP_REFUSAL_MISSING_HOST] = {400, "missing_host"},
    [HTTP_REFUSAL_BAD_HOST] = {400, "bad_host"},
    [HTTP_REFUSAL_TRANSFER_ENCODING] = {411, "transfer_encoding"},
    [HTTP_REFUSAL_BAD_CONTENT_LENGTH] = {400, "bad_content_length"},
    [HTTP_REFUSAL_LENGTH_REQUIRED] = {411, "length_required"},
    [HTTP_REFUSAL_UNEXPECTED_BODY] = {400, "unexpected_body"},
    [HTTP_REFUSAL_BODY_TOO_LARGE] = {413, "body_too_large"},
    [HTTP_REFUSAL_BAD_EXPECT] = {417, "bad_expect"},
    /* The connection's own. */
    [HTTP_REFUSAL_DEADLINE] = {408, "deadline"},
    [HTTP_REFUSAL_NO_MEMORY] = {503, "no_memory"},
};

int http_refusal_status(enum http_refusal refusal)
{
    return refusals[refusal].status;
}

const char *http_refusal_word(enum http_refusal refusal)
{
    return refusals[refusal].word;
}

static enum http_read_status refuse(struct http_reader *r, enum http_refusal why)
{
    r->refusal = why;
    r->status = HTTP_READ_REFUSED;
    return HTTP_READ_REFUSED;
}

/* ---------------------------------------------------------------- bytes */

/* is_token - RFC 9110 5.6.2 "tchar": what a method and a header name are made of. */
static bool is_token(char c)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    return ascii_is_alnum(c) || (c != '\0' && strchr(marks, c) != NULL);
}

/* is_path - printable, no space. '#' never belongs in a request target (RFC 9112 3.2). */
static bool is_path(char c)
{
    return c > 0x20 && c < 0x7f && c != '#';
}

/* is_value - no control characters, and nothing above ASCII: two readers may see two encodings. */
static bool is_value(char c)
{
    return c == '\t' || ascii_is_print(c);
}

static bool is_host(char c)
{
    return ascii_is_alnum(c) || (c != '\0' && strchr(".-_:[]", c) != NULL);
}

/* ---------------------------------------------------------------- the state machine */

/* In the order in which a head goes through them; HEADER_* repeat. */
enum read_state {
    AT_METHOD,
    AT_PATH,
    AT_VERSION,
    AT_LINE_LF,      /* the LF of the request line */
    AT_HEADER_START, /* a name, or the CR of the empty line */
    AT_HEADER_NAME,
    AT_VALUE_START, /* spaces after the colon */
    AT_VALUE,
    AT_VALUE_LF,
    AT_END_LF, /* the last LF of the head */
};

static struct http_span span_from_mark(const struct http_reader *r)
{
    return (struct http_span){r->mark, r->at - r->mark, true};
}

static struct slice span_slice(const struct http_reader *r, struct http_span s)
{
    return s.is_set ? (struct slice){r->text.data + s.start, s.len} : (struct slice){NULL, 0};
}

/* Each state's function looks at the byte at r->at: it leaves r->at on it or moves on by one, and
 * returns MORE to go on. */
static enum http_read_status go(struct http_reader *r, enum read_state next)
{
    r->state = next;
    r->at++;
    r->mark = r->at;
    return HTTP_READ_MORE;
}

static enum http_read_status stay(struct http_reader *r)
{
    r->at++;
    return HTTP_READ_MORE;
}

static enum http_read_status read_method(struct http_reader *r, char c)
{
    if (is_token(c)) {
        return stay(r);
    }
    if (c != ' ' || r->at == r->mark) {
        return refuse(r, HTTP_REFUSAL_BAD_METHOD);
    }
    r->method = span_from_mark(r);
    return go(r, AT_PATH);
}

static enum http_read_status read_path(struct http_reader *r, char c)
{
    if (is_path(c) && (r->at > r->mark || c == '/')) {
        return stay(r);
    }
    if (c != ' ' || r->at == r->mark) {
        return refuse(r, HTTP_REFUSAL_BAD_PATH);
    }
    r->path = span_from_mark(r);
    return go(r, AT_VERSION);
}

static enum http_read_status read_version(struct http_reader *r, char c)
{
    static const char expected[] = "HTTP/1.";
    const size_t i = r->at - r->mark;
    if (i < sizeof(expected) - 1) {
        return c == expected[i] ? stay(r) : refuse(r, HTTP_REFUSAL_BAD_VERSION);
    }
    if (i == sizeof(expected) - 1) {
        r->is_http10 = c == '0';
        return c == '0' || c == '1' ? stay(r) : refuse(r, HTTP_REFUSAL_BAD_VERSION);
    }
    if (c == '\n') {
        return refuse(r, HTTP_REFUSAL_BAD_LINE_END);
    }
    return c == '\r' ? go(r, AT_LINE_LF) : refuse(r, HTTP_REFUSAL_BAD_VERSION);
}

static enum http_read_status read_lf(struct http_reader *r, char c)
{
    return c == '\n' ? go(r, AT_HEADER_START) : refuse(r, HTTP_REFUSAL_BAD_LINE_END);
}

static enum http_read_status read_header_start(struct http_reader *r, char c)
{
    if (c == '\r') {
        return go(r, AT_END_LF);
    }
    if (c == '\n') {
        return refuse(r, HTTP_REFUSAL_BAD_LINE_END);
    }
    if (c == ' ' || c == '\t') {
        return refuse(r, HTTP_REFUSAL_FOLDED_HEADER);
    }
    if (!is_token(c)) {
        return refuse(r, HTTP_REFUSAL_BAD_HEADER_NAME);
    }
    if (r->num_headers == HTTP_HEADERS_MAX) {
        return refuse(r, HTTP_REFUSAL_TOO_MANY_HEADERS);
    }
    r->num_headers++;
    r->state = AT_HEADER_NAME;
    return stay(r);
}

static enum http_read_status read_header_name(struct http_reader *r, char c)
{
    if (is_token(c)) {
        return stay(r);
    }
    if (c != ':') {
        return refuse(r, HTTP_REFUSAL_BAD_HEADER_NAME);
    }
    r->name = span_from_mark(r);
    return go(r, AT_VALUE_START);
}

static const char *const header_names[HTTP_HEADER_COUNT] = {
    [HTTP_HEADER_HOST] = "Host",
    [HTTP_HEADER_CONTENT_LENGTH] = "Content-Length",
    [HTTP_HEADER_TRANSFER_ENCODING] = "Transfer-Encoding",
    [HTTP_HEADER_EXPECT] = "Expect",
    [HTTP_HEADER_CONNECTION] = "Connection",
    [HTTP_HEADER_AUTHORIZATION] = "Authorization",
    [HTTP_HEADER_CONTENT_TYPE] = "Content-Type",
    [HTTP_HEADER_IDEMPOTENCY_KEY] = "Idempotency-Key",
    [HTTP_HEADER_REQUEST_ID] = "X-Request-ID",
    [HTTP_HEADER_TRACEPARENT] = "traceparent",
};

/* keep_header - remember the value if the name means something here. */
static enum http_read_status keep_header(struct http_reader *r)
{
    const struct slice name = span_slice(r, r->name);
    struct http_span value = span_from_mark(r);
    value.len = slice_trim(span_slice(r, value)).len; /* it starts with no space */
    for (size_t i = 0; i < HTTP_HEADER_COUNT; i++) {
        if (!slice_eq_nocase(name, slice_of(header_names[i]))) {
            continue;
        }
        if (r->found[i].is_set) {
            return refuse(r, HTTP_REFUSAL_DUPLICATE_HEADER);
        }
        r->found[i] = value;
        break;
    }
    return go(r, AT_VALUE_LF);
}

static enum http_read_status read_value(struct http_reader *r, char c)
{
    if (r->state == AT_VALUE_START && (c == ' ' || c == '\t')) {
        return go(r, AT_VALUE_START);
    }
    r->state = AT_VALUE;
    if (is_value(c)) {
        return stay(r);
    }
    if (c == '\n') {
        return refuse(r, HTTP_REFUSAL_BAD_LINE_END);
    }
    return c == '\r' ? keep_header(r) : refuse(r, HTTP_REFUSAL_BAD_HEADER_VALUE);
}

/* ---------------------------------------------------------------- meaning, once all is there */

static enum http_refusal check_transfer_encoding(struct http_reader *r)
{
    /* Also beside a Content-Length, also "identity": we never decode any. */
    return r->found[HTTP_HEADER_TRANSFER_ENCODING].is_set ? HTTP_REFUSAL_TRANSFER_ENCODING
                                                          : HTTP_REFUSAL_NONE;
}

static enum http_refusal check_host(struct http_reader *r)
{
    const struct slice host = r->head.host;
    if (host.ptr == NULL) {
        return r->is_http10 ? HTTP_REFUSAL_NONE : HTTP_REFUSAL_MISSING_HOST;
    }
    if (host.len == 0 || host.len > HTTP_HOST_MAX) {
        return HTTP_REFUSAL_BAD_HOST;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host(host.ptr[i])) {
            return HTTP_REFUSAL_BAD_HOST;
        }
    }
    return HTTP_REFUSAL_NONE;
}

static enum http_refusal check_length(struct http_reader *r)
{
    const struct http_span found = r->found[HTTP_HEADER_CONTENT_LENGTH];
    if (!found.is_set) {
        return r->head.method == HTTP_POST ? HTTP_REFUSAL_LENGTH_REQUIRED : HTTP_REFUSAL_NONE;
    }
    const struct slice text = span_slice(r, found);
    uint64_t length = 0;
    if (!slice_to_u64(text, &length)) {
        return HTTP_REFUSAL_BAD_CONTENT_LENGTH;
    }
    if (text.len > HTTP_LENGTH_DIGITS_MAX || length > r->max_body) {
        return HTTP_REFUSAL_BODY_TOO_LARGE;
    }
    if (length > 0 && r->head.method == HTTP_GET) {
        return HTTP_REFUSAL_UNEXPECTED_BODY;
    }
    r->content_length = (size_t)length;
    return HTTP_REFUSAL_NONE;
}

static enum http_refusal check_expect(struct http_reader *r)
{
    const struct http_span found = r->found[HTTP_HEADER_EXPECT];
    if (!found.is_set || r->is_http10) { /* RFC 9110 10.1.1: HTTP/1.0 knows no Expect */
        return HTTP_REFUSAL_NONE;
    }
    if (!slice_eq_nocase(span_slice(r, found), SLICE("100-continue"))) {
        return HTTP_REFUSAL_BAD_EXPECT;
    }
    r->expects_continue = r->content_length > 0;
    return HTTP_REFUSAL_NONE;
}

static enum http_refusal check_connection(struct http_reader *r)
{
    struct slice rest = span_slice(r, r->found[HTTP_HEADER_CONNECTION]);
    r->head.keep_alive = !r->is_http10;
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        const size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.ptr);
        if (slice_eq_nocase(slice_trim((struct slice){rest.ptr, len}), SLICE("close"))) {
            r->head.keep_alive = false;
        }
        const size_t used = comma == NULL ? len : len + 1;
        rest.ptr += used;
        rest.len -= used;
    }
    return HTTP_REFUSAL_NONE;
}

/* fill_head - slices for whatever is known so far. */
static void fill_head(struct http_reader *r)
{
    struct http_head *h = &r->head;
    h->method_text = span_slice(r, r->method);
    h->method = slice_eq(h->method_text, SLICE("GET"))    ? HTTP_GET
                : slice_eq(h->method_text, SLICE("POST")) ? HTTP_POST
                                                          : HTTP_OTHER;
    h->path = span_slice(r, r->path);
    h->host = span_slice(r, r->found[HTTP_HEADER_HOST]);
    h->authorization = span_slice(r, r->found[HTTP_HEADER_AUTHORIZATION]);
    h->content_type = span_slice(r, r->found[HTTP_HEADER_CONTENT_TYPE]);
    h->idempotency_key = span_slice(r, r->found[HTTP_HEADER_IDEMPOTENCY_KEY]);
    h->request_id = span_slice(r, r->found[HTTP_HEADER_REQUEST_ID]);
    h->traceparent = span_slice(r, r->found[HTTP_HEADER_TRACEPARENT]);
}

static enum http_read_status read_end(struct http_reader *r, char c)
{
    /* In this order: the framing first, so that its answer does not depend on the rest. */
    static enum http_refusal (*const checks[])(struct http_reader *) = {
        check_transfer_encoding, check_host, check_length, check_expect, check_connection,
    };
    if (c != '\n') {
        return refuse(r, HTTP_REFUSAL_BAD_LINE_END);
    }
    r->at++;
    fill_head(r);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        const enum http_refusal why = checks[i](r);
        if (why != HTTP_REFUSAL_NONE) {
            return refuse(r, why);
        }
    }
    r->status = HTTP_READ_COMPLETE;
    return HTTP_READ_COMPLETE;
}

typedef enum http_read_status (*read_fn)(struct http_reader *, char);

static const read_fn read_fns[] = {
    [AT_METHOD] = read_method,
    [AT_PATH] = read_path,
    [AT_VERSION] = read_version,
    [AT_LINE_LF] = read_lf,
    [AT_HEADER_START] = read_header_start,
    [AT_HEADER_NAME] = read_header_name,
    [AT_VALUE_START] = read_value,
    [AT_VALUE] = read_value,
    [AT_VALUE_LF] = read_lf,
    [AT_END_LF] = read_end,
};

/* scan - read what is in text from r->at on. */
static void scan(struct http_reader *r)
{
    while (r->at < r->text.len) {
        if (r->state <= AT_VERSION && r->at >= HTTP_REQUEST_LINE_MAX) {
            (void)refuse(r, HTTP_REFUSAL_LINE_TOO_LONG);
            return;
        }
        if (read_fns[r->state](r, r->text.data[r->at]) != HTTP_READ_MORE) {
            return;
        }
    }
    if (r->at >= r->text.cap) {
        (void)refuse(r, r->state <= AT_VERSION ? HTTP_REFUSAL_LINE_TOO_LONG
                                               : HTTP_REFUSAL_HEAD_TOO_LARGE);
    }
}

/* ---------------------------------------------------------------- outside */

void http_reader_init(struct http_reader *r, size_t max_head, size_t max_body)
{
    *r = (struct http_reader){.max_body = max_body, .head.method = HTTP_OTHER};
    buf_init_secret(&r->text, max_head);
}

void http_reader_reset(struct http_reader *r)
{
    struct buf text = r->text;
    buf_reset(&text);
    *r = (struct http_reader){.text = text, .max_body = r->max_body, .head.method = HTTP_OTHER};
}

void http_reader_free(struct http_reader *r)
{
    buf_free(&r->text);
    r->head = (struct http_head){.method = HTTP_OTHER};
}

size_t http_reader_feed(struct http_reader *r, const char *data, size_t len)
{
    if (r->status != HTTP_READ_MORE) {
        return 0;
    }
    const size_t before = r->text.len;
    const size_t room = r->text.cap - before;
    buf_add(&r->text, data, len < room ? len : room);
    if (!buf_ok(&r->text)) {
        r->found[HTTP_HEADER_AUTHORIZATION].is_set = false;
        (void)refuse(r, HTTP_REFUSAL_NO_MEMORY);
        return len;
    }
    scan(r);
    if (r->status == HTTP_READ_REFUSED) {
        fill_head(r);
        return r->text.len - before;
    }
    /* What came after the head is not ours: it is read again as body or next request. */
    secret_wipe(r->text.data + r->at, r->text.len - r->at);
    r->text.len = r->at;
    return r->at - before;
}
