/* doctor_parts.h - inside of the doctor only.
 *
 *   doctor.c           the order of questions
 *   doctor_access.c    may we read it?
 *   doctor_files.c     directories, permissions, space, key, attributes, leftovers
 *   doctor_open.c      what a start would do
 *   doctor_segments.c  every closed segment, record by record
 *   doctor_loss.c      losses that were accepted */
#ifndef AUDIT_DOCTOR_PARTS_H
#define AUDIT_DOCTOR_PARTS_H

#include "audit/io.h"
#include "audit/keep/doctor.h"
#include "audit/seal/vkeys.h"

struct doctor {
    const struct doctor_options *options;
    const struct audit_io *io;
    const char *dir;
    char origin[65];     /* "": not known */
    bool is_running;     /* somebody holds the lock */
    bool is_copy;        /* its newest segment is packed: no writer leaves that behind */
    struct vkeys *vkeys; /* num 0: none */
};

void doctor_say(const struct doctor *d, enum doctor_level level, const char *advice,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* doctor_access - CB_ENOENT: there is no such directory. CB_ESYS: we may not read something; who may. */
enum cb_code doctor_access(const struct doctor *d, struct cb_err *err) CB_MUST_USE;
/* Each says what it finds; only memory is a failure. */
void doctor_losses(const struct doctor *d);
void doctor_files(struct doctor *d);
enum cb_code doctor_open(struct doctor *d, struct cb_err *err) CB_MUST_USE;
enum cb_code doctor_segments(struct doctor *d, struct cb_err *err) CB_MUST_USE;

#endif
