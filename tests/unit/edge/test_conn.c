/* test_conn.c - connections over loopback: framing, keep-alive, pipelining, endings. Deadlines are
 * in test_deadlines.c. */
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

static void test_reply_head(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.request_id = "req-1";
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET_CLOSE("/a"));
    WAIT_FOR(&w, client_ended(&c));
    assert_true(c.is_eof && !c.is_reset);
    assert_ptr_equal(strstr(c.in.data, "HTTP/1.1 200 OK\r\nDate: "), c.in.data);
    static const char *const lines[] = {"\r\nContent-Type: application/json\r\n",
                                        "\r\nContent-Length: 2\r\n",
                                        "\r\nX-Content-Type-Options: nosniff\r\n",
                                        "\r\nCache-Control: no-store\r\n",
                                        "\r\nX-Request-ID: req-1\r\n",
                                        "\r\nConnection: close\r\n",
                                        " GMT\r\n",
                                        "\r\n\r\nok"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_true(client_has(&c, lines[i]));
    }
    assert_int_equal(w.num_done_ok, 1);
    assert_string_equal(w.seen[0].path, "/a");
    assert_false(w.seen[0].is_tls);
    client_close(&c);
    world_stop(&w);
}

static void test_reply_cannot_be_split_by_a_value(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.request_id = "x\r\nEvil: 1";
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET_CLOSE("/a"));
    WAIT_FOR(&w, client_ended(&c));
    assert_false(client_has(&c, "Evil"));
    client_close(&c);
    world_stop(&w);
}

static void test_keep_alive_and_close(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.limits.max_requests = 3;
    world_start(&w);
    client_open(&w, &c);
    for (size_t i = 1; i <= 3; i++) {
        client_send(&w, &c, GET("/a"));
        WAIT_FOR(&w, client_count(&c, "\r\n\r\nok") == i);
        assert_int_equal(client_count(&c, "Connection: close"), i == 3 ? 1 : 0);
    }
    WAIT_FOR(&w, client_ended(&c));
    assert_true(c.is_eof);
    client_close(&c);
    /* HTTP/1.0 is closed after one. */
    client_open(&w, &c);
    client_send(&w, &c, "GET / HTTP/1.0\r\n\r\n");
    WAIT_FOR(&w, client_ended(&c));
    assert_true(client_has(&c, "200 OK"));
    client_close(&c);
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    world_stop(&w);
}

static void test_pipelining_is_one_at_a_time(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c,
                GET("/1") "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET("/3"));
    for (size_t i = 1; i <= 3; i++) {
        WAIT_FOR(&w, w.held != NULL);
        turn_for_ms(&w, 10);
        assert_int_equal(w.num_seen, i);
        assert_int_equal(edge_num_pending(w.edge), 1);
        answer(&w, w.held);
        WAIT_FOR(&w, client_count(&c, "\r\n\r\nok") == i);
    }
    assert_string_equal(w.seen[0].path, "/1");
    assert_string_equal(w.seen[1].path, "/2");
    assert_string_equal(w.seen[1].body, "abc");
    assert_string_equal(w.seen[2].path, "/3");
    client_close(&c);
    world_stop(&w);
}

/* Many requests in one write, answered at once: the stack must not grow with their number. */
static void test_pipelining_at_once(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    world_start(&w);
    client_open(&w, &c);
    for (size_t i = 0; i < 50; i++) {
        client_send(&w, &c, GET("/x"));
    }
    WAIT_FOR(&w, client_count(&c, "\r\n\r\nok") == 50);
    client_close(&c);
    world_stop(&w);
}

static void test_byte_by_byte(void **state)
{
    static const char text[] = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nBODY";
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    world_start(&w);
    client_open(&w, &c);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        assert_true(client_send_bytes(&w, &c, text + i, 1));
    }
    WAIT_FOR(&w, client_has(&c, "\r\n\r\nok"));
    assert_string_equal(w.seen[0].body, "BODY");
    client_close(&c);
    world_stop(&w);
}

static void test_expect_continue(void **state)
{
    static const char head[] =
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, head);
    WAIT_FOR(&w, client_has(&c, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_int_equal(w.num_seen, 0);
    client_send(&w, &c, "BODY");
    WAIT_FOR(&w, client_has(&c, "\r\n\r\nok"));
    assert_string_equal(w.seen[0].body, "BODY");
    client_close(&c);
    /* Over the cap: the final answer at once, no 100. */
    client_open(&w, &c);
    client_send(&w, &c,
                "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n"
                "Expect: 100-continue\r\n\r\n");
    WAIT_FOR(&w, client_ended(&c));
    assert_true(client_has(&c, "HTTP/1.1 413 "));
    assert_false(client_has(&c, "100 Continue"));
    client_close(&c);
    world_stop(&w);
}

static void test_head_gets_no_body(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    WAIT_FOR(&w, client_ended(&c));
    assert_true(client_has(&c, "Content-Length: 2\r\n"));
    assert_false(client_has(&c, "\r\n\r\nok"));
    client_close(&c);
    world_stop(&w);
}

static void test_refusals_are_answered_and_closed(void **state)
{
    static const struct {
        const char *text;
        const char *status;
        const char *word;
    } cases[] = {
        {"GET / HTTP/1.1\nHost: a\r\n\r\n", "HTTP/1.1 400 ", "bad_line_end"},
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 411 ", "length_required"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "HTTP/1.1 411 ", "transfer_encoding"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n", "HTTP/1.1 413 ",
         "body_too_large"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", "HTTP/1.1 417 ",
         "bad_expect"},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "missing_host"},
    };
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    world_start(&w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_open(&w, &c);
        client_send(&w, &c, cases[i].text);
        client_send(&w, &c, GET("/smuggled"));
        WAIT_FOR(&w, client_ended(&c));
        assert_true(c.is_eof);
        assert_true(client_has(&c, cases[i].status));
        assert_true(client_has(&c, cases[i].word));
        assert_true(client_has(&c, "Connection: close\r\n"));
        assert_int_equal(w.num_seen, i + 1); /* what followed was not read as a request */
        assert_string_equal(w.seen[i].refused_reason, cases[i].word);
        client_close(&c);
    }
    world_stop(&w);
}

/* The client sends a large body that is refused by its length: it must be able to read why. */
static void test_refusal_survives_an_unread_body(void **state)
{
    static char body[200000];
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    world_start(&w);
    client_open(&w, &c);
    memset(body, 'b', sizeof(body));
    client_send(&w, &c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    WAIT_FOR(&w, client_has(&c, "body_too_large"));
    turn_for_ms(&w, 10);
    /* The answer is there, and sending on meets no reset. */
    assert_true(client_send_bytes(&w, &c, body, sizeof(body) / 2));
    assert_true(client_send_bytes(&w, &c, body, sizeof(body) / 2));
    WAIT_FOR(&w, client_ended(&c));
    assert_true(c.is_eof && !c.is_reset);
    assert_true(client_has(&c, "body_too_large"));
    client_close(&c);
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    world_stop(&w);
}

/* ... but it may not send for ever. */
static void test_lingering_is_bounded(void **state)
{
    static char body[CONN_LINGER_BYTES * 2];
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    world_start(&w);
    client_open(&w, &c);
    const int64_t start = clock_mono_us(&cb_system_clock);
    client_send(&w, &c, "bad\r\n");
    (void)client_send_bytes(&w, &c, body, sizeof(body));
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    /* By the count of bytes, long before its time is over. */
    assert_in_range(clock_mono_us(&cb_system_clock) - start, 0, CONN_LINGER_MS * 1000 - 200000);
    client_close(&c);
    world_stop(&w);
}

/* ---------------------------------------------------------------- the peer leaves */

static void reset(struct client *c)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    client_close(c);
}

static void check_gone(bool by_reset)
{
    struct world w;
    struct client c;
    world_limits(&w);
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, w.held != NULL);
    if (by_reset) {
        reset(&c);
    } else {
        client_close(&c);
    }
    WAIT_FOR(&w, w.num_gone == 1);
    turn_for_ms(&w, 10);
    assert_true(w.held->is_gone);
    assert_int_equal(edge_num_pending(w.edge), 1);
    assert_true(slice_eq_str(w.held->head.path, "/a")); /* still ours */
    answer(&w, w.held);
    assert_int_equal(w.num_done_lost, 1);
    assert_int_equal(w.num_done_ok, 0);
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    assert_int_equal(w.num_gone, 1);
    world_stop(&w);
}

static void test_gone_by_close(void **state)
{
    (void)state;
    check_gone(false);
}

static void test_gone_by_reset(void **state)
{
    (void)state;
    check_gone(true);
}

static void test_gone_with_input_ahead(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a") GET("/b"));
    WAIT_FOR(&w, w.held != NULL);
    client_close(&c);
    WAIT_FOR(&w, w.num_gone == 1);
    answer(&w, w.held);
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    assert_int_equal(w.num_seen, 1);
    world_stop(&w);
}

static void test_cut_off_requests_are_dropped(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "no_request"},
        {"GET / HT", "cut_off"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", "cut_off"},
    };
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    world_start(&w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_open(&w, &c);
        client_send(&w, &c, cases[i].text);
        WAIT_FOR(&w, edge_num_connections(w.edge) == 1);
        client_close(&c);
        WAIT_FOR(&w, w.num_dropped == i + 1);
        assert_string_equal(w.dropped_reason, cases[i].reason);
        WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    }
    assert_int_equal(w.num_seen, 0);
    world_stop(&w);
}

static void test_input_ahead_is_bounded(void **state)
{
    static char flood[65536];
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, w.held != NULL);
    memset(flood, 'x', sizeof(flood));
    /* Send until the kernel's buffers are full: the server has stopped reading. */
    for (size_t stuck = 0; stuck < 20;) {
        stuck = send(c.fd, flood, sizeof(flood), MSG_NOSIGNAL) > 0 ? 0 : stuck + 1;
        turn(&w);
    }
    const struct conn *conn = TAILQ_FIRST(&w.edge->conns);
    assert_true(conn->is_paused);
    answer(&w, w.held); /* and then the flood is read as a request, and refused */
    WAIT_FOR(&w, client_has(&c, "\r\n\r\nok"));
    WAIT_FOR(&w, w.num_seen == 2);
    assert_string_equal(w.seen[1].refused_reason, "request_line_too_long");
    client_close(&c);
    world_stop(&w);
}

static void test_reading_goes_on_after_a_pause(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.limits.max_head_bytes = 128;
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &c);
    for (size_t i = 0; i < 20; i++) {
        client_send(&w, &c, GET("/x"));
    }
    WAIT_FOR(&w, w.held != NULL && ((struct conn *)TAILQ_FIRST(&w.edge->conns))->is_paused);
    for (size_t i = 1; i <= 20; i++) {
        WAIT_FOR(&w, w.held != NULL);
        answer(&w, w.held);
    }
    WAIT_FOR(&w, client_count(&c, "\r\n\r\nok") == 20);
    client_close(&c);
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_head),
        cmocka_unit_test(test_reply_cannot_be_split_by_a_value),
        cmocka_unit_test(test_keep_alive_and_close),
        cmocka_unit_test(test_pipelining_is_one_at_a_time),
        cmocka_unit_test(test_pipelining_at_once),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_head_gets_no_body),
        cmocka_unit_test(test_refusals_are_answered_and_closed),
        cmocka_unit_test(test_refusal_survives_an_unread_body),
        cmocka_unit_test(test_lingering_is_bounded),
        cmocka_unit_test(test_gone_by_close),
        cmocka_unit_test(test_gone_by_reset),
        cmocka_unit_test(test_gone_with_input_ahead),
        cmocka_unit_test(test_cut_off_requests_are_dropped),
        cmocka_unit_test(test_input_ahead_is_bounded),
        cmocka_unit_test(test_reading_goes_on_after_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
