/* test_tls_conn.c - TLS itself: versions, suites, no resumption, no renegotiation, endings. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/edge/tls_fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define URI "URI:spiffe://test/a"

static struct pki pki;
static struct pair client_pair;

static int set_up(void **state)
{
    (void)state;
    pki_open(&pki);
    client_pair = issue(&pki.ca, (struct spec){.san = URI});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pair_free(&client_pair);
    pki_close(&pki);
    return 0;
}

static struct edge_tls *start(struct world *w)
{
    struct edge_tls *tls = pki_load(&pki, false);
    world_limits(w);
    world_start_on(w, tls);
    return tls;
}

static void stop(struct world *w, struct edge_tls *tls)
{
    world_stop(w);
    edge_tls_unref(tls);
}

static void send_text(struct world *w, struct tls_client *c, const char *text)
{
    tls_client_send(w, c, text, strlen(text));
}

/* ---------------------------------------------------------------- what is spoken */

static void test_versions_and_suites(void **state)
{
    static const struct {
        int version;
        const char *suites; /* for TLS 1.2 and below */
        bool is_good;
    } cases[] = {
        {TLS1_3_VERSION, NULL, true},
        {TLS1_2_VERSION, NULL, true},
        {TLS1_1_VERSION, "ALL", false},
        {TLS1_VERSION, "ALL", false},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", false}, /* CBC */
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", false},
        {TLS1_2_VERSION, "AES128-GCM-SHA256:AES256-GCM-SHA384", false}, /* no forward secrecy */
        {TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", false},
        {TLS1_2_VERSION, "aNULL:eNULL:@SECLEVEL=0", false},
    };
    struct world w;
    struct edge_tls *tls = start(&w);
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tls_client c;
        tls_client_new(&c, &client_pair, NULL);
        (void)SSL_set_min_proto_version(c.ssl, cases[i].version);
        (void)SSL_set_max_proto_version(c.ssl, cases[i].version);
        if (cases[i].suites != NULL) {
            assert_int_equal(SSL_set_cipher_list(c.ssl, cases[i].suites), 1);
        }
        if (tls_client_dial(&w, &c) != cases[i].is_good) {
            fail_msg("version %x, suites %s", (unsigned)cases[i].version,
                     cases[i].suites == NULL ? "default" : cases[i].suites);
        }
        tls_client_free(&c);
        WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    }
    stop(&w, tls);
}

static void test_alpn(void **state)
{
    static const struct {
        const char *offer;
        bool is_good;
    } cases[] = {{"\x02h2\x08http/1.1", true}, {"\x08http/1.1", true}, {"\x02h2", false}};
    struct world w;
    struct edge_tls *tls = start(&w);
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tls_client c;
        const unsigned char *chosen = NULL;
        unsigned len = 0;
        tls_client_new(&c, NULL, NULL);
        assert_int_equal(SSL_set_alpn_protos(c.ssl, (const unsigned char *)cases[i].offer,
                                             (unsigned)strlen(cases[i].offer)),
                         0);
        assert_int_equal(tls_client_dial(&w, &c), cases[i].is_good);
        SSL_get0_alpn_selected(c.ssl, &chosen, &len);
        assert_int_equal(len, cases[i].is_good ? 8 : 0);
        tls_client_free(&c);
    }
    stop(&w, tls);
}

/* Whatever the client keeps, its next handshake is a full one. */
static void test_no_resumption(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct world w;
    struct edge_tls *tls = start(&w);
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tls_client first;
        struct tls_client second;
        tls_client_new(&first, &client_pair, NULL);
        (void)SSL_set_max_proto_version(first.ssl, versions[i]);
        assert_true(tls_client_dial(&w, &first));
        send_text(&w, &first, GET("/a"));
        WAIT_FOR(&w, tls_client_has(&first, "\r\n\r\nok"));
        SSL_SESSION *session = SSL_get1_session(first.ssl);
        assert_false(SSL_SESSION_is_resumable(session));
        assert_int_equal(SSL_SESSION_has_ticket(session), 0);
        tls_client_new(&second, &client_pair, NULL);
        (void)SSL_set_max_proto_version(second.ssl, versions[i]);
        (void)SSL_set_session(second.ssl, session);
        assert_true(tls_client_dial(&w, &second));
        assert_int_equal(SSL_session_reused(second.ssl), 0);
        SSL_SESSION_free(session);
        tls_client_free(&first);
        tls_client_free(&second);
    }
    stop(&w, tls);
}

static void test_no_renegotiation(void **state)
{
    struct world w;
    struct edge_tls *tls = start(&w);
    struct tls_client c;
    struct edge_stats stats;
    (void)state;
    tls_client_new(&c, &client_pair, NULL);
    (void)SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
    assert_true(tls_client_dial(&w, &c));
    assert_int_equal(SSL_renegotiate(c.ssl), 1);
    (void)SSL_do_handshake(c.ssl); /* sends its hello */
    for (int i = 0; i < 20; i++) {
        turn(&w);
        (void)SSL_do_handshake(c.ssl);
    }
    assert_int_equal(SSL_renegotiate_pending(c.ssl) || SSL_in_init(c.ssl), 1);
    edge_get_stats(w.edge, &stats);
    assert_int_equal(stats.handshakes, 1);
    tls_client_free(&c);
    stop(&w, tls);
}

/* ---------------------------------------------------------------- never plain */

static void test_plain_text_on_the_tls_port(void **state)
{
    struct world w;
    struct edge_tls *tls = start(&w);
    struct client c;
    (void)state;
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, client_ended(&c));
    assert_false(client_has(&c, "HTTP/1.1"));
    assert_int_equal(w.num_seen, 0);
    assert_string_equal(w.dropped_reason, "tls_handshake");
    client_close(&c);
    stop(&w, tls);
}

static void test_no_tls_material_is_no_service(void **state)
{
    struct world w;
    struct client c;
    struct cb_err err;
    char text[64];
    int fd = -1;
    (void)state;
    world_limits(&w);
    world_start(&w);
    assert_int_equal(edge_bind("127.0.0.1:0", false, &fd, text, sizeof(text), &err), CB_OK);
    assert_int_equal(edge_listen(w.edge, fd, true, &err), CB_OK);
    w.port = (unsigned short)strtoul(strrchr(text, ':') + 1, NULL, 10);
    client_open(&w, &c);
    client_send(&w, &c, GET("/a"));
    WAIT_FOR(&w, client_ended(&c));
    assert_int_equal(w.num_seen, 0);
    assert_int_equal(c.in.len, 0);
    assert_string_equal(w.dropped_reason, "tls_setup");
    client_close(&c);
    world_stop(&w);
}

static void test_handshake_deadline(void **state)
{
    struct world w;
    struct edge_tls *tls = pki_load(&pki, false);
    struct client c;
    (void)state;
    world_limits(&w);
    w.limits.handshake_ms = 50;
    world_start_on(&w, tls);
    client_open(&w, &c);
    client_send(&w, &c, "\x16\x03\x01");
    WAIT_FOR(&w, client_ended(&c));
    assert_string_equal(w.dropped_reason, "handshake_deadline");
    client_close(&c);
    stop(&w, tls);
}

/* ---------------------------------------------------------------- requests over TLS */

static void test_close_notify(void **state)
{
    struct world w;
    struct edge_tls *tls = start(&w);
    struct tls_client c;
    (void)state;
    tls_client_new(&c, &client_pair, NULL);
    assert_true(tls_client_dial(&w, &c));
    send_text(&w, &c, "GET / HTTP/1.0\r\n\r\n");
    WAIT_FOR(&w, tls_client_over(&c));
    assert_int_equal(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    assert_true(tls_client_has(&c, "\r\n\r\nok"));
    tls_client_free(&c);
    /* Also for a refused request. */
    tls_client_new(&c, &client_pair, NULL);
    assert_true(tls_client_dial(&w, &c));
    send_text(&w, &c, "bad\r\n");
    WAIT_FOR(&w, tls_client_over(&c));
    assert_int_equal(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    assert_true(tls_client_has(&c, "HTTP/1.1 400 "));
    tls_client_free(&c);
    stop(&w, tls);
}

static void test_pipelining_and_bodies(void **state)
{
    static char body[60000];
    struct world w;
    struct edge_tls *tls = start(&w);
    struct tls_client c;
    (void)state;
    memset(body, 'b', sizeof(body));
    w.reply_len = 100000; /* several records */
    tls_client_new(&c, &client_pair, NULL);
    assert_true(tls_client_dial(&w, &c));
    send_text(&w, &c, GET("/1") "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
    tls_client_send(&w, &c, body, sizeof(body));
    send_text(&w, &c, "GET /3 HTTP/1.0\r\n\r\n");
    WAIT_FOR(&w, tls_client_over(&c));
    assert_int_equal(w.num_seen, 3);
    assert_int_equal(w.seen[1].body_len, sizeof(body));
    assert_string_equal(w.seen[2].path, "/3");
    assert_string_equal(w.seen[2].uri, "spiffe://test/a");
    assert_in_range(c.in.len, 3 * w.reply_len, 3 * w.reply_len + 3000);
    tls_client_free(&c);
    stop(&w, tls);
}

/* A reply that the kernel does not take at once: a part of its record is out already, and the rest
 * has to follow it, byte for byte. */
static void test_reply_larger_than_the_kernel_takes(void **state)
{
    const int small = 4096;
    size_t sent = 0;
    struct world w;
    struct edge_tls *tls = start(&w);
    struct tls_client c;
    (void)state;
    w.reply_len = 16000; /* with its head one record of the largest size */
    tls_client_new(&c, &client_pair, NULL);
    assert_true(tls_client_dial(&w, &c));
    turn(&w);
    struct conn *conn = TAILQ_FIRST(&w.edge->conns);
    (void)setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    (void)setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    while (conn->state != CONN_WRITE) {
        assert_in_range(sent, 0, 40);
        send_text(&w, &c, GET("/a")); /* and nothing is read */
        sent++;
        WAIT_FOR(&w, w.num_seen == sent);
    }
    assert_int_equal(w.num_done_ok, sent - 1);
    WAIT_FOR(&w, (tls_client_poll(&c), w.num_done_ok == sent));
    send_text(&w, &c, "GET /last HTTP/1.0\r\n\r\n");
    WAIT_FOR(&w, tls_client_over(&c));
    assert_int_equal(w.num_done_ok, sent + 1);
    assert_int_equal(w.num_done_lost, 0);
    size_t num = 0;
    for (size_t i = 0; i < c.in.len; i++) {
        num +=
            c.in.data[i] == 'r' && (i == 0 || c.in.data[i - 1] == 'r' || c.in.data[i - 1] == '\n');
    }
    assert_int_equal(num, (sent + 1) * w.reply_len);
    tls_client_free(&c);
    stop(&w, tls);
}

static void test_flood_ahead_over_tls(void **state)
{
    struct world w;
    struct edge_tls *tls = start(&w);
    struct tls_client c;
    (void)state;
    w.is_holding = true;
    tls_client_new(&c, &client_pair, NULL);
    assert_true(tls_client_dial(&w, &c));
    for (size_t i = 0; i < 50; i++) {
        send_text(&w, &c,
                  GET("/a/path/that/makes/the/request/a/good/deal/longer/than/without/it"
                      "/so/that/fifty/of/them/pass/the/cap/on/what/may/be/sent/ahead"));
    }
    WAIT_FOR(&w, w.held != NULL && ((struct conn *)TAILQ_FIRST(&w.edge->conns))->is_paused);
    for (size_t i = 1; i <= 50; i++) {
        WAIT_FOR(&w, w.held != NULL);
        answer(&w, w.held);
    }
    WAIT_FOR(&w, w.num_done_ok == 50);
    tls_client_free(&c);
    stop(&w, tls);
}

static void check_gone_over_tls(bool has_notify)
{
    struct world w;
    struct edge_tls *tls = start(&w);
    struct tls_client c;
    w.is_holding = true;
    tls_client_new(&c, &client_pair, NULL);
    assert_true(tls_client_dial(&w, &c));
    send_text(&w, &c, GET("/a"));
    WAIT_FOR(&w, w.held != NULL);
    if (has_notify) {
        (void)SSL_shutdown(c.ssl);
    }
    tls_client_free(&c);
    WAIT_FOR(&w, w.num_gone == 1);
    turn_for_ms(&w, 5);
    /* Who it was is still known, for the record. */
    assert_true(slice_eq_str(w.held->identity->uris[0], "spiffe://test/a"));
    answer(&w, w.held);
    assert_int_equal(w.num_done_lost, 1);
    WAIT_FOR(&w, edge_num_connections(w.edge) == 0);
    stop(&w, tls);
}

static void test_gone_with_notify(void **state)
{
    (void)state;
    check_gone_over_tls(true);
}

static void test_gone_without_notify(void **state)
{
    (void)state;
    check_gone_over_tls(false);
}

/* ---------------------------------------------------------------- generations, CRL */

static void test_new_generation(void **state)
{
    struct world w;
    struct edge_tls *old = start(&w);
    struct tls_client idle;
    struct tls_client busy;
    (void)state;
    tls_client_new(&idle, &client_pair, NULL);
    assert_true(tls_client_dial(&w, &idle));
    send_text(&w, &idle, GET("/a"));
    WAIT_FOR(&w, tls_client_has(&idle, "\r\n\r\nok"));
    w.is_holding = true;
    tls_client_new(&busy, &client_pair, NULL);
    assert_true(tls_client_dial(&w, &busy));
    send_text(&w, &busy, GET("/b"));
    WAIT_FOR(&w, w.held != NULL);

    struct edge_tls *next = pki_load(&pki, false);
    edge_set_tls(w.edge, next);
    edge_tls_unref(old); /* the connections hold it */
    WAIT_FOR(&w, tls_client_over(&idle));
    answer(&w, w.held);
    w.is_holding = false;
    WAIT_FOR(&w, tls_client_over(&busy));
    assert_true(tls_client_has(&busy, "Connection: close\r\n"));
    assert_true(tls_visit(&w, &client_pair, NULL));
    assert_int_equal(next->cache.num_hits, 0); /* nothing is taken over from the old one */
    tls_client_free(&idle);
    tls_client_free(&busy);
    stop(&w, next);
}

static void test_crl(void **state)
{
    struct world w;
    struct pair revoked = issue(&pki.ca, (struct spec){.san = URI});
    (void)state;
    write_crl(&pki, revoked.cert, DAY, &pki.ca);
    struct edge_tls *tls = pki_load(&pki, true);
    world_limits(&w);
    world_start_on(&w, tls);
    assert_false(tls_visit(&w, &revoked, NULL));
    assert_string_equal(w.dropped_reason, "client_certificate");
    assert_non_null(strstr(w.dropped_detail, "revoked"));
    assert_true(tls_visit(&w, &client_pair, NULL));
    assert_true(tls_visit(&w, &client_pair, NULL));
    assert_int_equal(tls->cache.num_hits, 1);
    /* Past the next update nobody can be vouched for, remembered or not. */
    pki.offset_us = 2 * DAY * 1000000;
    assert_false(tls_visit(&w, &client_pair, NULL));
    assert_non_null(strstr(w.dropped_detail, "CRL has expired"));
    pki.offset_us = 0;
    stop(&w, tls);
    pair_free(&revoked);
}

static void test_without_client_ca_nothing_is_asked(void **state)
{
    struct world w;
    struct edge_tls_files files = pki_files(&pki);
    struct edge_tls *tls = NULL;
    struct cb_err err;
    (void)state;
    files.client_ca = NULL;
    assert_int_equal(edge_tls_load(&files, &tls, &err), CB_OK);
    world_limits(&w);
    world_start_on(&w, tls);
    assert_true(tls_visit(&w, &client_pair, NULL));
    assert_false(w.seen[0].has_identity);
    stop(&w, tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_and_suites),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_no_resumption),
        cmocka_unit_test(test_no_renegotiation),
        cmocka_unit_test(test_plain_text_on_the_tls_port),
        cmocka_unit_test(test_no_tls_material_is_no_service),
        cmocka_unit_test(test_handshake_deadline),
        cmocka_unit_test(test_close_notify),
        cmocka_unit_test(test_pipelining_and_bodies),
        cmocka_unit_test(test_reply_larger_than_the_kernel_takes),
        cmocka_unit_test(test_flood_ahead_over_tls),
        cmocka_unit_test(test_gone_with_notify),
        cmocka_unit_test(test_gone_without_notify),
        cmocka_unit_test(test_new_generation),
        cmocka_unit_test(test_crl),
        cmocka_unit_test(test_without_client_ca_nothing_is_asked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
