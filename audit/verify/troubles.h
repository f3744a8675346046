/* troubles.h - inside audit/verify only: records in which the log itself says that something was wrong with
 * it: the disk did not hold what had been acknowledged (audit.fault, reread), a start found records that
 * nobody had signed for (audit.unsigned), records were given up (audit.loss). */
#ifndef AUDIT_VERIFY_TROUBLES_H
#define AUDIT_VERIFY_TROUBLES_H

#include "audit/line.h"
#include "audit/verify/findings.h"

#define TROUBLES_MAX 64U /* of each kind; the first ones that were read */

struct trouble {
    uint64_t seq;         /* of the record */
    uint64_t first, last; /* what it is about */
};

/* Filled by several threads. */
struct troubles {
    pthread_mutex_t mutex;
    struct trouble fault[TROUBLES_MAX], starts[TROUBLES_MAX];
    uint64_t num_faults, num_unsigned; /* in all */
    uint64_t last_loss;                /* the newest audit.loss; 0: none */
};

void troubles_init(struct troubles *t);
void troubles_free(struct troubles *t);
/* troubles_take - a record of any type; t NULL: nobody gathers them. Any thread. CB_EINPUT: it does not
 * say what records of its type do. */
enum cb_code troubles_take(struct troubles *t, const struct line_info *info,
                           struct cb_err *err) CB_MUST_USE;
/* troubles_judge - of a log that good checkpoints cover up to sealed. */
void troubles_judge(struct troubles *t, uint64_t sealed, struct findings *findings);

#endif
