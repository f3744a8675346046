/* cmd_rollback.c - certbroker policy rollback: one step back, to the policy that was in force before
 * the present one. Which that was says the audit log, its bytes are kept beside the log. */
#include "broker/commands/commands.h"
#include "broker/control/reload_client.h"
#include "broker/reload/kept_policy.h"
#include "broker/reload/reload_changes.h"
#include "broker/reload/rollback_files.h"
#include "broker/reload/rollback_history.h"
#include "broker/reload/rollback_note.h"

#include <unistd.h>

#define ARENA_MAX ((size_t)16 << 20)

struct rollback {
    const struct command_args *args;
    struct config *config;
    struct diag_list *diags;
    struct arena arena;
    struct rollback_history history;
    const struct rollback_step *present, *target; /* in the history */
    struct policy *before, *after; /* of present (NULL: its bytes are lost) and target */
    struct rollback_plan plan;
};

/* ---------------------------------------------------------------- which one */

static enum cb_code choose(struct rollback *r, struct cb_err *err)
{
    const char *to = args_text(r->args, "to");
    const int64_t now_us = clock_wall_us(&cb_system_clock);
    /* To any that ever was in force: then all of the log has to be read. */
    TRY(rollback_history_read(r->config->audit_dir, to == NULL ? now_us : 0, &r->history, err));
    const struct rollback_history *h = &r->history;
    if (h->num == 0) {
        return cb_fail(err, CB_ENOENT, "the audit log knows of no policy that was in force");
    }
    r->present = &h->steps[h->num - 1];
    if (to != NULL) {
        return rollback_history_find(h, slice_of(to), &r->target, err);
    }
    if (h->num < 2) {
        return cb_fail(err, CB_ENOENT,
                       "the audit log knows of no policy before the present one (%.12s)",
                       r->present->sha256);
    }
    r->target = &h->steps[h->num - 2];
    return CB_OK;
}

static enum cb_code load_both(struct rollback *r, struct cb_err *err)
{
    struct diag_list *unheard = diag_new();
    struct cb_err why;
    if (unheard == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    const char *audit_dir = r->config->audit_dir;
    if (kept_policy_load(audit_dir, r->present->sha256, unheard, &r->before, &why) != CB_OK) {
        r->before = NULL;
    }
    diag_free(unheard);
    TRY(kept_policy_load(audit_dir, r->target->sha256, r->diags, &r->after, err));
    policy_check(r->config, r->after, r->diags);
    return diag_num_errors(r->diags) == 0 ? CB_OK
                                          : cb_fail(err, CB_EINPUT, "policy %.12s does not fit %s",
                                                    r->target->sha256, r->config->path);
}

/* ---------------------------------------------------------------- what it does */

static void say_step(const char *what, const struct rollback_step *step)
{
    char when[21];
    time_format_s(step->since_us / 1000000, when);
    (void)printf("%s %s  in force since %s\n", what, step->sha256, when);
}

static void say_changes(struct rollback *r)
{
    struct change_lines lines;
    struct cb_err err = {0};
    if (r->before == NULL ||
        change_lines_of(r->before, r->after, &r->arena, &lines, &err) != CB_OK) {
        (void)printf("What this changes is not known: the present policy cannot be compared.\n");
        return;
    }
    (void)printf("What this changes: %zu gained, %zu lost%s\n", lines.num_gains, lines.num_losses,
                 lines.num > 0 ? ":" : ".");
    for (size_t i = 0; i < lines.num; i++) {
        const char *text = arena_dup(&r->arena, lines.items[i]);
        print_line(stdout, "  ", text);
    }
}

static void say_files(const struct rollback_plan *plan)
{
    for (size_t i = 0; i < plan->num; i++) {
        const struct rollback_file *f = &plan->files[i];
        switch (f->act) {
        case ROLLBACK_SAME:
            break;
        case ROLLBACK_REPLACE:
            (void)printf("  %s/%s is put back; the present one is kept as %s\n", plan->folder,
                         f->name, f->aside);
            break;
        case ROLLBACK_ADD:
            (void)printf("  %s/%s is put back; it is not there now\n", plan->folder, f->name);
            break;
        case ROLLBACK_ASIDE:
            (void)printf("  %s/%s, which that policy did not have, becomes %s\n", plan->folder,
                         f->name, f->aside);
            break;
        }
    }
    if (plan->num_acts == 0) {
        (void)printf("  nothing: %s holds it already\n", plan->folder);
    }
}

/* warn_if_other - what lies in the file is not always what is in force: it was refused, or not loaded
 * yet. */
static void warn_if_other(const struct rollback *r)
{
    struct policy *policy = NULL;
    struct diag_list *unheard = diag_new();
    const int64_t now_s = clock_wall_us(&cb_system_clock) / 1000000;
    const bool is_read =
        unheard != NULL && policy_load(r->config->policy_path, now_s, unheard, &policy) == CB_OK;
    if (!is_read || strcmp(policy_sha256(policy), r->present->sha256) != 0) {
        (void)printf("Note: %s does not hold the policy in force. --to %.12s would only put that "
                     "one back.\n",
                     r->config->policy_path, r->present->sha256);
    }
    policy_free(policy);
    diag_free(unheard);
}

static void say_all(struct rollback *r)
{
    say_step("From", r->present);
    say_step("Back to", r->target);
    warn_if_other(r);
    say_changes(r);
    (void)printf("Files:\n");
    say_files(&r->plan);
    if (rollback_has_tests(&r->plan, r->config->policy_path)) {
        (void)printf("  the tests beside it (*.test.yaml) stay as they are: the log keeps none\n");
    }
    (void)fflush(stdout); /* before what stderr may have to say */
}

/* confirmed - by --yes, or by whoever sits at the terminal. */
static enum cb_code confirmed(const struct rollback *r, bool *ret, struct cb_err *err)
{
    char line[16] = "";
    *ret = args_has(r->args, "yes");
    if (*ret) {
        return CB_OK;
    }
    if (isatty(STDIN_FILENO) != 1) {
        return cb_fail(err, CB_EINPUT,
                       "there is no terminal to ask on: --yes says that you mean it");
    }
    (void)printf("Roll back? [y/N] ");
    (void)fflush(stdout);
    if (fgets(line, (int)sizeof(line), stdin) != NULL) {
        const struct slice said = {line, strcspn(line, "\r\n")};
        *ret = slice_eq_nocase(said, SLICE("y")) || slice_eq_nocase(said, SLICE("yes"));
    }
    return CB_OK;
}

/* ---------------------------------------------------------------- afterwards */

/* leave_note - for the start that takes this policy; only the broker writes into its log. */
static void leave_note(const struct rollback *r, const char *force)
{
    struct cb_err err = {0};
    if (rollback_note_write(r->config->audit_dir, r->target->sha256, force, &err) == CB_OK) {
        (void)printf("the record of that start will say: %s\n", force);
    } else {
        (void)fflush(stdout);
        print_line(stderr, "certbroker: that start will not record the reason: ", err.msg);
    }
}

static int reload(const struct rollback *r)
{
    struct cb_err err = {0};
    struct control_answer *answer = NULL;
    char force[RELOAD_REASON_MAX + 1];
    const char *reason = args_text(r->args, "reason");
    if (reason == NULL) {
        (void)snprintf(force, sizeof(force), ROLLBACK_MARK "to %.12s", r->target->sha256);
    } else {
        (void)snprintf(force, sizeof(force), ROLLBACK_MARK "%s", reason);
    }
    if (r->config->control == NULL) {
        (void)printf("%s names no control socket: a running broker takes this policy at SIGHUP, if "
                     "the guard lets it (its record then gives no reason), or when it is started "
                     "anew\n",
                     r->config->path);
        leave_note(r, force);
        return EXIT_OK;
    }
    const enum cb_code code = reload_client_ask(r->config, force, NULL, NULL, &answer, &err);
    if (code == CB_ENOENT) {
        (void)printf("%s: it will be in force when the broker is started\n", err.msg);
        leave_note(r, force);
        return EXIT_OK;
    }
    if (code != CB_OK) {
        print_line(stderr,
                   "certbroker: the policy is put back, but the broker could not be asked "
                   "to load it: ",
                   err.msg);
        return EXIT_PROBLEM;
    }
    const int status = reload_client_say(r->config, answer);
    control_answer_free(answer);
    return status == EXIT_OK ? EXIT_OK : EXIT_PROBLEM;
}

static enum cb_code prepare(struct rollback *r, struct cb_err *err)
{
    const char *reason = args_text(r->args, "reason");
    if (reason != NULL) {
        TRY(control_reason_check(slice_of(reason), err));
        if (strlen(reason) + strlen(ROLLBACK_MARK) > RELOAD_REASON_MAX) {
            return cb_fail(err, CB_EINPUT, "the reason has at most %zu bytes",
                           (size_t)RELOAD_REASON_MAX - strlen(ROLLBACK_MARK));
        }
    }
    TRY(choose(r, err));
    TRY(load_both(r, err));
    return rollback_plan_make(r->after, r->config->policy_path, &r->arena, &r->plan, err);
}

static int roll_back(struct rollback *r)
{
    struct cb_err err = {0};
    bool goes_on = false;
    const enum cb_code code = prepare(r, &err);
    diag_print(r->diags, stderr);
    if (code != CB_OK) {
        print_line(stderr, "certbroker: ", err.msg);
        return code == CB_ENOENT || diag_num_errors(r->diags) > 0 ? EXIT_PROBLEM : EXIT_USAGE;
    }
    say_all(r);
    if (confirmed(r, &goes_on, &err) != CB_OK) {
        print_line(stderr, "certbroker: ", err.msg);
        return EXIT_USAGE;
    }
    if (!goes_on) {
        (void)printf("Nothing was changed.\n");
        return EXIT_PROBLEM;
    }
    if (rollback_plan_carry_out(&r->plan, &err) != CB_OK) {
        print_line(stderr, "certbroker: ", err.msg);
        return EXIT_PROBLEM;
    }
    return reload(r);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    struct rollback r = {.args = args, .diags = diag_new()};
    int status = EXIT_USAGE;
    if (r.diags == NULL) {
        return EXIT_USAGE;
    }
    arena_init(&r.arena, ARENA_MAX);
    if (config_load(args_config(args), r.diags, &r.config) == CB_OK) {
        status = roll_back(&r);
    } else {
        diag_print(r.diags, stderr);
    }
    policy_free(r.before);
    policy_free(r.after);
    rollback_history_free(&r.history);
    arena_free(&r.arena);
    diag_free(r.diags);
    config_free(r.config);
    return status;
}

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    {.name = "to",
     .kind = VALUE_TEXT,
     .value = "SHA256",
     .help = "the policy with this digest (or at least its first 8 digits) instead of the one "
             "before"},
    {.name = "reason",
     .kind = VALUE_TEXT,
     .value = "TEXT",
     .help = "why; goes into the audit log with the reload, or with the next start"},
    {.name = "yes", .help = "do not ask"},
    {.name = NULL}};

const struct command cmd_policy_rollback = {
    .name = "policy rollback",
    .summary = "put back the policy that was in force before",
    .options = options,
    .notes = "Shows what changes, asks, puts the files back (what is there now is kept as\n"
             "NAME.rolled-back) and has a running broker load them, past the guard. Tests\n"
             "(*.test.yaml) are left as they are.\n"
             "Exit status: 0 rolled back, 1 not (or refused), 2 cannot run.\n",
    .run = run};
