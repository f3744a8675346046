/* doctor.c - see doctor.h. */
#include "audit/keep/doctor_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void doctor_say(const struct doctor *d, enum doctor_level level, const char *advice,
                const char *fmt, ...)
{
    char what[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    d->options->say(d->options->ctx, level, what, advice);
}

static enum cb_code look(struct doctor *d, struct cb_err *err)
{
    TRY(doctor_access(d, err));
    doctor_files(d);
    if (d->origin[0] == '\0') {
        return CB_OK; /* it is no log, and that was said */
    }
    TRY(doctor_open(d, err));
    TRY(doctor_segments(d, err));
    doctor_losses(d);
    return CB_OK;
}

enum cb_code doctor_look(const struct doctor_options *options, struct cb_err *err)
{
    struct doctor d = {.options = options,
                       .io = options->io == NULL ? &audit_system_io : options->io,
                       .dir = options->dir,
                       .vkeys = calloc(1, sizeof(*d.vkeys))};
    const enum cb_code code =
        d.vkeys == NULL ? cb_fail(err, CB_ENOMEM, "no memory for the log's keys") : look(&d, err);
    free(d.vkeys);
    return code;
}
