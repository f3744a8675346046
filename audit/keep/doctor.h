/* doctor.h - the state of a log in plain words: what a start would do, what is damaged, what a person can
 * do about it. Reads only (recovery's fsync apart). Works beside a running writer. Public. */
#ifndef AUDIT_DOCTOR_H
#define AUDIT_DOCTOR_H

#include "broker/base/err.h"

#include <stdint.h>

struct audit_io;

enum doctor_level {
    DOCTOR_GOOD,
    DOCTOR_NOTE,    /* nothing is wrong, but it is worth knowing */
    DOCTOR_PROBLEM, /* somebody should do something */
};

struct doctor_options {
    const char *dir;
    const char *key;     /* file of the log's signing key; NULL: not looked at */
    const char *archive; /* where copies of segments may be found; NULL: none */
    uint64_t soft_free_bytes, hard_free_bytes; /* 0: the writer's defaults */
    const struct audit_io *io;                 /* NULL: the real one */
    /* advice: what can be done; NULL: nothing need be. Both are borrowed for the call. */
    void (*say)(void *ctx, enum doctor_level level, const char *what, const char *advice);
    void *ctx;
};

/* doctor_look - CB_ENOENT: there is no such directory. CB_ESYS: this user may not read all of it. */
enum cb_code doctor_look(const struct doctor_options *options, struct cb_err *err) CB_MUST_USE;

#endif
