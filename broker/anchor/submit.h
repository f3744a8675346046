/* submit.h - showing one checkpoint to one witness. Private to broker/anchor/. */
#ifndef BROKER_ANCHOR_SUBMIT_H
#define BROKER_ANCHOR_SUBMIT_H

#include "broker/anchor/anchor.h"
#include "broker/anchor/http.h"

enum submit_result {
    SUBMIT_COSIGNED,
    SUBMIT_FAILED, /* not now, or not like this; nothing contradicts anything */
    SUBMIT_SPLIT,  /* it has seen, signed by the log's key, what the log does not have */
};

struct submit {
    const struct anchor_witness *witness;
    const struct anchor_log *log;
    struct anchor_http *http;
    uint64_t known_size;  /* what it cosigned last, as far as we know; kept from call to call */
    uint64_t forgot_size; /* set when it says it has cosigned less than it had: this much; else 0 */
};

/* submit_run - note is a whole note and checkpoint what is in it. SUBMIT_COSIGNED: its verified
 * signature line, with the newline, is added to line. Else err says why, and *ret_seen is the size that
 * the witness says it has, 0 if it did not say. */
enum submit_result submit_run(struct submit *s, struct slice note,
                              const struct checkpoint *checkpoint, struct buf *line,
                              uint64_t *ret_seen, struct cb_err *err);

/* cosignature_find - among the lines that a witness answered for this text: the one that its key
 * signed; points into lines. CB_ECRYPTO: there is none. */
enum cb_code cosignature_find(struct slice text, struct slice lines, const struct note_key *key,
                              struct slice *ret, struct cb_err *err) CB_MUST_USE;

#endif
