/* prove_find.h - inside broker/review only: which record is meant by a number, a serial or a request. */
#ifndef BROKER_REVIEW_PROVE_FIND_H
#define BROKER_REVIEW_PROVE_FIND_H

#include "audit/event.h"
#include "broker/base/err.h"

#define PROVE_FOUND_MAX 64U

struct prove_found {
    struct {
        uint64_t seq;
        enum audit_type type;
    } list[PROVE_FOUND_MAX]; /* in the order of the log */
    size_t num;
    size_t best; /* of list: what whoever asks most likely wants to show */
    bool by_number;
};

/* prove_find - text: a record's number; else the serial of a certificate (hex, with or without colons,
 * or decimal) or the id of a request, of both of which the first 8 digits will do where they are the only
 * ones. The best of several is what came of it: the newest certificate,
 * else the newest revocation, else the newest outcome, else the newest record. By number, nothing is
 * looked up and the type is not set. CB_EINPUT: text can be none of these. CB_ENOENT: there is no such
 * record, or no log. CB_ELIMIT: more than PROVE_FOUND_MAX. */
enum cb_code prove_find(const char *dir, struct slice text, struct prove_found *ret,
                        struct cb_err *err) CB_MUST_USE;

#endif
