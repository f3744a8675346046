/* http_read.h - the strict HTTP/1.1 request head reader: bytes in, one head or one refusal out.
 *
 * It knows nothing of sockets or time. Anything that two HTTP implementations could read in two
 * ways is refused, because a proxy in front of us might read it the other way: see the table of
 * refusals in http_read.c for the whole list. Time is linear in the bytes fed, whatever the split;
 * how the bytes were split never changes the result. */
#ifndef BROKER_EDGE_HTTP_READ_H
#define BROKER_EDGE_HTTP_READ_H

#include "broker/base/buf.h"
#include "broker/edge/edge.h"

/* Beside the limits of struct edge_limits. */
#define HTTP_REQUEST_LINE_MAX 2048 /* bytes before its CRLF */
#define HTTP_HEADERS_MAX 64
#define HTTP_LENGTH_DIGITS_MAX 7
#define HTTP_HOST_MAX 261 /* a DNS name, a colon and a port */

/* Why a request is refused. Each has one status and one stable word: http_refusal_word. */
enum http_refusal {
    HTTP_REFUSAL_NONE,
    HTTP_REFUSAL_BAD_METHOD,
    HTTP_REFUSAL_BAD_PATH,
    HTTP_REFUSAL_BAD_VERSION,
    HTTP_REFUSAL_BAD_LINE_END,
    HTTP_REFUSAL_LINE_TOO_LONG,
    HTTP_REFUSAL_HEAD_TOO_LARGE,
    HTTP_REFUSAL_TOO_MANY_HEADERS,
    HTTP_REFUSAL_FOLDED_HEADER,
    HTTP_REFUSAL_BAD_HEADER_NAME,
    HTTP_REFUSAL_BAD_HEADER_VALUE,
    HTTP_REFUSAL_DUPLICATE_HEADER,
    HTTP_REFUSAL_MISSING_HOST,
    HTTP_REFUSAL_BAD_HOST,
    HTTP_REFUSAL_TRANSFER_ENCODING,
    HTTP_REFUSAL_BAD_CONTENT_LENGTH,
    HTTP_REFUSAL_LENGTH_REQUIRED,
    HTTP_REFUSAL_UNEXPECTED_BODY,
    HTTP_REFUSAL_BODY_TOO_LARGE,
    HTTP_REFUSAL_BAD_EXPECT,
    HTTP_REFUSAL_DEADLINE,  /* never by the reader: the connection's clock */
    HTTP_REFUSAL_NO_MEMORY, /* the same for memory */
    HTTP_REFUSAL_COUNT
};
int http_refusal_status(enum http_refusal refusal);
const char *http_refusal_word(enum http_refusal refusal);

/* The headers that mean something to us. At most one of each; all others are only checked for
 * form and forgotten. */
enum http_header {
    HTTP_HEADER_HOST,
    HTTP_HEADER_CONTENT_LENGTH,
    HTTP_HEADER_TRANSFER_ENCODING,
    HTTP_HEADER_EXPECT,
    HTTP_HEADER_CONNECTION,
    HTTP_HEADER_AUTHORIZATION,
    HTTP_HEADER_CONTENT_TYPE,
    HTTP_HEADER_IDEMPOTENCY_KEY,
    HTTP_HEADER_REQUEST_ID,
    HTTP_HEADER_TRACEPARENT,
    HTTP_HEADER_COUNT
};

enum http_read_status { HTTP_READ_MORE, HTTP_READ_COMPLETE, HTTP_READ_REFUSED };

/* A piece of the head's text by position: the text may move while it grows. */
struct http_span {
    size_t start, len;
    bool is_set;
};

struct http_reader {
    /* Results, valid when status says so. */
    enum http_read_status status;
    enum http_refusal refusal;
    struct http_head head; /* slices into text. After a refusal: what had been read by then */
    size_t content_length; /* 0: no body follows */
    bool expects_continue; /* the client waits for "100 Continue" before it sends the body */
    /* Inside. */
    struct buf text; /* secret: the head as it came, Authorization included */
    size_t max_body;
    size_t at;   /* everything before it has been read */
    size_t mark; /* where the current word began */
    unsigned state;
    unsigned num_headers;
    bool is_http10;
    struct http_span method, path, name;
    struct http_span found[HTTP_HEADER_COUNT];
};

/* http_reader_init - ready for a head of at most max_head bytes. Allocates nothing yet. */
void http_reader_init(struct http_reader *r, size_t max_head, size_t max_body);
/* http_reader_reset - ready for the next head on the same connection; wipes this one. */
void http_reader_reset(struct http_reader *r);
void http_reader_free(struct http_reader *r); /* wipes */

/* http_reader_feed - read on. Returns how many bytes were taken (copied); what is left belongs to
 * the body or the next request. After COMPLETE or REFUSED nothing more is taken. */
size_t http_reader_feed(struct http_reader *r, const char *data, size_t len);

#endif
