/* findings.h - inside audit/verify only: what was found wrong, gathered from all threads. */
#ifndef AUDIT_VERIFY_FINDINGS_H
#define AUDIT_VERIFY_FINDINGS_H

#include "audit/verify/verify.h"

#include <pthread.h>

struct findings {
    pthread_mutex_t mutex;
    struct verify_finding list[VERIFY_FINDINGS_MAX]; /* sorted; the worst are kept */
    size_t num;
    uint64_t total;
    char notices[VERIFY_NOTICES_MAX][VERIFY_TEXT_MAX];
    size_t num_notices;
    struct verify_finding
        newer; /* the first record that this version does not know, if num_newer > 0 */
    uint64_t num_newer;
};

void findings_init(struct findings *f);
void findings_free(struct findings *f);

/* findings_add - any thread. found is copied; its what is printed from fmt. */
void findings_add(struct findings *f, struct verify_finding found, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* findings_notice - something that is not wrong but worth knowing. Any thread. */
void findings_notice(struct findings *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* findings_newer - a record that only a newer version knows: not wrong, but what it means for the records
 * around it is not known. Any thread. found's what is set. */
void findings_newer(struct findings *f, struct verify_finding found, const char *what);

#endif
