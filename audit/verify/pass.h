/* pass.h - inside audit/verify only: one segment, line by line.
 *
 * Each segment.open carries the tree and the open attempts it begins with, so segments can be read in
 * any order and by several threads; whether what one ends with is what the next begins with is
 * compared afterwards (links.h). After something wrong the pass goes on as well as it can, to count. */
#ifndef AUDIT_VERIFY_PASS_H
#define AUDIT_VERIFY_PASS_H

#include "audit/line.h"
#include "audit/own_records.h"
#include "audit/verify/keys.h"
#include "audit/verify/policies.h"
#include "audit/verify/tree.h"
#include "audit/verify/troubles.h"

/* What is known of a segment before it is read. */
struct pass_scope {
    const char *file;            /* its name in the log's directory, for findings */
    const char *origin;          /* of the log */
    struct rotations *rotations; /* gets the key.rotate records */
    struct troubles *troubles;   /* gets what the log says of itself; NULL: nobody asks */
    struct policies
        *policies; /* gets the digests of policies that came into force; NULL: nobody does */
    uint64_t no, first_seq;
    uint64_t valid_bytes; /* UINT64_MAX: the newest segment; everything whole counts */
    uint64_t
        end_seq; /* the first record of the next segment; of the newest: as many as were signed */
};

/* What a segment begins or ends with. */
struct pass_edge {
    bool is_known;
    unsigned char root[SHA256_LEN];
    unsigned char attempts[SHA256_LEN]; /* digest of those without outcome */
};

struct pass {
    struct pass_scope scope;
    struct tree tree; /* its m is ours below */
    struct merkle m;  /* its size is the number of the record that comes next */
    struct open_set open;
    struct segment_start start; /* its slices are gone */
    struct pass_edge begin, end;
    uint64_t line;    /* number of the one just read */
    uint64_t offset;  /* behind the last line that counts */
    uint64_t floor;   /* d of the record before */
    uint64_t damaged; /* lines since the last good one that are none */
    uint64_t found;   /* findings that were added, without the tree's */
    int64_t first_us, last_us;
    bool opened, closed, unreadable;
    bool newer;   /* there was a record that only a newer version knows */
    bool in_tail; /* of the newest segment: what follows may be torn */
    bool follows; /* the record just taken stood directly behind the one before */
};

/* pass_begin - m: initialised by the caller, who frees it; tree: its given members are filled in. */
void pass_begin(struct pass *p, const struct pass_scope *scope, const struct tree *given);

/* pass_line - the next whole line, which begins at offset; pass_broken - bytes that are none. Failure
 * means that something could not be read, not that something is wrong. */
enum cb_code pass_line(struct pass *p, struct slice line, uint64_t offset,
                       struct cb_err *err) CB_MUST_USE;
enum cb_code pass_broken(struct pass *p, struct slice bytes, struct cb_err *err) CB_MUST_USE;

/* pass_unreadable - the rest of the file cannot be read because of what is in it. */
void pass_unreadable(struct pass *p, const char *why);

/* pass_end - the file has no more bytes that count. */
void pass_end(struct pass *p);

static inline uint64_t pass_found(const struct pass *p)
{
    return p->found + p->tree.found;
}

#endif
