/* issued_feed.h - lines on their way to the index's thread, in one bounded buffer. Private to
 * broker/issued; the caller locks.
 *
 * It need not hold everything: run_first..run_next is the range of records it stands for, and what
 * comes after a gap or after the buffer was full is left for the log's files. */
#ifndef BROKER_ISSUED_ISSUED_FEED_H
#define BROKER_ISSUED_ISSUED_FEED_H

#include "broker/base/buf.h"
#include "broker/issued/issued_db.h"

struct feed {
    struct buf lines; /* those that concern the index, each behind a header */
    uint64_t num_lines;
    uint64_t run_first, run_next; /* the records that lines stands for; equal: none */
    char run_crc[MARK_CRC_LEN];   /* of the last of them */
    bool is_broken;               /* later ones are only to be had from the log's files */
};

void feed_init(struct feed *f);
void feed_free(struct feed *f);
void feed_reset(struct feed *f); /* empty; gives a buffer back that grew large */

/* feed_add - the next durable line. Copied if it concerns the index. */
void feed_add(struct feed *f, uint64_t seq, struct slice line);

/* feed_next - the first line of *rest, which starts as buf_slice(&f->lines), and step over it.
 * False at the end. */
bool feed_next(struct slice *rest, uint64_t *ret_seq, struct slice *ret_line);

#endif
