/* ca_kit.h - an event loop, a struct ca and a place for results; for the tests of ca.h. */
#ifndef TESTS_UNIT_CA_CA_KIT_H
#define TESTS_UNIT_CA_CA_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ca/ca.h"
#include "tests/unit/ca/tiny_server.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <signal.h>

#define BODY "{\"request\":{\"hosts\":[\"a.example\"]}}"
#define GOOD_BODY "{\"success\":true,\"result\":{}}"
#define PATH "/api/v1/cfssl/newcert"
#define WAIT_MAX_S 10 /* a test that takes longer has failed */

static struct event_base *base;

/* What done was told. */
struct told {
    size_t num;
    struct ca_result last; /* body is freed by forget() */
    struct ca *again;      /* start another call from inside done */
    void (*inside)(struct told *t);
};

static inline void forget(struct told *t)
{
    buf_free(&t->last.body);
    t->last = (struct ca_result){0};
}

static inline void on_told(void *ctx, struct ca_result *result)
{
    struct told *t = ctx;
    forget(t);
    t->num++;
    t->last = *result;
    if (t->inside != NULL) {
        t->inside(t);
    }
    (void)event_base_loopbreak(base);
}

static inline struct ca_settings settings_for(const struct ca_upstream *upstreams, size_t num)
{
    return (struct ca_settings){.upstreams = upstreams,
                                .num_upstreams = num,
                                .connect_timeout_ms = 2000,
                                .timeout_ms = 5000,
                                .max_answer_bytes = 1000,
                                .max_answer_head_bytes = 4000,
                                .max_idle_s = 30,
                                .max_life_s = 300};
}

static inline struct ca *ca_with(const struct ca_settings *s)
{
    struct ca *ca = NULL;
    struct cb_err err = {0};
    if (ca_new(base, s, &cb_system_clock, &ca, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    return ca;
}

static inline struct ca *ca_for(struct tiny *t)
{
    const struct ca_upstream up = {t->url};
    const struct ca_settings s = settings_for(&up, 1);
    return ca_with(&s);
}

static inline enum cb_code post(struct ca *ca, struct told *t)
{
    struct cb_err err = {0};
    struct buf body;
    buf_init(&body, 1000);
    buf_add_str(&body, BODY);
    const size_t before = t->num;
    const enum cb_code code = ca_post(ca, PATH, &body, (struct slice){0}, on_told, t, &err);
    assert_int_equal(t->num, before); /* never from inside */
    buf_free(&body);
    return code;
}

static inline void give_up(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    (void)event_base_loopbreak(base);
}

/* wait_for - turn the loop until num results have been told. */
static inline void wait_for(struct told *t, size_t num)
{
    struct event *guard = evtimer_new(base, give_up, NULL);
    const struct timeval limit = {.tv_sec = WAIT_MAX_S};
    (void)evtimer_add(guard, &limit);
    while (t->num < num && evtimer_pending(guard, NULL)) {
        (void)event_base_dispatch(base);
    }
    event_free(guard);
    assert_int_equal(t->num, num);
}

static inline void call_once(struct ca *ca, struct told *t)
{
    assert_int_equal(post(ca, t), CB_OK);
    wait_for(t, t->num + 1);
}

static inline void must_be(const struct told *t, enum ca_effect effect, const char *stage)
{
    if (t->last.effect != effect || strcmp(t->last.stage, stage) != 0) {
        fail_msg("effect %d stage %s curl %d: %s", (int)t->last.effect, t->last.stage,
                 t->last.curl_code, t->last.message);
    }
    if (effect != CA_ANSWERED) {
        assert_int_equal(t->last.body.len, 0);
        assert_true(t->last.message[0] != '\0');
    }
}

static inline int kit_setup(void **state)
{
    (void)state;
    struct cb_err err = {0};
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    base = event_base_new();
    return base == NULL || ca_setup(&err) != CB_OK;
}

static inline int kit_teardown(void **state)
{
    (void)state;
    event_base_free(base);
    curl_global_cleanup();
    return 0;
}

#endif
