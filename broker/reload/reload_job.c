/* reload_job.c - see reload_job.h. run() is the order in which things are checked; the first that is
 * wrong ends it, and nothing has changed. A forced reload is checked as well, so that its record can
 * say what it passed over. */
#include "broker/reload/reload_job.h"

#include "broker/server/server_parts.h"
#include "policy/check_tests.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define JOB_ARENA_MAX ((size_t)8 << 20)
#define TESTS_ARENA_MAX ((size_t)256 << 20)

const char *reload_result_word(enum reload_result result)
{
    static const char *const words[RELOAD_RESULT_COUNT] = {
        "loaded", "unchanged", "policy", "files", "tests", "guard", "failed", "stopped"};
    return words[result];
}

static bool is_called_off(void *ctx)
{
    struct reload_job *job = ctx;
    return atomic_load(&job->phase) == RELOAD_CALLED_OFF;
}

static bool is_forced(const struct reload_job *job)
{
    return job->order.forced[0] != '\0';
}

__attribute__((format(printf, 2, 3))) static void because(struct reload_job *job, const char *fmt,
                                                          ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(job->why, sizeof(job->why), fmt, ap);
    va_end(ap);
}

/* because_too - beside what is said already. */
__attribute__((format(printf, 2, 3))) static void because_too(struct reload_job *job,
                                                              const char *fmt, ...)
{
    const size_t used = strlen(job->why);
    const size_t left = sizeof(job->why) - used;
    va_list ap;
    va_start(ap, fmt);
    const int mark = used == 0 ? 0 : snprintf(job->why + used, left, "; and ");
    if (mark >= 0 && (size_t)mark < left) {
        (void)vsnprintf(job->why + used + mark, left - (size_t)mark, fmt, ap);
    }
    va_end(ap);
}

/* passes - objected to: so be it if that was asked for, and why stays for the record. */
static bool passes(const struct reload_job *job)
{
    if (is_forced(job)) {
        log_warn("reload.forced", "%s; loaded all the same: %s", job->why, job->order.forced);
    }
    return is_forced(job);
}

/* object - not the end yet: who wants to pass over it should see all that there is. */
static void object(struct reload_job *job, enum reload_result result)
{
    if (!job->has_objection) {
        job->has_objection = true;
        job->objection = result;
    }
}

/* ---------------------------------------------------------------- complaints */

static void add_error(struct reload_job *job, struct slice text)
{
    const bool has_room = job->num_errors < RELOAD_ERRORS_MAX && text.len > 0;
    const char *kept = has_room ? arena_dup(&job->arena, text) : NULL;
    if (kept != NULL) {
        job->errors[job->num_errors++] = kept;
    }
}

static void keep_complaint(void *ctx, const char *line)
{
    add_error(ctx, slice_of(line));
}

/* ---------------------------------------------------------------- steps; true: go on */

static bool fails(struct reload_job *job, enum reload_result result)
{
    job->result = result;
    return false;
}

static void warn_if_config_changed(const struct config *config)
{
    struct diag_list *diags = diag_new();
    struct config *fresh = NULL;
    if (diags != NULL && config_load(config->path, diags, &fresh) == CB_OK &&
        strcmp(fresh->sha256, config->sha256) != 0) {
        log_warn("reload.config", "%s has changed; that needs a restart", config->path);
    }
    config_free(fresh);
    diag_free(diags);
}

static bool load_policy(struct reload_job *job)
{
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        because(job, "out of memory");
        return fails(job, RELOAD_FAILED);
    }
    const bool good = policy_load_checked(job->config, diags, &job->policy) == CB_OK;
    job->num_warnings = diag_num_warnings(diags);
    report_policy(diags);
    diag_each(diags, keep_complaint, job);
    diag_first(diags, job->why, good ? 1 : sizeof(job->why));
    diag_free(diags);
    if (!good) {
        return fails(job, RELOAD_BAD_POLICY);
    }
    (void)snprintf(job->policy_sha256, sizeof(job->policy_sha256), "%s",
                   policy_sha256(job->policy));
    if (strcmp(job->policy_sha256, policy_sha256(job->before->policy)) == 0) {
        job->result = RELOAD_UNCHANGED;
    }
    return true;
}

static bool check_files(struct reload_job *job)
{
    struct cb_err err = {0};
    if (generation_check_files(job->config, &err) != CB_OK) {
        because(job, "%s", err.msg);
        return fails(job, RELOAD_BAD_FILES);
    }
    return true;
}

static void say_failed_tests(struct reload_job *job, const struct policy_tests *tests)
{
    for (size_t i = 0; i < tests->num; i++) {
        const struct policy_test *t = &tests->items[i];
        char line[1024];
        if (t->passed) {
            continue;
        }
        (void)snprintf(line, sizeof(line), "%s:%u:%u: test \"%s\": %s", t->place.file,
                       t->place.line, t->place.col, t->name, t->why);
        if (job->why[0] == '\0') {
            because(job, "%zu of %zu tests of the policy failed, first %s", tests->num_failed,
                    tests->num, line);
        }
        log_error("policy", "%s", line);
        add_error(job, slice_of(line));
    }
}

/* run_tests - false, and why, if they do not all pass. */
static bool run_tests(struct reload_job *job, struct arena *arena, struct diag_list *diags)
{
    struct policy_tests tests = {0};
    const int64_t now_s = clock_wall_us(&cb_system_clock) / 1000000;
    if (policy_tests_run(job->policy, job->config->policy_path, now_s, diags, arena, &tests) !=
        CB_OK) {
        report_policy(diags);
        diag_each(diags, keep_complaint, job);
        diag_first(diags, job->why, sizeof(job->why));
        if (job->why[0] == '\0') {
            because(job, "the policy's tests cannot be run: out of memory");
        }
        return false;
    }
    if (tests.num == 0) {
        because(job, "reload.require_tests is set, but the policy has no tests: write *.test.yaml "
                     "beside it (certbroker policy test)");
        return false;
    }
    say_failed_tests(job, &tests);
    return tests.num_failed == 0;
}

static bool check_tests(struct reload_job *job)
{
    if (!job->config->reload.require_tests || job->result == RELOAD_UNCHANGED) {
        return true;
    }
    struct arena arena;
    struct diag_list *diags = diag_new();
    arena_init(&arena, TESTS_ARENA_MAX);
    const bool good = diags != NULL && run_tests(job, &arena, diags);
    if (diags == NULL) {
        because(job, "out of memory");
    }
    arena_free(&arena);
    diag_free(diags);
    if (!good) {
        object(job, RELOAD_TESTS);
    }
    return true;
}

static bool check_guard(struct reload_job *job)
{
    const struct config_reload *settings = &job->config->reload;
    struct cb_err err = {0};
    if (settings->guard_window_s == 0 || job->result == RELOAD_UNCHANGED) {
        return true;
    }
    job->guard = (struct guard){.before = job->before->policy,
                                .after = job->policy,
                                .is_called_off = is_called_off,
                                .ctx = job};
    if (guard_look(&job->guard, job->config->audit_dir, settings->guard_window_s,
                   clock_wall_us(&cb_system_clock), &err) != CB_OK) {
        because_too(job, "what was granted lately cannot be read from the audit log: %s", err.msg);
        object(job, RELOAD_GUARD);
        return true;
    }
    job->has_guard = true;
    char why[RELOAD_WHY_MAX];
    if (guard_objects(&job->guard, settings, why, sizeof(why))) {
        because_too(job, "%s", why);
        object(job, RELOAD_GUARD);
    }
    return true;
}

static bool check_objections(struct reload_job *job)
{
    return !job->has_objection || passes(job) || fails(job, job->objection);
}

/* compare - what it changes, for the record and whoever asked. Not knowing it stops nothing. */
static bool compare(struct reload_job *job)
{
    struct cb_err err = {0};
    if (job->result != RELOAD_UNCHANGED &&
        change_lines_of(job->before->policy, job->policy, &job->arena, &job->changes, &err) !=
            CB_OK) {
        log_warn("reload.changes", "what the new policy changes is not known: %s", err.msg);
    }
    return true;
}

static bool load_generations(struct reload_job *job)
{
    struct cb_err err = {0};
    struct generation_prints prints;
    struct worker_generation *made = calloc(job->num_generations, sizeof(*made));
    if (made == NULL) {
        because(job, "out of memory");
        return fails(job, RELOAD_FAILED);
    }
    if (generations_load(job->config, job->policy, &job->prints, &prints, made,
                         job->num_generations, &err) != CB_OK) {
        free(made);
        because(job, "%s", err.msg);
        return fails(job, RELOAD_BAD_FILES);
    }
    job->policy = NULL; /* theirs now */
    job->generations = made;
    job->prints = prints;
    return true;
}

static bool (*const steps[])(struct reload_job *job) = {
    load_policy,      check_files, check_tests,     check_guard,
    check_objections, compare,     load_generations};

/* ---------------------------------------------------------------- the thread */

static void record_load(struct reload_job *job, const struct reload_note *note)
{
    struct cb_err err = {0};
    if (server_record_policy(job->audit, job->before->policy, job->generations[0].policy->policy,
                             note, &err) != CB_OK) {
        because(job, "%s", err.msg);
        log_error("reload.record", "%s", err.msg);
        job->result = RELOAD_FAILED;
    }
}

/* record - the record first, then the workers. From here on it cannot be called off. */
static void record(struct reload_job *job)
{
    int looking = RELOAD_LOOKING;
    if (!atomic_compare_exchange_strong(&job->phase, &looking, RELOAD_RECORDING)) {
        job->result = RELOAD_STOPPED;
        because(job, "the broker is stopping");
        return;
    }
    const struct reload_note note = {
        .by = job->order.by,
        .forced = is_forced(job) ? job->order.forced : NULL,
        .note = job->order.reason[0] == '\0' ? NULL : job->order.reason,
        .reason = job->result == RELOAD_LOADED ? NULL : reload_result_word(job->result),
        .detail = job->why[0] == '\0' ? NULL : job->why,
        .changes = job->changes.items,
        .num_changes = job->changes.num,
        .num_lost = job->has_guard ? job->guard.num_lost : UINT64_MAX,
    };
    if (!reload_is_refused(job->result)) {
        record_load(job, &note);
    } else {
        const char *candidate = job->policy_sha256[0] == '\0' ? NULL : job->policy_sha256;
        server_record_reject(job->audit, job->before->policy, candidate, &note);
    }
}

static void *run(void *arg)
{
    struct reload_job *job = arg;
    bool goes_on = true;
    warn_if_config_changed(job->config);
    for (size_t i = 0; goes_on && i < sizeof(steps) / sizeof(steps[0]); i++) {
        goes_on = steps[i](job) && !is_called_off(job);
    }
    record(job);
    job->duration_us = clock_mono_us(&cb_system_clock) - job->start_mono_us;
    mailbox_post(job->mailbox, &job->mail);
    return NULL;
}

enum cb_code reload_job_start(struct reload_job *job, struct cb_err *err)
{
    sigset_t all;
    sigset_t before;
    atomic_init(&job->phase, RELOAD_LOOKING);
    arena_init(&job->arena, JOB_ARENA_MAX);
    job->result = RELOAD_LOADED;
    /* Signals belong to the main thread. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&job->thread, NULL, run, job);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? CB_OK : cb_fail(err, CB_ESYS, "cannot start a thread: error %d", rc);
}

bool reload_job_call_off(struct reload_job *job)
{
    int looking = RELOAD_LOOKING;
    (void)atomic_compare_exchange_strong(&job->phase, &looking, RELOAD_CALLED_OFF);
    return is_called_off(job);
}

bool reload_job_join(struct reload_job *job, unsigned wait_s)
{
    struct timespec until;
    if (!is_called_off(job)) {
        return pthread_join(job->thread, NULL) == 0;
    }
    (void)clock_gettime(CLOCK_REALTIME, &until); /* what pthread_timedjoin_np goes by */
    until.tv_sec += (time_t)wait_s;
    return pthread_timedjoin_np(job->thread, NULL, &until) == 0;
}

void reload_job_free(struct reload_job *job)
{
    if (job == NULL) {
        return;
    }
    for (size_t i = 0; job->generations != NULL && i < job->num_generations; i++) {
        worker_generation_free(&job->generations[i]);
    }
    free(job->generations);
    policy_free(job->policy);
    policy_ref_put(job->before);
    arena_free(&job->arena);
    free(job);
}
