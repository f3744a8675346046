/* issued_thread.c - the index's thread: takes what was fed, applies it in batches, answers questions.
 *
 * The feed need not be complete: fed_next says how far the log is durable, and what the feed lacks
 * is read from the log's files. So a full buffer, a line nobody fed and an error in the database
 * all have the same cure (issued_sync.c).
 *
 * A question is answered after everything fed before it is applied, which is all the ordering that
 * a caller needs. Lines alone do not wake the thread at once: many of them make one transaction. */
#include "broker/issued/issued_thread.h"

#include "broker/base/log.h"
#include "broker/issued/issued_apply.h"

#include <time.h>

#define LINGER_US 250000    /* how long lines may wait for company */
#define COMMIT_US 1000000   /* how long a transaction stays open */
#define COMMIT_ROUNDS 1024U /* or for how many rounds that brought something */
#define RETRY_US 500000     /* between two tries to catch up that fail */

/* ---- the thread: applying ---- */
static enum cb_code apply_line(struct issued *issued, uint64_t seq, struct slice line,
                               struct cb_err *err)
{
    if (seq < issued->sync.db->now.mark.applied) {
        return CB_OK; /* the run overlaps what was read from the files */
    }
    return issued_apply(issued->sync.db, line, &issued->sync.incomplete, err);
}

static enum cb_code apply_lines(struct issued *issued, struct cb_err *err)
{
    const struct feed *work = &issued->work;
    struct slice rest = buf_slice(&work->lines);
    uint64_t seq = 0;
    struct slice line;
    TRY(issued_db_begin(issued->sync.db, err));
    while (feed_next(&rest, &seq, &line)) {
        TRY(apply_line(issued, seq, line, err));
    }
    struct issued_mark mark = {.applied = work->run_next};
    memcpy(mark.crc, work->run_crc, MARK_CRC_LEN);
    issued_db_applied(issued->sync.db, &mark);
    return CB_OK;
}

/* give_up - what the open transaction held is read from the log's files again. */
static void give_up(struct issued *issued, enum cb_code code, const struct cb_err *err)
{
    log_warn("issued.retry", "%s", err->msg);
    issued_db_rollback(issued->sync.db);
    issued->sync.is_damaged = issued->sync.is_damaged || code == CB_ECORRUPT;
}

/* commit_if_due - a transaction stays open over several rounds, because each commit writes every
 * page it touched. Nothing is lost with it that the log does not have. */
static void commit_if_due(struct issued *issued, bool is_last)
{
    struct issued_db *db = issued->sync.db;
    if (db == NULL || db->pending == 0) {
        return;
    }
    const bool is_due = issued_now_us() >= issued->opened_us + COMMIT_US;
    struct cb_err err;
    if (is_last || is_due || db->pending >= COMMIT_ROUNDS) {
        const enum cb_code code = issued_db_commit(db, &err);
        if (code != CB_OK) {
            give_up(issued, code, &err);
        }
    }
}

/* catch_up - from the log's files; not again and again while it keeps failing. */
static void catch_up(struct issued *issued, uint64_t fed_next)
{
    if (issued->is_behind && issued_now_us() < issued->retry_at_us) {
        return;
    }
    struct cb_err err;
    issued->catch_ups++;
    issued->is_behind = issued_sync_bring(&issued->sync, fed_next, &err) != CB_OK;
    if (issued->is_behind) {
        log_error("issued.behind", "%s", err.msg);
        issued->retry_at_us = issued_now_us() + RETRY_US;
    }
}

/* is_usable - does the database hold everything up to its mark, and can it take more? */
static bool is_usable(const struct issued *issued)
{
    return issued->sync.db != NULL && !issued->is_behind && !issued->sync.is_damaged;
}

static void apply(struct issued *issued, uint64_t fed_next)
{
    const struct feed *work = &issued->work;
    struct issued_db *db = issued->sync.db;
    if (is_usable(issued) && work->run_first <= db->now.mark.applied &&
        db->now.mark.applied < work->run_next) {
        struct cb_err err;
        if (db->pending == 0) {
            issued->opened_us = issued_now_us();
        }
        const enum cb_code code = apply_lines(issued, &err);
        if (code != CB_OK) {
            give_up(issued, code, &err);
        }
    }
    if (!is_usable(issued) || db->now.mark.applied < fed_next) {
        catch_up(issued, fed_next);
    }
}

/* ---- the thread: answering ---- */
static enum cb_code look_up(struct issued *issued, struct issued_query *q, struct cb_err *err)
{
    struct issued_db *db = issued->sync.db;
    if (q->verb == ISSUED_CLAIM_ROOM) {
        return rooms_claim(&issued->rooms, db, q, err);
    }
    if (q->verb == ISSUED_LOOK_ROOM) {
        return rooms_look(&issued->rooms, db, q, err);
    }
    bool found = false;
    TRY(q->verb == ISSUED_BY_SERIAL
            ? issued_db_by_serial(db, q->key, q->arena, &found, &q->cert, err)
            : issued_db_by_key(db, q->client, q->key, q->arena, &found, &q->cert, err));
    q->found = found ? ISSUED_FOUND : ISSUED_NONE;
    return CB_OK;
}

/* find - look up; a page that turns out to be damaged is mended by making the file anew. */
static enum issued_found find(struct issued *issued, struct issued_query *q)
{
    for (unsigned tries = 0; tries < 2 && !issued->is_behind; tries++) {
        struct cb_err err;
        const enum cb_code code = look_up(issued, q, &err);
        if (code == CB_OK) {
            return q->found;
        }
        if (code != CB_ECORRUPT) {
            log_error("issued.lookup", "%s", err.msg);
            break;
        }
        const uint64_t applied = issued->sync.db->now.mark.applied;
        give_up(issued, code, &err);
        catch_up(issued, applied);
    }
    return ISSUED_ERROR;
}

static enum issued_found claim(struct issued *issued, struct issued_query *q)
{
    switch (claims_take(&issued->claims, q->client, q->key)) {
    case CLAIM_TAKEN:
        break;
    case CLAIM_HELD:
        return ISSUED_IN_FLIGHT;
    case CLAIM_FAILED:
        return ISSUED_ERROR;
    }
    const enum issued_found found = find(issued, q);
    if (found == ISSUED_ERROR) {
        claims_release(&issued->claims, q->client, q->key);
    }
    return found;
}

static void release(struct issued *issued, struct issued_query *q)
{
    if (q->key.ptr != NULL) {
        claims_release(&issued->claims, q->client, q->key);
    }
    rooms_release(&issued->rooms, q->room.claim);
    q->room.claim = NULL;
    q->found = ISSUED_NONE;
}

static void answer(struct issued *issued, struct issued_query *q)
{
    switch (q->verb) {
    case ISSUED_BY_SERIAL:
    case ISSUED_CLAIM_ROOM:
    case ISSUED_LOOK_ROOM:
        q->found = find(issued, q);
        break;
    case ISSUED_CLAIM_KEY:
        q->found = claim(issued, q);
        break;
    case ISSUED_RELEASE:
        release(issued, q);
        break;
    }
    q->done(q); /* q may be gone now */
}

static void run_job(struct issued *issued, struct doomed_job *job)
{
    job->code = issued->is_behind
                    ? cb_fail(&job->err, CB_ESYS, "the index of certificates is behind the log")
                    : issued_db_doomed(issued->sync.db, job->max, &job->arena, &job->certs,
                                       &job->num, &job->err);
    issued->sync.is_damaged = issued->sync.is_damaged || job->code == CB_ECORRUPT;
    (void)pthread_mutex_lock(&issued->lock);
    job->is_done = true;
    (void)pthread_cond_broadcast(&issued->done);
    (void)pthread_mutex_unlock(&issued->lock);
}

static void answer_all(struct issued *issued, struct query_list *queries)
{
    struct issued_query *q = NULL;
    while ((q = TAILQ_FIRST(queries)) != NULL) {
        TAILQ_REMOVE(queries, q, link);
        answer(issued, q);
    }
}

static void run_all_jobs(struct issued *issued, struct job_list *jobs)
{
    struct doomed_job *job = NULL;
    while ((job = TAILQ_FIRST(jobs)) != NULL) {
        TAILQ_REMOVE(jobs, job, link);
        run_job(issued, job);
    }
}

/* ---- the thread itself ---- */
static bool has_work(const struct issued *issued)
{
    return issued->is_stopping || !TAILQ_EMPTY(&issued->queries) || !TAILQ_EMPTY(&issued->jobs) ||
           issued->feed.lines.len >= WAKE_BYTES;
}

/* next_time - when there is something to do without a question: to try again what failed, to take
 * lines that have lingered, or to commit. INT64_MAX: nothing. */
static int64_t next_time(const struct issued *issued)
{
    if (issued->is_behind) {
        return issued->retry_at_us;
    }
    if (issued->first_fed_us != 0) {
        return issued->first_fed_us + LINGER_US;
    }
    const struct issued_db *db = issued->sync.db;
    return db != NULL && db->pending > 0 ? issued->opened_us + COMMIT_US : INT64_MAX;
}

/* wait_for_work - with the lock held. */
static void wait_for_work(struct issued *issued)
{
    while (!has_work(issued)) {
        const int64_t until_us = next_time(issued);
        if (until_us == INT64_MAX) {
            (void)pthread_cond_wait(&issued->wake, &issued->lock);
            continue;
        }
        if (issued_now_us() >= until_us) {
            return;
        }
        const struct timespec until = {.tv_sec = until_us / 1000000,
                                       .tv_nsec = until_us % 1000000 * 1000};
        (void)pthread_cond_timedwait(&issued->wake, &issued->lock, &until);
    }
}

void issued_publish_stats(struct issued *issued)
{
    struct issued_stats *stats = &issued->stats;
    if (issued->sync.db != NULL) {
        const struct issued_place *now = &issued->sync.db->now;
        stats->applied_seq = now->mark.applied;
        stats->active = now->num[CERT_STATE_ACTIVE];
        stats->revoked = now->num[CERT_STATE_REVOKED];
        stats->doomed = now->num[CERT_STATE_DOOMED];
    }
    stats->incomplete = issued->sync.incomplete;
    stats->rebuilds = issued->sync.rebuilds;
    stats->catch_ups = issued->catch_ups;
    stats->is_behind = issued->is_behind;
}

/* turn - one round with everything that is waiting now. Called and left with the lock held. Questions
 * are answered before the commit: what they are told is in the log, whatever becomes of the file. */
static void turn(struct issued *issued, bool is_last)
{
    const struct feed fed = issued->feed;
    issued->feed = issued->work;
    issued->work = fed;
    issued->first_fed_us = 0;
    const uint64_t fed_next = issued->fed_next;
    struct query_list queries = TAILQ_HEAD_INITIALIZER(queries);
    struct job_list jobs = TAILQ_HEAD_INITIALIZER(jobs);
    TAILQ_CONCAT(&queries, &issued->queries, link);
    TAILQ_CONCAT(&jobs, &issued->jobs, link);
    (void)pthread_mutex_unlock(&issued->lock);

    apply(issued, fed_next);
    feed_reset(&issued->work);
    answer_all(issued, &queries);
    run_all_jobs(issued, &jobs);
    commit_if_due(issued, is_last);
    (void)pthread_mutex_lock(&issued->lock);
    issued_publish_stats(issued);
}

void *issued_thread(void *arg)
{
    struct issued *issued = arg;
    (void)pthread_mutex_lock(&issued->lock);
    bool is_last = false;
    while (!is_last) {
        wait_for_work(issued);
        is_last = issued->is_stopping;
        turn(issued, is_last);
    }
    (void)pthread_mutex_unlock(&issued->lock);
    return NULL;
}
