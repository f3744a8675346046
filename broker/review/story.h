/* story.h - inside broker/review only: everything the log knows about one request or one certificate. */
#ifndef BROKER_REVIEW_STORY_H
#define BROKER_REVIEW_STORY_H

#include "broker/review/search.h"

#define STORY_LIST_MAX 64U /* of each kind; more are counted */

struct story_list {
    struct review_row *rows[STORY_LIST_MAX];
    size_t num, left_out;
};

struct story {
    struct review_search where; /* which log; everything of it */
    struct arena arena;         /* of everything here */
    struct review_row *main;    /* what was asked for */
    struct review_row
        *issue; /* how the certificate came to be that it is about; NULL: it is not known
                                   here, or there is none. May be main */
    struct review_row *request; /* whoever asked for it, where that is neither main nor issue: its
                                   outcome is not known, the CA's books have the certificate */
    struct slice serial;        /* of that certificate; absent: none */
    struct review_row *undelivered;   /* NULL: it was not recorded as such */
    struct story_list revocations;    /* of the certificate, denied ones too */
    struct story_list follow_ups;     /* what the broker did because of main, other than those */
    struct story_list repeats;        /* the same client with the same idempotency key */
    struct story_list findings;       /* of a comparison with the CA's own database */
    struct review_row *superseded_by; /* the certificate that took its place */
    struct review_row *in_force; /* the record by which the policy came into force that decided */
};

enum story_found {
    STORY_FOUND,
    STORY_NOTHING, /* err, if its code is CB_ENOENT: id is a number, and why there is no such record */
    STORY_SEVERAL, /* candidates: the rows that it could be */
    STORY_FAILED,  /* err says why */
};

/* story_find - id: a request id, serial, fingerprint (of each a beginning will do) or record number; or
 * one term of a query. where: its dir and damage count. also: what else must hold; NULL: nothing. *ret is to be freed whatever comes out.
 * Reads the log a few times. */
enum story_found story_find(const struct review_search *where, const char *id, struct query *also,
                            struct story *ret, struct story_list *ret_candidates,
                            struct cb_err *err) CB_MUST_USE;
void story_free(struct story *s);

/* story_keep - a copy of a row, in the arena; NULL: out of memory. */
struct review_row *story_keep(struct story *s, const struct review_row *row);
/* story_gather - fill in the rest, main being set. */
enum cb_code story_gather(struct story *s, struct cb_err *err) CB_MUST_USE;

/* story_certificate - a row that says until when the certificate is valid; NULL: none is known. */
const struct review_row *story_certificate(const struct story *s);
/* story_finding - the newest of its findings for this reason ("revoked_at_ca"); NULL: there is none. */
const struct review_row *story_finding(const struct story *s, const char *reason);

#endif
