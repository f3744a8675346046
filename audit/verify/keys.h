/* keys.h - inside audit/verify only: which key was in force when.
 *
 * A key counts if it is the one that is pinned, or linked to it by statements, each of which the key before
 * and the key after have signed (rotation.h): whoever trusts one key of the log comes to trust all others.
 * The statements stand in the log's key.rotate records, and once more in state/rotations, for what was
 * pruned. state/vkeys is signed by nobody: it is held against them, and where no key is pinned its first
 * key is believed. */
#ifndef AUDIT_VERIFY_KEYS_H
#define AUDIT_VERIFY_KEYS_H

#include "audit/line.h"
#include "audit/seal/rotation.h"
#include "audit/seal/vkeys.h"
#include "audit/verify/findings.h"

struct rotation {
    uint64_t seq;
    struct rotation_statement s;
};

/* The key.rotate records that were read, by several threads. */
struct rotations {
    pthread_mutex_t mutex;
    struct rotation list[VKEYS_MAX];
    size_t num;
};

void rotations_init(struct rotations *r);
void rotations_free(struct rotations *r);
/* rotations_take - a record of that type. Any thread. CB_EINPUT: it is no statement that both keys have
 * signed. */
enum cb_code rotations_take(struct rotations *r, const struct line_info *info, const char *origin,
                            struct cb_err *err) CB_MUST_USE;

struct keys {
    const struct note_key *pinned; /* NULL: none */
    bool has_file;
    struct vkeys file; /* state/vkeys */
    struct rotation_statement
        kept[VKEYS_MAX]; /* state/rotations: each begins where the last ended */
    size_t num_kept;
    struct vkeys in_force;
};

/* keys_read - state/vkeys, before any record is read. CB_EINPUT: it is not a list of keys, and no key
 * is pinned. */
enum cb_code keys_read(struct keys *k, const char *dir, const struct note_key *pinned,
                       struct findings *findings, struct cb_err *err) CB_MUST_USE;
/* keys_name - of the log, by its keys; NULL: none is known. */
const char *keys_name(const struct keys *k);
/* keys_read_kept - state/rotations, once it is known what the log is called. What is wrong with it becomes
 * a finding. */
enum cb_code keys_read_kept(struct keys *k, const char *dir, const char *origin,
                            struct findings *findings, struct cb_err *err) CB_MUST_USE;
/* keys_known - all that may have signed something, as far as is known before records are read. */
#define KEYS_KNOWN_MAX (2U * VKEYS_MAX + 2U)
size_t keys_known(const struct keys *k, struct note_key ret[KEYS_KNOWN_MAX]);
/* keys_settle - after all records were read, of which there are so many; the first ones, pruned, are
 * gone. in_force is empty if no key is known. */
void keys_settle(struct keys *k, struct rotations *r, uint64_t records, uint64_t pruned,
                 struct findings *findings);
/* keys_pinned_from - the smallest size that the pinned key signs; 0: it is the first, or none. */
uint64_t keys_pinned_from(const struct keys *k);

#endif
