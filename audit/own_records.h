/* own_records.h - the records that audit/ itself writes: segment.open, segment.close, audit.fault,
 * audit.recovered, log.heartbeat, clock.step, and *.unknown for outcomes that were lost while the disk failed.
 *
 * All produce a body for line_frame(). */
#ifndef AUDIT_OWN_RECORDS_H
#define AUDIT_OWN_RECORDS_H

#include "audit/open_set.h"
#include "audit/tlog/merkle.h"

/* What is known of the segment before this one: how many of its bytes count. */
struct segment_prev {
    uint64_t no; /* 0: there is none. Numbers between it and the new one hold nothing that counts */
    uint64_t valid_bytes;
    uint64_t void_bytes; /* behind them, as seen then; more may surface later */
    bool has_void_sha256;
    unsigned char void_sha256[SHA256_LEN];
    bool clean; /* it ends with its segment.close */
};

struct segment_start {
    uint64_t no;
    struct segment_prev prev;
    uint64_t tree_size; /* records before this segment */
    struct slice origin, version, boot_id, host;
    uint64_t uid;
};

/* The tree and the open attempts go into the record too; both must fit what segment_start says. */
void own_segment_open(struct buf *out, const struct segment_start *start, struct merkle *tree,
                      const struct open_set *open);

/* own_parse_segment_start - body: from a line that line_check accepted as AUDIT_SEGMENT_OPEN.
 * Slices in *ret point into body, still escaped. CB_ECORRUPT if it is not what we write. */
enum cb_code own_parse_segment_start(struct slice body, struct segment_start *ret,
                                     struct cb_err *err) CB_MUST_USE;
/* own_parse_segment_open - the same, and the tree (initialised by the caller) and the open attempts
 * are filled. CB_ECORRUPT also when the frontier does not have the root that is stated. */
enum cb_code own_parse_segment_open(struct slice body, struct segment_start *ret,
                                    struct merkle *tree, struct open_set *open,
                                    struct cb_err *err) CB_MUST_USE;

/* reason: "roll" or "stop". */
void own_segment_close(struct buf *out, uint64_t no, const char *reason, struct merkle *tree);
/* own_parse_segment_close - the root it states. False if it has none. */
bool own_parse_segment_close(struct slice body, unsigned char ret_root[SHA256_LEN]);

struct own_fault {
    const char *what; /* stable word: "write", "fdatasync", "file", "segment" */
    char detail[CB_ERR_MSG_MAX];
    int sys_errno;
    uint64_t segment;
    uint64_t next_seq; /* the first record that was not on disk */
    int64_t since_us;  /* monotonic */
};
void own_fault(struct buf *out, const struct own_fault *fault);
void own_recovered(struct buf *out, uint64_t outage_us, uint64_t refused);
/* own_heartbeat - for so long there was nothing to record. */
void own_heartbeat(struct buf *out, uint64_t idle_us);
/* own_clock_step - by how much the wall clock moved against the time since boot; below 0: back. */
void own_clock_step(struct buf *out, int64_t step_us);
/* own_unknown - closes an attempt whose outcome could not be written. False: no memory. */
bool own_unknown(struct buf *out, const struct audit_open_attempt *attempt);

#endif
