/* ask_text.h - requests as people write them, on a command line or in a *.test.yaml: to the very asks
 * that the parser of a request makes. Public, with policy.h. */
#ifndef POLICY_ASK_TEXT_H
#define POLICY_ASK_TEXT_H

#include "policy/policy.h"

#define ASK_TEXT_NAMES_MAX 100U
#define ASK_TEXT_SUBJECT_MAX 16U

struct ask_text {
    struct arena *arena; /* of the texts */
    struct policy_ask ask;
    struct name names[ASK_TEXT_NAMES_MAX];
    struct subject_attr subject[ASK_TEXT_SUBJECT_MAX];
};

/* ask_text_init - a newcert for nothing, with what a request gets that says no more: a key of ecdsa 256
 * bits, the profile "default", a certificate of one's own to be revoked. */
void ask_text_init(struct ask_text *a, struct arena *arena);

/* Each: CB_EINPUT with a message about the text alone, CB_ENOMEM. */
enum cb_code ask_text_add_name(struct ask_text *a, struct slice text,
                               struct cb_err *err) CB_MUST_USE;
enum cb_code ask_text_set_common_name(struct ask_text *a, struct slice text,
                                      struct cb_err *err) CB_MUST_USE;
/* ask_text_add_subject - word: "C", "O", ...; in any order. */
enum cb_code ask_text_add_subject(struct ask_text *a, struct slice word, struct slice value,
                                  struct cb_err *err) CB_MUST_USE;
enum cb_code ask_text_set_key(struct ask_text *a, struct slice text,
                              struct cb_err *err) CB_MUST_USE; /* "ecdsa-256", "rsa-3072" */
/* ask_text_done - sorts the names; a->ask is whole and borrows from a. */
void ask_text_done(struct ask_text *a);

/* ask_text_peer - one address, as the one a request comes from. */
enum cb_code ask_text_peer(struct arena *arena, struct slice text, struct name *ret,
                           struct cb_err *err) CB_MUST_USE;

/* The words for enums, ended by NULL and in the enums' order. */
extern const char *const ask_text_actions[];
extern const char *const ask_text_relations[]; /* own, foreign, unknown */

#endif
