/* parse_body.h - from a body's bytes to checked JSON members: what the parsers here share. Private
 * to broker/request.
 *
 * A parser describes each object it reads as a table of members. What is not in the table is
 * refused, because CFSSL's decoder matches names more loosely than anyone expects. */
#ifndef BROKER_REQUEST_PARSE_BODY_H
#define BROKER_REQUEST_PARSE_BODY_H

#include "broker/base/arena.h"
#include "broker/base/err.h"

struct cJSON;

enum member_type {
    MEMBER_STRING,
    MEMBER_OBJECT,
    MEMBER_ARRAY,
    MEMBER_BOOL,
    MEMBER_INTEGER, /* at most 9 digits: cJSON's valueint is then exact */
};

struct member {
    const char *name; /* exact, case-sensitive */
    enum member_type type;
};

#define BODY_PATH_MAX 96U /* of a member's path in messages, e.g. "request.names[3].O" */

/* body_open - strict JSON within our caps, then cJSON. *ret is an object and the caller's
 * (cJSON_Delete). CB_EINPUT, CB_ELIMIT or CB_ENOMEM. */
enum cb_code body_open(struct slice body, struct cJSON **ret, struct cb_err *err) CB_MUST_USE;

/* body_members - sort the members of an object into ret[0..num-1], one slot per table row, NULL
 * where a member is absent.
 *   where  the object's own path, "" for the top
 * CB_EINPUT for a member that is not in the table (the message lists what is) and for a value of
 * another type than the table's, null included. ret borrows from object. */
enum cb_code body_members(const struct cJSON *object, const char *where, const struct member *table,
                          size_t num, const struct cJSON **ret, struct cb_err *err) CB_MUST_USE;

/* body_check_type - CB_EINPUT naming path unless value has this type. */
enum cb_code body_check_type(const struct cJSON *value, enum member_type type, const char *path,
                             struct cb_err *err) CB_MUST_USE;

/* body_text - the value of a string member; ptr NULL for an absent (NULL) one and for "", which
 * CFSSL's clients send for absent. */
struct slice body_text(const struct cJSON *string);

/* body_no_label - CFSSL's label selects a signer; the broker sets none, so only "" may come. */
enum cb_code body_no_label(const struct cJSON *label, struct cb_err *err) CB_MUST_USE;

/* body_profile - a profile's name: "default" when absent, else 1..64 printable ASCII bytes. The
 * result borrows from profile. */
enum cb_code body_profile(const struct cJSON *profile, struct slice *ret,
                          struct cb_err *err) CB_MUST_USE;

/* body_on_behalf_of - a principal: absent, or 1..POLICY_PRINCIPAL_MAX printable ASCII bytes. A copy in
 * the arena. */
enum cb_code body_on_behalf_of(struct arena *arena, const struct cJSON *principal,
                               struct slice *ret, struct cb_err *err) CB_MUST_USE;

/* ---- text a client chose ---- */
struct piece {
    char text[48];
};
/* text_piece - the start of any bytes as printable ASCII, for a message; "..." marks a cut. */
struct piece text_piece(struct slice s);

/* text_check - valid UTF-8 of at most max_chars characters and max_bytes bytes with nothing in it
 * that a reader of the certificate cannot see: no control characters, no invisible or
 * direction-changing ones. CB_EINPUT naming path otherwise. */
enum cb_code text_check(struct slice s, size_t max_chars, size_t max_bytes, const char *path,
                        struct cb_err *err) CB_MUST_USE;

#endif
