/* mailbox.h - how other threads reach a worker: they post a mail, the worker's loop delivers it.
 *
 * A mail is embedded in what it is about; posting allocates nothing and never blocks for longer
 * than a list insertion. */
#ifndef BROKER_MAILBOX_H
#define BROKER_MAILBOX_H

#include "broker/base/err.h"

#include <stdbool.h>
#include <sys/queue.h>

struct event_base;
struct mailbox;

enum mail_place { MAIL_NOWHERE, MAIL_INBOX, MAIL_TRAY };

struct mail {
    TAILQ_ENTRY(mail) link;
    enum mail_place place;              /* the mailbox's */
    void (*deliver)(struct mail *mail); /* on the owner's thread; may free what holds the mail */
};

enum cb_code mailbox_new(struct event_base *base, struct mailbox **ret,
                         struct cb_err *err) CB_MUST_USE;
void mailbox_free(struct mailbox *box); /* undelivered mail is dropped; NULL ok */

/* mailbox_post - deliver once, soon. A mail that is under way already is not posted twice. Any
 * thread. */
void mailbox_post(struct mailbox *box, struct mail *mail);
/* mailbox_cancel - after it returns the mail is not delivered (unless posted anew). Owner only. */
void mailbox_cancel(struct mailbox *box, struct mail *mail);

#endif
