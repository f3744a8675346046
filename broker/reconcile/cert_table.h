/* cert_table.h - inside broker/reconcile only: every certificate that the log names, by serial number,
 * 96 bytes each.
 *
 * Open addressing over an index of 32-bit places; the keys are mixed with a random number, since
 * whoever can make the CA sign a chosen serial could otherwise make lookups slow. */
#ifndef BROKER_RECONCILE_CERT_TABLE_H
#define BROKER_RECONCILE_CERT_TABLE_H

#include "broker/base/err.h"
#include "broker/reconcile/row.h"

enum cert_flag {
    CERT_ISSUED = 1U << 0,       /* issue.ok */
    CERT_WITHHELD = 1U << 1,     /* issue.fail that names a certificate: not as authorised */
    CERT_UNDELIVERED = 1U << 2,  /* its caller was gone */
    CERT_REVOKED = 1U << 3,      /* revoke.ok */
    CERT_REVOKE_TRIED = 1U << 4, /* revoke.attempt */
    CERT_EARLY = 1U << 5,        /* issue.ok before the CA's side was read */
    CERT_IN_PERIOD = 1U << 6,    /* issued in the period asked for */
    CERT_SEEN = 1U << 7,         /* the CA has it */
    CERT_HAS_SHA256 = 1U << 8,
    /* recorded by an earlier run: */
    CERT_TOLD_BYPASS = 1U << 9,
    CERT_TOLD_MISSING = 1U << 10,
    CERT_TOLD_ORPHAN = 1U << 11,
    CERT_TOLD_RESOLVED = 1U << 12,
    CERT_TOLD_DIFFERS = 1U << 13,
    CERT_TOLD_UNREVOKED = 1U << 14, /* revoked here, and the CA says it is good */
    CERT_UNREADABLE = 1U << 15,     /* the CA has its number, with something that cannot be read */
};

struct log_cert {
    struct serial serial;
    uint16_t flags;
    uint16_t aki; /* of the table's list; 0: not known */
    unsigned char sha256[SHA256_LEN];
    uint64_t seq; /* of the record that names it; UINT64_MAX: only revocations do */
    uint64_t ref; /* of its attempt */
    int64_t ts_us;
    int64_t not_after_s; /* 0: not known */
    int64_t revoked_us;  /* revoke.ok */
};

#define TABLE_AKIS_MAX 1024U

struct cert_table {
    struct log_cert *certs;
    size_t num, room;
    uint32_t *places; /* index into certs plus one; 0: free */
    size_t num_places;
    uint64_t seed;
    char (*akis)[65]; /* akis[0] is "" */
    size_t num_akis;
};

enum cb_code cert_table_init(struct cert_table *t, struct cb_err *err) CB_MUST_USE;
void cert_table_free(struct cert_table *t);
/* cert_table_find - with this key identifier, where both have one; NULL: none. */
struct log_cert *cert_table_find(const struct cert_table *t, const struct serial *serial,
                                 const char *aki);
/* cert_table_add - the one there is, else a new one without flags. It moves with the next add.
 * CB_ELIMIT: RECONCILE_CERTS_MAX. */
enum cb_code cert_table_add(struct cert_table *t, const struct serial *serial, const char *aki,
                            struct log_cert **ret, struct cb_err *err) CB_MUST_USE;
static inline const char *cert_table_aki(const struct cert_table *t, const struct log_cert *cert)
{
    return t->akis[cert->aki];
}

#endif
