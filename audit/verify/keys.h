/* keys.h - inside audit/verify only: which key was in force when.
 *
 * The truth are the log's key.rotate records: each is signed by the key before and the key after, so
 * whoever trusts one key of the log comes to trust all others. state/vkeys is a hint, believed where
 * no key is pinned, and for what was pruned. */
#ifndef AUDIT_VERIFY_KEYS_H
#define AUDIT_VERIFY_KEYS_H

#include "audit/line.h"
#include "audit/verify/findings.h"
#include "audit/vkeys.h"

struct rotation {
    uint64_t seq;
    struct note_key old_key, new_key;
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
    struct vkeys in_force;
};

/* keys_read - state/vkeys, before any record is read. CB_EINPUT: it is not a list of keys, and no key
 * is pinned. */
enum cb_code keys_read(struct keys *k, const char *dir, const struct note_key *pinned,
                       struct findings *findings, struct cb_err *err) CB_MUST_USE;
/* keys_name - of the log, by its keys; NULL: none is known. */
const char *keys_name(const struct keys *k);
/* keys_settle - after all records were read, of which there are so many; the first ones, pruned, are
 * gone. in_force is empty if no key is known. */
void keys_settle(struct keys *k, struct rotations *r, uint64_t records, uint64_t pruned,
                 struct findings *findings);

#endif
