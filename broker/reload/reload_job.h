/* reload_job.h - one reload, on a thread of its own: read, check, compare, record. Loading a large
 * policy and deciding a day of requests again take seconds, in which the main thread has signals and
 * the operations listener to look after.
 *
 * The thread touches nothing of the server but the audit log. What it found is applied by the main
 * thread, which gets the job back as a mail. */
#ifndef BROKER_RELOAD_JOB_H
#define BROKER_RELOAD_JOB_H

#include "broker/reload/generation.h"
#include "broker/reload/reload_changes.h"
#include "broker/reload/reload_guard.h"

#include <pthread.h>
#include <stdatomic.h>

struct server;

enum reload_result {
    RELOAD_LOADED,
    RELOAD_UNCHANGED,  /* the same policy; TLS and CA files were read anew */
    RELOAD_BAD_POLICY, /* from here on: refused, nothing has changed */
    RELOAD_BAD_FILES,  /* TLS files, the CA's certificate or credentials */
    RELOAD_TESTS,      /* the policy's tests failed, or there are none and they are required */
    RELOAD_GUARD,      /* it takes away what was granted lately, or too many rules are gone */
    RELOAD_FAILED,     /* memory, the audit log */
    RELOAD_STOPPED,    /* the broker is stopping */
};
#define RELOAD_RESULT_COUNT 8
/* reload_result_word - "loaded", "unchanged", "policy", "files", "tests", "guard", "failed",
 * "stopped": for metrics and answers. */
const char *reload_result_word(enum reload_result result);
static inline bool reload_is_refused(enum reload_result result)
{
    return result >= RELOAD_BAD_POLICY;
}

#define RELOAD_REASON_MAX 200U /* bytes of the reason for one */
#define RELOAD_USER_MAX 64U    /* of a user's name */
#define RELOAD_BY_MAX 224U
#define RELOAD_WHY_MAX 600U
#define RELOAD_ERRORS_MAX (2U * DIAG_MAX + 2U)

/* Who wants it, and whether tests and guard may refuse it. */
struct reload_order {
    char by[RELOAD_BY_MAX + 1];         /* "sighup", "uid 0 (root), pid 123 via control" */
    char forced[RELOAD_REASON_MAX + 1]; /* the reason; "": not forced */
    char reason[RELOAD_REASON_MAX + 1]; /* why it is wanted, if it is not forced; "": not said */
};

/* How far a job has got, as far as that matters to who wants to stop it. */
enum reload_phase {
    RELOAD_LOOKING,    /* may be called off */
    RELOAD_CALLED_OFF, /* will not touch the audit log any more */
    RELOAD_RECORDING,  /* its record is being written: it goes through */
};

struct reload_job {
    struct mail mail;
    struct mailbox *mailbox;
    struct server *owner; /* for the mail's delivery; the thread does not look at it */
    pthread_t thread;
    _Atomic(int) phase; /* enum reload_phase */
    /* what it works on */
    const struct config *config;
    struct audit *audit;
    struct policy_ref *before;       /* a reference: the policy in force */
    struct generation_prints prints; /* of what is in force; in the end, of what was loaded */
    size_t num_generations;
    struct reload_order order;
    int64_t start_wall_us, start_mono_us, duration_us;
    /* what came of it; texts live in the arena */
    struct arena arena;
    enum reload_result result;
    char why[RELOAD_WHY_MAX]; /* refused: why; forced: what would have refused it. One line */
    struct worker_generation *generations; /* loaded or unchanged: one a worker; else NULL */
    struct policy
        *policy; /* the candidate, until the generations own it; NULL: could not be read */
    char policy_sha256[SHA256_HEX_LEN + 1]; /* of the candidate; "" if it could not be read */
    size_t num_warnings;
    const char *errors[RELOAD_ERRORS_MAX]; /* complaints about the policy and its tests, lines */
    size_t num_errors;
    struct change_lines changes;
    bool has_objection; /* tests or guard: the first one that objected, while why has them all */
    enum reload_result objection;
    bool has_guard; /* guard is filled in */
    struct guard guard;
};

/* reload_job_start - begin. The mail's deliver is called on the mailbox's thread when it is over.
 * The mailbox, config and audit must outlive it. */
enum cb_code reload_job_start(struct reload_job *job, struct cb_err *err) CB_MUST_USE;
/* reload_job_call_off - it ends soon, unless (false) its record is being written. Any thread. */
bool reload_job_call_off(struct reload_job *job);
/* reload_job_join - wait until its thread has ended. False: it was called off and has not ended in
 * this time (a file that cannot be read to its end): leave it, and everything it uses, alone. */
bool reload_job_join(struct reload_job *job, unsigned wait_s);
void reload_job_free(struct reload_job *job); /* after reload_job_join; NULL ok */

#endif
