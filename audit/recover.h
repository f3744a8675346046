/* recover.h - what a log holds, read from its newest segment when the writer starts.
 *
 * Reads, and makes durable what it read; writes nothing. A torn tail is left where it is: the next
 * segment.open states that it does not count. */
#ifndef AUDIT_RECOVER_H
#define AUDIT_RECOVER_H

#include "audit/io.h"
#include "audit/own_records.h"
#include "audit/seal/rotation.h"

/* What was given up: from the first record that is damaged, or is another's, to the end of its segment,
 * although later lines prove that it was whole once. */
struct recover_loss {
    bool found;
    uint64_t first_seq,
        last_seq; /* last_seq: the highest that shows itself; UINT64_MAX: none does */
    uint64_t segment;
    bool is_unsigned;          /* nothing is wrong with them but that they may not be signed for */
    char what[CB_ERR_MSG_MAX]; /* as recover() says it */
};

struct recovered {
    uint64_t newest_no;       /* the highest number in use, whether its file counts or not */
    struct segment_prev prev; /* for the next segment.open */
    struct merkle tree;       /* its size is the next seq */
    struct open_set open;
    /* The last key.rotate in the newest segment, if any: both keys signed it. */
    bool rotated;
    uint64_t rotate_seq;
    struct note_key old_key, new_key;
    char statement[ROTATION_NOTE_MAX]; /* of that record: the note */
    size_t statement_len;
    uint64_t statement_size; /* of the tree that it names */
    unsigned char statement_root[SHA256_LEN];
    struct recover_loss loss; /* of recover_accepting alone */
};

/* recover - the caller holds the lock. On success the tree is the caller's to free.
 * CB_ENOENT: no seg directory. CB_ECORRUPT: the file and the record are named. */
enum cb_code recover(const char *dir, struct slice origin, const struct audit_io *io,
                     struct recovered *ret, struct cb_err *err) CB_MUST_USE;

/* recover_accepting - the same, but such damage ends the log instead of its opening; and so does record
 * number `end`, if there is one (UINT64_MAX: no matter what). Whoever calls this must have been told to by
 * a person, and must record ret->loss. */
enum cb_code recover_accepting(const char *dir, struct slice origin, const struct audit_io *io,
                               uint64_t end, struct recovered *ret, struct cb_err *err) CB_MUST_USE;

#endif
