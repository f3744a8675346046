/* consistency.c - audit_consistency: proofs beside a running writer. */
#include "audit/audit.h"

#include "audit/seal/hashes.h"
#include "audit/writer.h"

enum cb_code audit_consistency(const struct audit *audit, uint64_t old, uint64_t size,
                               struct proof *ret, struct cb_err *err)
{
    struct hashes *h = NULL;
    struct audit_stats stats;
    audit_get_stats(audit, &stats);
    if (old == 0 || old > size || size > stats.sealed_size) {
        return cb_fail(err, CB_EINPUT,
                       "no proof from %llu to %llu records: %llu of the log are signed for",
                       (unsigned long long)old, (unsigned long long)size,
                       (unsigned long long)stats.sealed_size);
    }
    TRY(hashes_open(audit->dir, size, HASHES_FROM_TILES, &h, err));
    const enum cb_code code =
        proof_consistency(hashes_source(h), hashes_merkle(h), old, size, ret, err);
    hashes_close(h);
    return code;
}
