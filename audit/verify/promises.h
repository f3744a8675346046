/* promises.h - inside audit/verify only: what checkpoints say, in the order of their sizes.
 *
 * All are read before any record is. What each says about the tree is compared while the records are
 * read; who signed it is checked afterwards, when it is known which key was in force. */
#ifndef AUDIT_VERIFY_PROMISES_H
#define AUDIT_VERIFY_PROMISES_H

#include "audit/tlog/checkpoint.h"
#include "audit/verify/findings.h"

#define PROMISES_HISTORY_MAX ((size_t)2000000) /* kept of checkpoints.log: 140 MiB */

enum promise_source {
    PROMISE_LOGGED,   /* state/checkpoints.log */
    PROMISE_COSIGNED, /* state/cosigned */
    PROMISE_NEWEST,   /* state/checkpoint */
    PROMISE_OUTSIDE,
    PROMISE_STATED, /* state/rotations: what the log was when its key was changed */
};

enum promise_state {
    PROMISE_OPEN, /* not compared: the records it is about cannot be hashed */
    PROMISE_MATCHES,
    PROMISE_DIFFERS,
};

enum promise_signature {
    PROMISE_UNREAD,
    PROMISE_SIGNED, /* by the key of its size */
    PROMISE_FORGED, /* and that was said; of a witness's note judge_outside says it */
};

struct promise {
    uint64_t size;
    unsigned char root[SHA256_LEN];
    enum promise_source source;
    enum promise_state state;         /* set by whoever reads the segment that the size lies in */
    enum promise_signature signature; /* signatures.h */
    uint32_t len;                     /* of the note */
    uint64_t at;   /* PROMISE_LOGGED: where it begins in the file; PROMISE_OUTSIDE: its number */
    uint64_t line; /* PROMISE_LOGGED: its first */
};

struct promises {
    const char *dir; /* borrowed */
    const struct verify_outside *outside;
    struct promise *list; /* sorted by size; owned */
    size_t num, room;
    size_t max_num;              /* before checkpoints.log is thinned out */
    uint64_t history;            /* notes that checkpoints.log has; not all are in the list */
    int log_fd;                  /* -1: no such file */
    struct buf seen;             /* state/checkpoint, before checkpoints.log was read */
    struct buf newest, cosigned; /* the notes; empty: no such file */
    char origin[NOTE_NAME_MAX + 1];
    uint64_t sealed;   /* largest size the log's own state names */
    uint64_t logged;   /* the last one in checkpoints.log; 0: none */
    uint64_t promised; /* largest size of all: so many records must be there */
    bool has_any;      /* of the log's own state */
};

/* promises_read - of the log in options->dir and from outside. What is malformed becomes a finding;
 * an outside note that is, CB_EINPUT. On failure there is nothing to free. */
enum cb_code promises_read(struct promises *c, const struct verify_options *options,
                           const char *origin, struct findings *findings,
                           struct cb_err *err) CB_MUST_USE;
/* promises_trust - from now on sealed and promised are those of notes that one of these keys has signed:
 * whatever else a note says is no reason to look for so many records. */
enum cb_code promises_trust(struct promises *c, const struct note_key *keys, size_t num,
                            struct cb_err *err) CB_MUST_USE;
/* promises_stated - one more, of a statement about a new key, whose signatures are good. */
enum cb_code promises_stated(struct promises *c, uint64_t size,
                             const unsigned char root[SHA256_LEN], struct cb_err *err) CB_MUST_USE;
void promises_free(struct promises *c);

/* promises_name - what a sentence calls the checkpoint; for one of a witness that is its name. */
#define PROMISE_NAME_MAX 220U
void promises_name(const struct promises *c, const struct promise *promise,
                   char out[PROMISE_NAME_MAX]);

/* promises_check_history - a while after promises_read: is what stood in state/checkpoint then in
 * checkpoints.log by now? */
void promises_check_history(const struct promises *c, struct findings *findings);

/* promises_from - the first promise about more than size records: an index, c->num if there is none. */
size_t promises_from(const struct promises *c, uint64_t size);

/* promises_note - the bytes of a promise's note, read into buf where they have to be. Any thread. */
enum cb_code promises_note(const struct promises *c, const struct promise *promise, struct buf *buf,
                           struct slice *ret, struct cb_err *err) CB_MUST_USE;

/* promises_place - where a finding about it is. */
struct verify_finding promises_place(const struct promises *c, const struct promise *promise);

#endif
