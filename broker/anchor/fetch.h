/* fetch.h - what a witness has seen of a log: its newest cosigned checkpoint.
 *
 * Not part of C2SP tlog-witness: `certbroker witness serve` answers it, other witnesses may not. The
 * program has called anchor_setup before. Blocks, within the time limit. Any thread. */
#ifndef BROKER_ANCHOR_FETCH_H
#define BROKER_ANCHOR_FETCH_H

#include "audit/tlog/checkpoint.h"

struct fetch_options {
    const char *url;     /* "https://witness1.acme.example:8444" */
    const char *ca_file; /* PEM: who may have signed its certificate; NULL with http:// only */
    unsigned timeout_ms; /* 0: 10000 */
};

/* anchor_setup - initialise libcurl for the process, once, before there are threads. The server has
 * its own way (ca_setup); this is for commands. */
enum cb_code anchor_setup(struct cb_err *err) CB_MUST_USE;

/* fetch_note - the bytes as they came, into out (initialised here, freed on failure). CB_ENOENT: it has
 * seen nothing of this log, or is no witness of the kind. CB_ESYS: no answer. */
enum cb_code fetch_note(const struct fetch_options *options, struct slice origin, struct buf *out,
                        struct cb_err *err) CB_MUST_USE;

/* fetch_checkpoint - the same, and checked: it is this log's, and the witness's key signed it.
 * *ret_time_s: when. Whether the log's key signed it is the caller's to ask. note (initialised
 * here; NULL: not wanted) gets the bytes. CB_ECRYPTO: another key, or a forgery. CB_EINPUT: no
 * checkpoint of this log. */
enum cb_code fetch_checkpoint(const struct fetch_options *options, const struct note_key *witness,
                              struct slice origin, struct checkpoint *ret, uint64_t *ret_time_s,
                              struct buf *note, struct cb_err *err) CB_MUST_USE;

#endif
