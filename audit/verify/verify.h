/* verify.h - is a log whole? Reads everything, changes nothing, contacts nobody.
 *
 * Compares five things that must agree: the records themselves (form, checksum, number, batch); the
 * hash tree over them; what each segment states about those before it; the hashes kept in tiles; and
 * checkpoints, which are signed. The last come from the log's own state and from outside: saved
 * earlier, or kept by a witness. Only those can show that the newest records were cut off.
 *
 * Works beside a running writer: what is signed is read before the records are, so a log that grows
 * meanwhile only holds more than was promised. Public surface of audit/verify/. */
#ifndef AUDIT_VERIFY_VERIFY_H
#define AUDIT_VERIFY_VERIFY_H

#include "audit/tlog/note.h"

#include <stdatomic.h>

#define VERIFY_OUTSIDE_MAX 32U /* checkpoints from outside */
#define VERIFY_FINDINGS_MAX 16U
#define VERIFY_NOTICES_MAX 8U
#define VERIFY_KEYS_MAX 128U
#define VERIFY_TEXT_MAX 320U
#define VERIFY_THREADS_MAX 64U

/* A checkpoint that does not come from the log's directory. */
struct verify_outside {
    const char *name;   /* what messages call it: a file's path, a witness's address */
    struct slice bytes; /* the note */
    /* a witness's key, whose cosignature the note must carry; NULL: the log's own signature is enough */
    const struct note_key *witness;
};

/* How far it is. Written by the threads that read, for whoever shows progress. */
struct verify_progress {
    _Atomic uint64_t bytes, total_bytes; /* of segments */
    _Atomic uint64_t notes, total_notes; /* signatures */
};

struct verify_options {
    const char *dir;
    const struct note_key *key; /* pinned; NULL: the log's own list of keys is believed */
    const struct verify_outside *outside;
    size_t num_outside; /* VERIFY_OUTSIDE_MAX at most */
    unsigned threads;   /* 0: one for each processor */
    /* of the checkpoints in checkpoints.log only the newest one's signature; all roots all the same */
    bool quick;
    size_t
        max_history; /* checkpoints of checkpoints.log that are compared; 0: two million. Of longer ones
                         * so many, spread over all of it and closest at its end */
    struct verify_progress *progress; /* NULL: nobody looks */
};

enum verify_verdict { VERIFY_INTACT, VERIFY_TAMPERED };

/* In the order in which they matter. */
enum verify_kind {
    VERIFY_RECORD,     /* this record */
    VERIFY_RECORDS,    /* one or more of these records; which of them cannot be told */
    VERIFY_SEGMENT,    /* a segment's file, as a whole */
    VERIFY_TILE,       /* a tile: the records themselves are right */
    VERIFY_CHECKPOINT, /* a checkpoint */
    VERIFY_STATE,      /* another file in the log's state */
};

#define VERIFY_NO_SEQ UINT64_MAX

struct verify_finding {
    enum verify_kind kind;
    uint64_t seq, last_seq; /* VERIFY_NO_SEQ: none */
    uint64_t line;          /* in file, from 1; 0: none */
    char file[128];         /* in the log's directory, or what stands outside is called; "": none */
    char what[VERIFY_TEXT_MAX];
};

struct verify_report {
    enum verify_verdict verdict;
    char origin[NOTE_NAME_MAX + 1];
    uint64_t records, segments, bytes, void_bytes, torn_bytes, tiles;
    bool
        in_order; /* false: segments are missing or do not fit each other, and no record was read */
    uint64_t unread; /* of the records: those in packed segments that cannot be unpacked */
    uint64_t pruned; /* of the records: the first ones, which were removed; their hashes are kept */
    int64_t first_us, last_us; /* of the first and the last record */
    uint64_t checkpoints;      /* of the log's own state, each different one counted once */
    uint64_t signatures;       /* that were checked */
    uint64_t policies;         /* that are kept under their digest */
    uint64_t sealed;           /* records that the newest good checkpoint covers */
    size_t outside;            /* checkpoints from outside that the log continues */
    bool pinned;
    struct note_key keys[VERIFY_KEYS_MAX]; /* in the order of their use */
    uint64_t key_from[VERIFY_KEYS_MAX];    /* smallest size that each signs */
    size_t num_keys;
    struct verify_finding findings[VERIFY_FINDINGS_MAX]; /* the first ones, worst first */
    size_t num_findings;                                 /* in the list */
    uint64_t total_findings;                             /* with those that are not */
    char notices[VERIFY_NOTICES_MAX][VERIFY_TEXT_MAX];   /* worth knowing, nothing wrong */
    size_t num_notices;
};

/* verify_log - CB_OK: *ret says whether it is intact. Anything else: it cannot be told, because a file
 * cannot be read, a key is missing, memory is short, or a newer version has written records that are not
 * known here, and nothing else is wrong; *ret is not written. Blocks. */
enum cb_code verify_log(const struct verify_options *options, struct verify_report *ret,
                        struct cb_err *err) CB_MUST_USE;

#endif
