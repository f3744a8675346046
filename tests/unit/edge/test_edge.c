/* test_edge.c - listeners, caps, back-off, drain and the end of an edge; addresses and peers. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#include "tests/unit/edge/harness.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---------------------------------------------------------------- caps */

static void test_cap_per_peer(void **state)
{
    struct world w;
    struct client c[3];
    struct edge_stats stats;
    (void)state;
    world_limits(&w);
    w.limits.max_connections_peer = 2;
    world_start(&w);
    for (size_t i = 0; i < 3; i++) {
        client_open(&w, &c[i]);
        WAIT_FOR(&w, w.num_dropped == (i == 2 ? 1U : 0U) &&
                         edge_num_connections(w.edge) == (i == 2 ? 2 : i + 1));
    }
    WAIT_FOR(&w, client_ended(&c[2]));
    assert_string_equal(w.dropped_reason, "too_many");
    edge_get_stats(w.edge, &stats);
    assert_int_equal(stats.accepted, 3);
    assert_int_equal(stats.refused_over_limit, 1);
    /* Room again when one leaves. */
    client_close(&c[0]);
    client_close(&c[2]);
    WAIT_FOR(&w, edge_num_connections(w.edge) == 1);
    client_open(&w, &c[0]);
    client_send(&w, &c[0], GET("/a"));
    WAIT_FOR(&w, client_has(&c[0], "\r\n\r\nok"));
    client_close(&c[0]);
    client_close(&c[1]);
    world_stop(&w);
}

/* At the total cap the longest idle connection makes room. */
static void test_cap_in_total_closes_the_oldest_idle(void **state)
{
    struct world w;
    struct client c[3];
    (void)state;
    world_limits(&w);
    w.limits.max_connections = 2;
    world_start(&w);
    for (size_t i = 0; i < 2; i++) {
        client_open(&w, &c[i]);
        client_send(&w, &c[i], GET("/a"));
        WAIT_FOR(&w, client_has(&c[i], "\r\n\r\nok"));
    }
    client_open(&w, &c[2]);
    client_send(&w, &c[2], GET("/b"));
    WAIT_FOR(&w, client_has(&c[2], "\r\n\r\nok"));
    WAIT_FOR(&w, client_ended(&c[0]));
    assert_false(client_ended(&c[1]));
    assert_int_equal(w.num_dropped, 0);
    for (size_t i = 0; i < 3; i++) {
        client_close(&c[i]);
    }
    world_stop(&w);
}

/* When all are busy, newcomers wait in the kernel's queue and are served when there is room. */
static void test_cap_in_total_makes_newcomers_wait(void **state)
{
    struct world w;
    struct client busy;
    struct client late;
    (void)state;
    world_limits(&w);
    w.limits.max_connections = 1;
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &busy);
    client_send(&w, &busy, GET("/1"));
    WAIT_FOR(&w, w.held != NULL);
    client_open(&w, &late);
    client_send(&w, &late, GET("/2"));
    turn_for_ms(&w, 20);
    assert_int_equal(edge_num_connections(w.edge), 1);
    assert_int_equal(w.num_seen, 1);
    answer(&w, w.held);
    WAIT_FOR(&w, w.held != NULL);
    answer(&w, w.held);
    WAIT_FOR(&w, client_has(&late, "\r\n\r\nok"));
    assert_string_equal(w.seen[1].path, "/2");
    assert_int_equal(w.num_dropped, 0);
    client_close(&busy);
    client_close(&late);
    world_stop(&w);
}

/* No descriptors left: a few tries a second instead of a spinning loop, and then it goes on. */
static void test_accept_backs_off(void **state)
{
    struct world w;
    struct client c;
    struct rlimit before;
    struct edge_stats stats;
    (void)state;
    world_limits(&w);
    world_start(&w);
    client_open(&w, &c); /* its own descriptor is taken before the limit falls */
    const int next = fcntl(0, F_DUPFD_CLOEXEC, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit low = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(close(next), 0);
    turn_for_ms(&w, 250);
    edge_get_stats(w.edge, &stats);
    assert_in_range(stats.accept_errors, 1, 4);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, client_has(&c, "\r\n\r\nok"));
    client_close(&c);
    world_stop(&w);
}

/* ---------------------------------------------------------------- drain and end */

static void test_drain(void **state)
{
    struct world w;
    struct client idle;
    struct client busy;
    (void)state;
    world_limits(&w);
    world_start(&w);
    client_open(&w, &idle);
    client_send(&w, &idle, GET("/a"));
    WAIT_FOR(&w, client_has(&idle, "\r\n\r\nok"));
    w.is_holding = true;
    client_open(&w, &busy);
    client_send(&w, &busy, GET("/b"));
    WAIT_FOR(&w, w.held != NULL);
    edge_drain(w.edge);
    WAIT_FOR(&w, client_ended(&idle));
    assert_true(idle.is_eof);
    assert_int_equal(edge_num_pending(w.edge), 1);
    const struct sockaddr_in addr = world_address(&w);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&addr, sizeof(addr)), -1);
    assert_int_equal(close(fd), 0);
    answer(&w, w.held);
    WAIT_FOR(&w, client_ended(&busy));
    assert_true(client_has(&busy, "Connection: close\r\n"));
    assert_true(client_has(&busy, "\r\n\r\nok"));
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    assert_int_equal(edge_num_pending(w.edge), 0);
    client_close(&idle);
    client_close(&busy);
    world_stop(&w);
}

static void test_free_ends_everything(void **state)
{
    struct world w;
    struct client silent;
    struct client writing;
    struct client pending;
    (void)state;
    world_limits(&w);
    w.reply_len = 32 * 1024 * 1024;
    world_start(&w);
    client_open(&w, &silent);
    client_open(&w, &writing);
    client_send(&w, &writing, GET("/w"));
    WAIT_FOR(&w, w.num_seen == 1);
    w.is_holding = true;
    client_open(&w, &pending);
    client_send(&w, &pending, GET("/p"));
    WAIT_FOR(&w, w.held != NULL);
    edge_free(w.edge);
    w.edge = NULL;
    assert_int_equal(w.num_done_lost, 1); /* the one that was replied to */
    assert_int_equal(w.num_done_ok, 0);
    event_base_free(w.base);
    assert_true(client_ended(&silent));
    assert_true(client_ended(&pending));
    client_close(&silent);
    client_close(&writing);
    client_close(&pending);
    edge_free(NULL);
}

static void test_broken_reply_body_is_a_500(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, w.held != NULL);
    struct edge_reply reply = {.status = 200};
    buf_init(&reply.body, 4);
    buf_add_str(&reply.body, "longer than its cap");
    edge_reply(w.held, &reply);
    WAIT_FOR(&w, client_ended(&c));
    assert_true(client_has(&c, "HTTP/1.1 500 "));
    assert_true(client_has(&c, "Content-Length: 0\r\n"));
    client_close(&c);
    world_stop(&w);
}

static void test_every_reply_header(void **state)
{
    struct world w;
    struct client c;
    (void)state;
    world_limits(&w);
    w.is_holding = true;
    world_start(&w);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, w.held != NULL);
    struct edge_reply reply = {.status = 405,
                               .content_type = "text/plain",
                               .retry_after_s = 7,
                               .allow = "POST",
                               .www_authenticate = true,
                               .close = true};
    edge_reply(w.held, &reply);
    WAIT_FOR(&w, client_ended(&c));
    static const char *const lines[] = {"HTTP/1.1 405 Method Not Allowed\r\n",
                                        "\r\nContent-Type: text/plain\r\n",
                                        "\r\nRetry-After: 7\r\n",
                                        "\r\nAllow: POST\r\n",
                                        "\r\nWWW-Authenticate: Bearer",
                                        "\r\nConnection: close\r\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_true(client_has(&c, lines[i]));
    }
    client_close(&c);
    world_stop(&w);
}

static int64_t fixed_wall(void *ctx)
{
    return *(int64_t *)ctx;
}

static int64_t real_mono(void *ctx)
{
    (void)ctx;
    return clock_mono_us(&cb_system_clock);
}

static void test_date(void **state)
{
    static const struct {
        int64_t unix_s;
        const char *text;
    } cases[] = {
        {784111777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"}, /* the example of RFC 9110 */
        {0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"},
        {1709251199, "Date: Thu, 29 Feb 2024 23:59:59 GMT\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world w;
        struct client c;
        int64_t wall_us = cases[i].unix_s * 1000000;
        const struct cb_clock clock = {.wall_us = fixed_wall, .mono_us = real_mono, .ctx = &wall_us};
        world_limits(&w);
        world_start(&w);
        w.edge->clock = &clock;
        client_open(&w, &c);
        client_send(&w, &c, GET("/a"));
        WAIT_FOR(&w, client_has(&c, "\r\n\r\nok"));
        assert_true(client_has(&c, cases[i].text));
        client_close(&c);
        world_stop(&w);
    }
}

static void test_limits_must_make_sense(void **state)
{
    struct world w;
    struct cb_err err = {0};
    struct edge *edge = NULL;
    const struct edge_handler handler = {0};
    (void)state;
    world_limits(&w);
    w.limits.max_connections = 0;
    assert_int_equal(edge_new(NULL, &w.limits, &handler, &cb_system_clock, &edge, &err), CB_EINPUT);
    assert_null(edge);
}

/* ---------------------------------------------------------------- addresses */

static void test_bind_addresses(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {
        {"127.0.0.1:0", true},
        {"[::1]:0", true},
        {"0.0.0.0:0", true},
        {"localhost:0", false},
        {"127.0.0.1", false},
        {"127.0.0.1:", false},
        {":0", false},
        {"::1:0", false},
        {"[::1]", false},
        {"[127.0.0.1]:0", false},
        {"127.0.0.1:65536", false},
        {"127.0.0.1:-1", false},
        {"127.0.0.1:0x1", false},
        {"127.1:0", false},
        {"", false},
        {"*:0", false},
        {"[fe80::1%lo]:0", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cb_err err = {0};
        char text[64] = "";
        int fd = -1;
        const enum cb_code code = edge_bind(cases[i].text, true, &fd, text, sizeof(text), &err);
        if (cases[i].is_good && err.sys_errno != 0 && cases[i].text[0] == '[') {
            continue; /* a machine without IPv6 */
        }
        if (cases[i].is_good) {
            assert_int_equal(code, CB_OK);
            assert_string_not_equal(strrchr(text, ':'), ":0"); /* the real port */
            assert_int_equal(close(fd), 0);
        } else {
            assert_int_equal(code, CB_EINPUT);
            assert_non_null(strstr(err.msg, "listen address"));
        }
    }
}

static void test_bind_taken(void **state)
{
    struct cb_err err = {0};
    char text[64];
    int fd = -1;
    int again = -1;
    (void)state;
    /* Also when the one who listens there would share: the probe of a starting broker does not. */
    assert_int_equal(edge_bind("127.0.0.1:0", true, &fd, text, sizeof(text), &err), CB_OK);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(edge_bind(text, false, &again, NULL, 0, &err), CB_ESYS);
    assert_int_equal(err.sys_errno, EADDRINUSE);
    assert_non_null(strstr(err.msg, text));
    assert_int_equal(close(fd), 0);
}

static void test_loopback(void **state)
{
    (void)state;
    assert_true(edge_address_is_loopback("127.0.0.1:80"));
    assert_true(edge_address_is_loopback("127.8.9.10:80"));
    assert_true(edge_address_is_loopback("[::1]:80"));
    assert_false(edge_address_is_loopback("0.0.0.0:80"));
    assert_false(edge_address_is_loopback("[::]:80"));
    assert_false(edge_address_is_loopback("128.0.0.1:80"));
    assert_false(edge_address_is_loopback("127.0.0.1"));
}

/* ---------------------------------------------------------------- peers */

static struct peer_key key_of(int family, const char *ip, char text[PEER_TEXT_MAX])
{
    struct peer_key key;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(40112)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(40112)};
    void *at = family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr;
    assert_int_equal(inet_pton(family, ip, at), 1);
    peer_describe(family == AF_INET ? (const struct sockaddr *)(const void *)&v4
                                    : (const struct sockaddr *)(const void *)&v6,
                  &key, text);
    return key;
}

static void test_peer_keys(void **state)
{
    char text[PEER_TEXT_MAX];
    (void)state;
    const struct peer_key a = key_of(AF_INET, "192.0.2.7", text);
    assert_string_equal(text, "192.0.2.7:40112");
    const struct peer_key mapped = key_of(AF_INET6, "::ffff:192.0.2.7", text);
    assert_memory_equal(a.bytes, mapped.bytes, 16);
    const struct peer_key x = key_of(AF_INET6, "2001:db8::1", text);
    assert_string_equal(text, "[2001:db8::1]:40112");
    const struct peer_key y = key_of(AF_INET6, "2001:db8::ffff:1", text);
    assert_memory_equal(x.bytes, y.bytes, 16); /* one /64 */
    const struct peer_key z = key_of(AF_INET6, "2001:db8:0:1::1", text);
    assert_memory_not_equal(x.bytes, z.bytes, 16);
    struct peer_key local;
    const struct sockaddr un = {.sa_family = AF_UNIX};
    peer_describe(&un, &local, text);
    assert_string_equal(text, "unix");
    assert_false(local.is_counted);
}

static void test_peer_table(void **state)
{
    struct peers *p = peers_new(100);
    struct peer_key key = {.is_counted = true};
    (void)state;
    assert_non_null(p);
    /* Many rounds over many keys: entries come back, chains stay whole. */
    for (unsigned round = 0; round < 50; round++) {
        for (uint8_t i = 0; i < 100; i++) {
            key.bytes[0] = i;
            key.bytes[7] = (uint8_t)round;
            assert_true(peers_add(p, &key, 1));
            assert_false(peers_add(p, &key, 1));
        }
        key.bytes[0] = 200;
        assert_false(peers_add(p, &key, 1)); /* the table is full */
        for (uint8_t i = 0; i < 100; i++) {
            key.bytes[0] = (uint8_t)((i * 37) % 100);
            peers_remove(p, &key);
        }
    }
    assert_true(peers_add(p, &key, 3));
    assert_true(peers_add(p, &key, 3));
    assert_true(peers_add(p, &key, 3));
    assert_false(peers_add(p, &key, 3));
    peers_free(p);
    assert_null(peers_new(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cap_per_peer),
        cmocka_unit_test(test_cap_in_total_closes_the_oldest_idle),
        cmocka_unit_test(test_cap_in_total_makes_newcomers_wait),
        cmocka_unit_test(test_accept_backs_off),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_free_ends_everything),
        cmocka_unit_test(test_broken_reply_body_is_a_500),
        cmocka_unit_test(test_every_reply_header),
        cmocka_unit_test(test_date),
        cmocka_unit_test(test_limits_must_make_sense),
        cmocka_unit_test(test_bind_addresses),
        cmocka_unit_test(test_bind_taken),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_peer_keys),
        cmocka_unit_test(test_peer_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
