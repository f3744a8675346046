/* test_mailbox.c - mail from other threads: all of it arrives, in the owner's thread, once. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "broker/server/mailbox.h"

#include <event2/event.h>
#include <pthread.h>

#define SENDERS 4
#define LETTERS 500

static struct event_base *base;
static struct mailbox *box;

struct letter {
    struct mail mail;
    unsigned delivered;
    struct letter *cancels; /* this one, when it is delivered */
    struct letter *reposts;
};

static unsigned num_delivered;
static unsigned num_awaited;

static void deliver(struct mail *mail)
{
    struct letter *l = (struct letter *)(void *)mail;
    l->delivered++;
    num_delivered++;
    if (l->cancels != NULL) {
        mailbox_cancel(box, &l->cancels->mail);
    }
    if (l->reposts != NULL && l->delivered == 1) {
        mailbox_post(box, &l->reposts->mail);
    }
    if (num_delivered == num_awaited) {
        (void)event_base_loopbreak(base);
    }
}

static int set_up(void **state)
{
    (void)state;
    struct cb_err err;
    num_delivered = 0;
    base = event_base_new();
    return base != NULL && mailbox_new(base, &box, &err) == CB_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    mailbox_free(box);
    event_base_free(base);
    return 0;
}

static void *send_all(void *arg)
{
    struct letter *letters = arg;
    for (unsigned i = 0; i < LETTERS; i++) {
        mailbox_post(box, &letters[i].mail);
    }
    return NULL;
}

static void test_many_senders(void **state)
{
    (void)state;
    static struct letter letters[SENDERS][LETTERS];
    pthread_t threads[SENDERS];
    num_awaited = SENDERS * LETTERS;
    for (unsigned s = 0; s < SENDERS; s++) {
        for (unsigned i = 0; i < LETTERS; i++) {
            letters[s][i] = (struct letter){.mail.deliver = deliver};
        }
        assert_int_equal(pthread_create(&threads[s], NULL, send_all, letters[s]), 0);
    }
    assert_int_equal(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
    for (unsigned s = 0; s < SENDERS; s++) {
        (void)pthread_join(threads[s], NULL);
        for (unsigned i = 0; i < LETTERS; i++) {
            assert_int_equal(letters[s][i].delivered, 1);
        }
    }
}

static void test_posted_twice_is_delivered_once(void **state)
{
    (void)state;
    struct letter a = {.mail.deliver = deliver};
    num_awaited = 1;
    mailbox_post(box, &a.mail);
    mailbox_post(box, &a.mail);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(a.delivered, 1);
}

static void test_cancel_before_delivery(void **state)
{
    (void)state;
    struct letter a = {.mail.deliver = deliver};
    num_awaited = UINT32_MAX;
    mailbox_post(box, &a.mail);
    mailbox_cancel(box, &a.mail);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(a.delivered, 0);
    mailbox_post(box, &a.mail); /* and it can be used again */
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(a.delivered, 1);
}

/* One delivery may free what a later one is about: it cancels it first. */
static void test_cancel_during_delivery(void **state)
{
    (void)state;
    struct letter second = {.mail.deliver = deliver};
    struct letter first = {.mail.deliver = deliver, .cancels = &second};
    num_awaited = UINT32_MAX;
    mailbox_post(box, &first.mail);
    mailbox_post(box, &second.mail);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(first.delivered, 1);
    assert_int_equal(second.delivered, 0);
}

static void test_post_during_delivery(void **state)
{
    (void)state;
    struct letter a = {.mail.deliver = deliver};
    a.reposts = &a;
    num_awaited = 2;
    mailbox_post(box, &a.mail);
    (void)event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    assert_int_equal(a.delivered, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_senders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_posted_twice_is_delivered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_before_delivery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_during_delivery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_post_during_delivery, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
