/* hashes.h - the hash tree over a log directory, for proofs: from its tiles where they are there, and
 * from the records where not.
 *
 * Nothing here is sure of what it hands out: a tile may have been changed, and so may a record. A proof
 * made of it is checked against a signed root before anybody sees it. Works beside a running writer. */
#ifndef AUDIT_HASHES_H
#define AUDIT_HASHES_H

#include "audit/tlog/proof.h"

struct hashes; /* opaque; belongs to one thread; about 130 KiB */

enum hashes_from {
    HASHES_FROM_TILES,   /* where there are some; the ordinary way */
    HASHES_FROM_RECORDS, /* alone: slow, all of them are read, and right if the tiles are damaged */
};

/* hashes_open - over the first size records, of which a checkpoint says that they are durable. dir is
 * copied. *source stays valid until hashes_close. */
enum cb_code hashes_open(const char *dir, uint64_t size, enum hashes_from from, struct hashes **ret,
                         struct cb_err *err) CB_MUST_USE;
void hashes_close(struct hashes *h); /* NULL ok */

/* hashes_source - to make proofs with. Its read: CB_EINPUT for nodes that reach beyond size; CB_ENOENT
 * and CB_ECORRUPT as records_read. */
const struct hash_source *hashes_source(const struct hashes *h);

/* hashes_records - the records behind it, by number. */
struct records *hashes_records(struct hashes *h);

/* hashes_merkle - its SHA-256, for the functions of proof.h that want one. */
struct merkle *hashes_merkle(struct hashes *h);

#endif
