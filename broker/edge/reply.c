/* reply.c - one reply: its head, its body, and the way of both to the kernel.
 *
 * Head and body go into one block, so that they make one TLS record and one send(). If the body is
 * secret the block is wiped when the kernel has it. */
#include "broker/edge/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/edge/tls_session.h"

#define REPLY_HEAD_MAX 2048

struct status_row {
    int status;
    const char *phrase;
};

static const struct status_row statuses[] = {
    {200, "OK"},
    {202, "Accepted"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *phrase_of(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status) {
            return statuses[i].phrase;
        }
    }
    return "Unknown"; /* the number is what counts */
}

/* date_text - IMF-fixdate, made once a second. */
static const char *date_text(struct edge *edge)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const int64_t now_s = clock_wall_us(edge->clock) / 1000000;
    if (now_s == edge->date_s) {
        return edge->date_text;
    }
    char iso[21]; /* 2026-07-22T16:23:02Z */
    time_format_s(now_s, iso);
    const size_t day = (size_t)(now_s < 0 ? 0 : now_s / 86400 % 7);
    const size_t month = (size_t)((iso[5] - '0') * 10 + (iso[6] - '0') - 1);
    (void)snprintf(edge->date_text, sizeof(edge->date_text), "%.3s, %.2s %.3s %.4s %.8s GMT",
                   days + 3 * day, iso + 8, months + 3 * month, iso, iso + 11);
    edge->date_s = now_s;
    return edge->date_text;
}

/* add_header - unless the value could break out of its line. Values come from our own code and
 * from checked client text, so this is a second lock on the same door. */
static void add_header(struct buf *head, const char *name, const char *value)
{
    const struct slice s = slice_of(value);
    if (s.ptr == NULL) {
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_print(s.ptr[i])) {
            return;
        }
    }
    buf_add_str(head, name);
    buf_add(head, ": ", 2);
    buf_add_slice(head, s);
    buf_add(head, "\r\n", 2);
}

static void add_number(struct buf *head, const char *name, uint64_t value)
{
    buf_add_str(head, name);
    buf_add(head, ": ", 2);
    buf_add_u64(head, value);
    buf_add(head, "\r\n", 2);
}

static void write_head(struct conn *c, const struct edge_reply *reply, struct buf *head)
{
    buf_add_str(head, "HTTP/1.1 ");
    buf_add_u64(head, (uint64_t)reply->status);
    buf_add_char(head, ' ');
    buf_add_str(head, phrase_of(reply->status));
    buf_add_str(head, "\r\n");
    add_header(head, "Date", date_text(c->edge));
    add_header(head, "Content-Type",
               reply->content_type == NULL ? "application/json" : reply->content_type);
    add_number(head, "Content-Length", reply->body.len);
    add_header(head, "X-Content-Type-Options", "nosniff");
    add_header(head, "Cache-Control", "no-store");
    add_header(head, "X-Request-ID", reply->request_id);
    if (reply->retry_after_s > 0) {
        add_number(head, "Retry-After", reply->retry_after_s);
    }
    add_header(head, "Allow", reply->allow);
    if (reply->www_authenticate) {
        add_header(head, "WWW-Authenticate", "Bearer realm=\"certbroker\"");
    }
    if (c->must_close) {
        add_header(head, "Connection", "close");
    }
    buf_add(head, "\r\n", 2);
}

/* ---------------------------------------------------------------- sending */

struct block {
    bool is_secret;
    size_t len;
    char data[];
};

static void block_free(const void *data, size_t len, void *ctx)
{
    struct block *block = ctx;
    (void)data;
    (void)len;
    if (block->is_secret) {
        secret_wipe(block->data, block->len);
    }
    free(block);
}

static struct block *block_new(const struct conn *c, const struct buf *head, const struct buf *body)
{
    const size_t body_len = c->is_head_only ? 0 : body->len;
    const size_t len = head->len + body_len;
    struct block *block = malloc(sizeof(*block) + len);
    if (block == NULL) {
        return NULL;
    }
    block->is_secret = body->secret;
    block->len = len;
    memcpy(block->data, head->data, head->len);
    if (body_len > 0) {
        memcpy(block->data + head->len, body->data, body_len);
    }
    return block;
}

/* send_now - the kernel nearly always has room for a reply, and then there is nothing to wait for:
 * no turn of the loop, no watching for the socket to become writable. */
static bool send_now(struct conn *c, struct block *block)
{
    if (c->session == NULL || evbuffer_get_length(bufferevent_get_output(c->bev)) > 0 ||
        !tls_session_write(c->session, block->data, block->len)) {
        return false;
    }
    block_free(block->data, block->len, block);
    conn_finish(c, true);
    conn_next(c);
    return true;
}

/* send_later - through the connection's output; on_write tells when it is gone. */
static bool send_later(struct conn *c, struct block *block)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    const int64_t deadline = conn_now_us(c) + ms_to_us(c->edge->limits.write_ms);
    c->state = CONN_WRITE;
    if (!conn_set_deadline(c, deadline) ||
        evbuffer_add_reference(out, block->data, block->len, block_free, block) != 0) {
        block_free(block->data, block->len, block);
        return false;
    }
    return true;
}

static void forget_request(struct conn *c)
{
    buf_free(&c->body);
    http_reader_reset(&c->reader);
    c->exchange.head = (struct http_head){.method = HTTP_OTHER};
    c->exchange.body = (struct slice){NULL, 0};
}

static void send_reply(struct conn *c, struct edge_reply *reply)
{
    struct buf head;
    buf_init(&head, REPLY_HEAD_MAX);
    if (!buf_ok(&reply->body)) {
        /* Cut text must not look whole. */
        buf_free(&reply->body);
        reply->status = 500;
        c->must_close = true;
    }
    write_head(c, reply, &head);
    forget_request(c); /* after write_head: reply may point into it */
    struct block *block = buf_ok(&head) ? block_new(c, &head, &reply->body) : NULL;
    buf_free(&head);
    buf_free(&reply->body);
    if (block == NULL || (!send_now(c, block) && !send_later(c, block))) {
        conn_finish(c, false);
        conn_kill(c);
    }
}

void edge_reply(struct edge_exchange *x, struct edge_reply *reply)
{
    struct conn *c = (struct conn *)(void *)((char *)x - offsetof(struct conn, exchange));
    CB_CHECK(c->state == CONN_PENDING); /* exactly one reply each */
    c->done = reply->done;
    c->done_ctx = reply->done_ctx;
    if (x->is_gone) {
        buf_free(&reply->body);
        conn_finish(c, false);
        conn_kill(c);
        return;
    }
    if (reply->close || c->edge->is_draining) {
        c->must_close = true;
    }
    send_reply(c, reply);
}
