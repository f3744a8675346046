/* test_deadlines.c - every phase of a connection ends in time, however slowly the peer goes on. The
 * deadlines are tens of milliseconds; waiting is turning the event loop. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/edge/harness.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

/* drip - one byte of text every turn, until the server has had enough. */
static void drip(struct world *w, struct client *c, const char *text)
{
    const int64_t until = clock_mono_us(&cb_system_clock) + WAIT_MS * 1000;
    while (!client_ended(c)) {
        (void)send(c->fd, *text == '\0' ? "x" : text, 1, MSG_NOSIGNAL);
        text += *text == '\0' ? 0 : 1;
        turn(w);
        if (clock_mono_us(&cb_system_clock) > until) {
            fail_msg("a dripping client is never cut");
        }
    }
}

static void check_slow(struct world *w, const char *text, int status)
{
    struct client c;
    world_start(w);
    client_open(w, &c);
    drip(w, &c, text);
    assert_int_equal(w->num_seen, 1);
    assert_int_equal(w->seen[0].refused_status, status);
    assert_string_equal(w->seen[0].refused_reason, "deadline");
    assert_true(client_has(&c, "HTTP/1.1 408 "));
    client_close(&c);
    world_stop(w);
}

static void test_slow_head(void **state)
{
    struct world w;
    (void)state;
    world_limits(&w);
    w.limits.head_ms = 60;
    w.limits.max_head_bytes = 65536;
    check_slow(&w, "GET / HTTP/1.1\r\nHost: a\r\nA: ", 408);
}

static void test_slow_body(void **state)
{
    struct world w;
    (void)state;
    world_limits(&w);
    w.limits.body_ms = 60;
    check_slow(&w, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", 408);
    assert_string_equal(w.seen[0].path, "/b");
}

static void test_slow_request(void **state)
{
    struct world w;
    (void)state;
    world_limits(&w);
    w.limits.request_ms = 60; /* though every phase may take longer */
    check_slow(&w, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", 408);
}

static void test_silence(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.limits.head_ms = 40;
    world_start(&w);
    client_open(&w, &c);
    WAIT_FOR(&w, client_ended(&c));
    assert_int_equal(w.num_seen, 0);
    assert_string_equal(w.dropped_reason, "idle");
    client_close(&c);
    world_stop(&w);
}

static void test_idle_keep_alive(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.limits.idle_ms = 40;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, client_has(&c, "\r\n\r\nok"));
    WAIT_FOR(&w, client_ended(&c));
    assert_true(c.is_eof);
    assert_int_equal(w.num_dropped, 0); /* it had its answer: nothing to report */
    client_close(&c);
    world_stop(&w);
}

static void test_pending_too_long(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.limits.request_ms = 50;
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, w.num_gone == 1);
    WAIT_FOR(&w, client_ended(&c));
    answer(&w, w.held);
    assert_int_equal(w.num_done_lost, 1);
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    client_close(&c);
    world_stop(&w);
}

static void test_reply_not_taken(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.limits.write_ms = 60;
    w.reply_len = 32 * 1024 * 1024; /* more than the kernel buffers */
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, w.num_done_lost == 1);
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    assert_int_equal(w.num_done_ok, 0);
    client_close(&c);
    world_stop(&w);
}

static void test_large_reply_arrives_whole(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.reply_len = 3 * 1024 * 1024;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET_CLOSE("/a"));
    WAIT_FOR(&w, client_ended(&c));
    assert_int_equal(w.num_done_ok, 1);
    const char *body = strstr(c.in.data, "\r\n\r\n");
    assert_int_equal(c.in.len - (size_t)(body + 4 - c.in.data), w.reply_len);
    client_close(&c);
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_head),       cmocka_unit_test(test_slow_body),
        cmocka_unit_test(test_slow_request),    cmocka_unit_test(test_silence),
        cmocka_unit_test(test_idle_keep_alive), cmocka_unit_test(test_pending_too_long),
        cmocka_unit_test(test_reply_not_taken), cmocka_unit_test(test_large_reply_arrives_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
