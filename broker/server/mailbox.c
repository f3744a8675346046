/* mailbox.c - see mailbox.h. Mail waits in the inbox (any thread, under the lock); the loop moves
 * all of it to the tray and delivers from there, so that a delivery may cancel a later one. */
#include "broker/server/mailbox.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

TAILQ_HEAD(mail_list, mail);

struct mailbox {
    pthread_mutex_t lock; /* inbox, tray and every mail's place */
    struct mail_list inbox;
    struct mail_list tray;
    int fd; /* eventfd: counts that there is something */
    struct event *event;
};

static void deliver_all(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct mailbox *box = arg;
    uint64_t count = 0;
    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR) {
        return;
    }
    (void)pthread_mutex_lock(&box->lock);
    struct mail *mail = NULL;
    TAILQ_FOREACH(mail, &box->inbox, link)
    {
        mail->place = MAIL_TRAY;
    }
    TAILQ_CONCAT(&box->tray, &box->inbox, link);
    while ((mail = TAILQ_FIRST(&box->tray)) != NULL) {
        TAILQ_REMOVE(&box->tray, mail, link);
        mail->place = MAIL_NOWHERE;
        (void)pthread_mutex_unlock(&box->lock);
        mail->deliver(mail);
        (void)pthread_mutex_lock(&box->lock);
    }
    (void)pthread_mutex_unlock(&box->lock);
}

enum cb_code mailbox_new(struct event_base *base, struct mailbox **ret, struct cb_err *err)
{
    struct mailbox *box = calloc(1, sizeof(*box));
    if (box == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    TAILQ_INIT(&box->inbox);
    TAILQ_INIT(&box->tray);
    (void)pthread_mutex_init(&box->lock, NULL);
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (box->fd >= 0) {
        box->event = event_new(base, box->fd, EV_READ | EV_PERSIST, deliver_all, box);
    }
    if (box->event == NULL || event_add(box->event, NULL) != 0) {
        (void)cb_fail_errno(err, "cannot make a mailbox");
        mailbox_free(box);
        return CB_ESYS;
    }
    *ret = box;
    return CB_OK;
}

void mailbox_free(struct mailbox *box)
{
    if (box == NULL) {
        return;
    }
    if (box->event != NULL) {
        event_free(box->event);
    }
    if (box->fd >= 0) {
        (void)close(box->fd);
    }
    (void)pthread_mutex_destroy(&box->lock);
    free(box);
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
    (void)pthread_mutex_lock(&box->lock);
    const bool was_empty = TAILQ_EMPTY(&box->inbox);
    if (mail->place == MAIL_NOWHERE) {
        mail->place = MAIL_INBOX;
        TAILQ_INSERT_TAIL(&box->inbox, mail, link);
    }
    /* Waking inside the lock keeps the order "mail, then count"; one wake is enough for many. */
    const uint64_t one = 1;
    if (was_empty && !TAILQ_EMPTY(&box->inbox) && write(box->fd, &one, sizeof(one)) < 0) {
        /* EAGAIN means the counter is full: the loop is being woken already. */
    }
    (void)pthread_mutex_unlock(&box->lock);
}

void mailbox_cancel(struct mailbox *box, struct mail *mail)
{
    (void)pthread_mutex_lock(&box->lock);
    if (mail->place == MAIL_INBOX) {
        TAILQ_REMOVE(&box->inbox, mail, link);
    } else if (mail->place == MAIL_TRAY) {
        TAILQ_REMOVE(&box->tray, mail, link);
    }
    mail->place = MAIL_NOWHERE;
    (void)pthread_mutex_unlock(&box->lock);
}
