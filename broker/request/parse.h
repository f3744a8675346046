/* parse.h - client bytes to a typed ask, strictly (promise P2).
 *
 * Strict RFC 8259 first (json_scan.h), then cJSON, then exact member names only. */
#ifndef BROKER_REQUEST_PARSE_H
#define BROKER_REQUEST_PARSE_H

#include "broker/base/arena.h"
#include "broker/base/err.h"
#include "policy/policy.h"

#define ASK_NAMES_MAX 100U /* names in one request */
#define ASK_NAMES_BYTES_MAX                                                                        \
    6000U                   /* of them together: a record that cannot hold them cannot be kept */
#define ASK_SUBJECT_MAX 16U /* subject attributes in one request */

/* The reasons of RFC 5280 5.3.1 that may be asked for. certificateHold, removeFromCRL and
 * aACompromise are not among them. */
enum revoke_reason {
    REVOKE_UNSPECIFIED,
    REVOKE_KEY_COMPROMISE,
    REVOKE_CA_COMPROMISE,
    REVOKE_AFFILIATION_CHANGED,
    REVOKE_SUPERSEDED,
    REVOKE_CESSATION_OF_OPERATION,
    REVOKE_PRIVILEGE_WITHDRAWN,
};
#define REVOKE_REASON_COUNT 7
const char *revoke_reason_word(enum revoke_reason reason);  /* "keyCompromise", for people */
const char *revoke_reason_cfssl(enum revoke_reason reason); /* "keycompromise", for the CA */
bool revoke_reason_parse(struct slice word,
                         enum revoke_reason *ret); /* any letter case, as CFSSL */
/* revoke_reason_refusal - why a word that CFSSL itself would take is not accepted here (the three
 * reasons above, and numbers); NULL when it is not such a word. */
const char *revoke_reason_refusal(struct slice word);

struct revoke_ask {
    char serial_hex[41];
    char serial_dec[50];
    char aki_hex[65]; /* "" when the caller gave none */
    enum revoke_reason reason;
    struct slice on_behalf_of; /* absent: for the caller itself */
};

/* All three: body is borrowed; results live in the arena. On CB_EINPUT err->msg says which member
 * is wrong and what would be right, e.g. `request.hosts[2]: ...`; it never echoes more than a
 * printable, capped piece of the input. CB_ELIMIT: a cap was passed (413). */
enum cb_code parse_newcert(struct arena *arena, struct slice body, struct policy_ask *ret,
                           struct cb_err *err) CB_MUST_USE;
/* parse_revoke - serial: canonical decimal (as CFSSL needs it); authority_key_id: optional, hex in
 * either case with or without colons; reason: a word; on_behalf_of: optional, a principal. */
enum cb_code parse_revoke(struct arena *arena, struct slice body, struct revoke_ask *ret,
                          struct cb_err *err) CB_MUST_USE;
/* parse_info - {"label":"","profile":""}: both optional, label must be empty. ret_profile is
 * "default" when absent or empty. */
enum cb_code parse_info(struct arena *arena, struct slice body, struct slice *ret_profile,
                        struct cb_err *err) CB_MUST_USE;

/* ask_digest - SHA-256 of the canonical ask, as 64 hex digits: equal asks, equal digests. */
void ask_digest(const struct policy_ask *ask, char out[SHA256_HEX_LEN + 1]);

#endif
