/* explain.h - inside broker/tools only: the parts of `certbroker policy explain`. */
#ifndef BROKER_TOOLS_EXPLAIN_H
#define BROKER_TOOLS_EXPLAIN_H

#include "broker/tools/tools_internal.h"
#include "policy/ask_text.h"
#include "policy/trace.h"

#define EXPLAIN_CREDENTIALS_MAX 64U
#define EXPLAIN_CLAIMS_MAX 64U

/* One question, as it was put together from the options. Everything borrows from the arena, the policy
 * and the arguments. */
struct explaining {
    const struct command_env *env;
    const struct command_args *args;
    const struct tools_source *source;
    struct arena *arena;
    struct policy_caller caller;
    struct name peer;
    struct policy_claim claims[EXPLAIN_CLAIMS_MAX];
    struct credential creds[EXPLAIN_CREDENTIALS_MAX]; /* of --mtls-cert and --jwt */
    size_t num_creds;
    size_t matched; /* the one that decided; SIZE_MAX: none was looked at */
    struct ask_text asked;
    struct policy_ask ask;
    int64_t now_s;
};

/* All functions below that return a status: EXIT_OK, or the exit status after having said why. */

/* ---- explain_who.c ---- */
/* explain_who - who asks. EXIT_PROBLEM: nobody whom the policy knows. */
int explain_who(struct explaining *e);

/* ---- explain_cert.c ---- */
/* explain_cert - the credentials of the first certificate in a PEM file, in the order in which the
 * broker takes them. */
enum cb_code explain_cert(const char *path, struct arena *arena, struct credential *out,
                          size_t room, size_t *ret_num, struct cb_err *err) CB_MUST_USE;

/* ---- explain_ask.c ---- */
int explain_ask(struct explaining *e);

/* ---- explain_print.c, explain_json.c ---- */
void explain_text(const struct explaining *e, const struct policy_trace *trace, struct buf *out);
void explain_json(const struct explaining *e, const struct policy_trace *trace, struct buf *out);
/* explain_credential_word - "mtls uri", ... */
const char *explain_credential_word(enum credential_kind kind);

#endif
