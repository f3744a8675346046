/* err.c - formatting of struct cb_err; see err.h for the rules. */
#include "broker/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void format_into(struct cb_err *err, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void format_into(struct cb_err *err, const char *fmt, va_list ap)
{
    if (vsnprintf(err->msg, sizeof(err->msg), fmt, ap) < 0) {
        err->msg[0] = '\0';
    }
}

enum cb_code cb_fail(struct cb_err *err, enum cb_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format_into(err, fmt, ap);
    va_end(ap);
    err->code = code;
    err->sys_errno = 0;
    return code;
}

enum cb_code cb_fail_errno(struct cb_err *err, const char *fmt, ...)
{
    const int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    format_into(err, fmt, ap);
    va_end(ap);
    const size_t used = strlen(err->msg);
    char reason[128];
    /* The GNU strerror_r: returns the text, which need not be in the buffer. */
    const char *text = strerror_r(saved, reason, sizeof(reason));
    (void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", text);
    err->code = CB_ESYS;
    err->sys_errno = saved;
    return CB_ESYS;
}

const char *cb_code_word(enum cb_code code)
{
    switch (code) {
    case CB_OK:
        return "ok";
    case CB_EINPUT:
        return "input";
    case CB_ELIMIT:
        return "limit";
    case CB_ENOENT:
        return "not_found";
    case CB_ESYS:
        return "system";
    case CB_ECRYPTO:
        return "crypto";
    case CB_ECORRUPT:
        return "corrupt";
    case CB_EBUSY:
        return "busy";
    case CB_ENOMEM:
        return "memory";
    case CB_EINTERNAL:
        return "internal";
    case CB_CODE_COUNT:
        break;
    }
    return "unknown";
}

void cb_check_failed(const char *cond, const char *file, int line)
{
    (void)fprintf(stderr, "certbroker: internal check failed: %s at %s:%d\n", cond, file, line);
    abort();
}
