/* judge.h - inside audit/verify only: what checkpoints and records mean together. */
#ifndef AUDIT_VERIFY_JUDGE_H
#define AUDIT_VERIFY_JUDGE_H

#include "audit/verify/keys.h"
#include "audit/verify/run.h"

/* One attempt. */
struct verifying {
    const struct verify_options *options;
    struct findings findings;
    struct promises promises;
    struct keys keys;
    struct run run;
    char origin[NOTE_NAME_MAX + 1];
    struct verify_report *report;
    bool is_last; /* there will be no further attempt */
};

/* judge_num_records - 0 where no segment was read. */
uint64_t judge_num_records(const struct verifying *v);

/* judge_promises - after all records were read and all signatures checked. CB_EBUSY: wait a second and
 * look again. */
enum cb_code judge_promises(struct verifying *v, struct cb_err *err) CB_MUST_USE;

/* judge_keys - after judge_promises: a new key counts only in the history in which it was put in force. */
void judge_keys(struct verifying *v);

/* judge_newer - last of all: where there are records that only a newer version knows, what is wrong is
 * still wrong, but that nothing is wrong cannot be told. CB_EINPUT names the first. */
enum cb_code judge_newer(struct verifying *v, struct cb_err *err) CB_MUST_USE;

/* judge_outside - the last: everything from outside must be continued. CB_ECRYPTO: nothing is wrong, but a
 * witness shows a checkpoint that the log's key has not signed, so that it cannot be told. */
enum cb_code judge_outside(struct verifying *v, struct cb_err *err) CB_MUST_USE;

#endif
