/* err.h - the one way in which every module reports a failure.
 *
 * A function that can fail returns enum cb_code and fills a struct cb_err (always its last
 * parameter, never NULL). Out-parameters are written on success only. Library code never logs:
 * whoever stands at the top of the call decides where the message goes. */
#ifndef CB_BASE_ERR_H
#define CB_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

enum cb_code {
    CB_OK = 0,
    CB_EINPUT,   /* what we were given is wrong: a file, an argument, a request */
    CB_ELIMIT,   /* a cap was reached; the caller may try again later or smaller */
    CB_ENOENT,   /* asked for by name and not there */
    CB_ESYS,     /* a system call failed; sys_errno says which way */
    CB_ECRYPTO,  /* OpenSSL refused; the message carries its reason */
    CB_ECORRUPT, /* stored state contradicts itself: never go on as if nothing happened */
    CB_EBUSY,    /* someone else holds it */
    CB_ENOMEM,
    CB_EINTERNAL, /* our own bug, caught */
    CB_CODE_COUNT
};

#define CB_ERR_MSG_MAX 400

struct cb_err {
    enum cb_code code;
    int sys_errno;            /* errno of the failing call, 0 if none */
    char msg[CB_ERR_MSG_MAX]; /* one line, no secrets, no raw bytes of a client */
};

#define CB_MUST_USE __attribute__((warn_unused_result))

/* cb_fail - record a failure and return its code, so that `return cb_fail(...)` reads well.
 * The message is printf-formatted and cut at CB_ERR_MSG_MAX. sys_errno is set to 0. */
enum cb_code cb_fail(struct cb_err *err, enum cb_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* cb_fail_errno - like cb_fail with CB_ESYS; keeps errno and appends ": <strerror>". */
enum cb_code cb_fail_errno(struct cb_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* cb_code_word - a stable lower-case word for a code, for logs. Never NULL. */
const char *cb_code_word(enum cb_code code);

/* TRY - hand a failure up unchanged. One of the two macros that may change control flow. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum cb_code try_code_ = (call);                                                           \
        if (try_code_ != CB_OK) {                                                                  \
            return try_code_;                                                                      \
        }                                                                                          \
    } while (0)

/* CB_CHECK - an invariant of our own that must hold in release builds too: abort beats going on. */
#define CB_CHECK(cond)                                                                             \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            cb_check_failed(#cond, __FILE__, __LINE__);                                            \
        }                                                                                          \
    } while (0)
__attribute__((noreturn)) void cb_check_failed(const char *cond, const char *file, int line);

#endif
