/* join.h - inside broker/reconcile only: the two sides brought together. join.c takes the CA's rows one
 * by one; settle.c decides about what is left when both sides have been read. */
#ifndef BROKER_RECONCILE_JOIN_H
#define BROKER_RECONCILE_JOIN_H

#include "broker/ca/check.h"
#include "broker/reconcile/log_side.h"

#include <openssl/evp.h>

/* A certificate at the CA that the log does not name: what it is depends on what the log says of its
 * time, which is known only in the end. */
struct stranger {
    struct finding finding;
    struct serial serial;
    unsigned char ask[SHA256_LEN];
    bool has_ask;  /* its names are such as can be asked for here */
    bool is_exact; /* issued_us is the CA's own word, not reckoned from notBefore */
    bool is_ca;
    bool is_backdated; /* claims to be from before before_us, but was inserted later */
    size_t attempt;    /* index of the one it is taken to come from; SIZE_MAX: none */
};

#define EXACT_SLACK_US (INT64_C(60) * 1000000) /* the CA's clock against ours */
#define RECKONED_SLACK_US                                                                          \
    (INT64_C(120) * 1000000) /* and CFSSL rounds notBefore to the nearest minute */
/* stranger_slack_us - how far off the time at which it was issued may be. */
static inline int64_t stranger_slack_us(const struct stranger *x)
{
    return x->is_exact ? EXACT_SLACK_US : RECKONED_SLACK_US;
}

/* A certificate that is in both, and revoked at the CA but not in what was read of the log so far. */
struct revocation {
    uint32_t cert; /* index into the table */
    int64_t revoked_us;
    char reason[24];
};

struct join {
    const struct reconcile_options *options;
    struct reconcile_result *result;
    struct log_side log;
    struct source_facts facts;
    struct serial *known;
    size_t num_known;
    int64_t before_us;
    bool has_met_logged; /* a row before this one is in the log */
    EVP_MD *sha256;
    EVP_MD_CTX *cert_md, *rows_md;
    struct arena scratch; /* for one row */
    struct stranger *strangers;
    size_t num_strangers, room_strangers;
    struct revocation *revocations;
    size_t num_revocations, room_revocations;
    size_t asked; /* certinfo: index of the next certificate to ask about */
};

/* is_before_log - older than what was read of the log, whatever --ignore-before says. */
static inline bool is_before_log(const struct join *j, const struct stranger *x)
{
    return x->finding.issued_us + stranger_slack_us(x) < j->log.from_us;
}

/* progress_count, progress_phase - for whoever looks on. */
static inline void progress_count(const struct reconcile_options *o)
{
    if (o->progress != NULL) {
        atomic_fetch_add_explicit(&o->progress->done, 1, memory_order_relaxed);
    }
}
static inline void progress_phase(const struct reconcile_options *o, enum reconcile_phase phase)
{
    if (o->progress != NULL) {
        atomic_store(&o->progress->done, 0);
        atomic_store(&o->progress->phase, (int)phase);
    }
}

/* join_row - a row_fn. */
enum cb_code join_row(void *ctx, const struct ca_row *row, struct cb_err *err);
/* join_settle - both sides have been read, the log twice. */
enum cb_code join_settle(struct join *j, struct cb_err *err) CB_MUST_USE;

/* finding_add - counts it, and keeps it if there is room: then *ret (may be NULL) is where, else NULL.
 * Texts in f must be the result's already. */
enum cb_code finding_add(struct reconcile_result *result, const struct finding *f,
                         struct finding **ret, struct cb_err *err) CB_MUST_USE;
/* finding_list - the same for one whose verdict is listed by exception only. */
enum cb_code finding_list(struct reconcile_result *result, const struct finding *f,
                          struct finding **ret, struct cb_err *err) CB_MUST_USE;
/* finding_detail - the evidence, as printf; cut at 400 bytes. */
void finding_detail(struct reconcile_result *result, struct finding *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* finding_of_cert - one about a certificate of the table, without texts. */
static inline bool finding_is_over(const struct join *j, const struct finding *f)
{
    return f->is_revoked || f->not_after_s < j->options->now_us / 1000000;
}
/* finding_end - of an orphan or bypass that is over: what is left to say, by what the log says of it. */
void finding_end(struct finding *f, unsigned cert_flags);
struct finding finding_of_cert(const struct cert_table *t, const struct log_cert *cert,
                               enum verdict verdict);
extern const struct finding finding_none; /* nothing is known */

/* grow_array - room for one more element; false: out of memory. */
bool grow_array(void **items, size_t *room, size_t num, size_t size);

#endif
