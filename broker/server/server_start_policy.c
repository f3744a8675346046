/* server_start_policy.c - a start takes whatever policy lies there: neither guard nor tests look at
 * it. So that whoever follows the policy.load records misses no change, one that came in between two
 * runs gets such a record, too, and stderr a warning. */
#include "broker/reload/kept_policy.h"
#include "broker/reload/reload_changes.h"
#include "broker/reload/rollback_history.h"
#include "broker/reload/rollback_note.h"
#include "broker/server/server_parts.h"

#define CHANGES_ARENA_MAX ((size_t)1 << 20)

/* compare - empty if the old policy's bytes are gone, or mean nothing to this version. */
static void compare(const struct server *s, const char *old, struct arena *arena,
                    struct change_lines *ret)
{
    struct policy *before = NULL;
    struct cb_err err = {0};
    struct diag_list *unheard = diag_new();
    *ret = (struct change_lines){.num = 0};
    enum cb_code code = unheard == NULL ? cb_fail(&err, CB_ENOMEM, "out of memory") : CB_OK;
    if (code == CB_OK) {
        code = kept_policy_load(s->config->audit_dir, old, unheard, &before, &err);
    }
    if (code == CB_OK) {
        code = change_lines_of(before, s->policy->policy, arena, ret, &err);
    }
    if (code != CB_OK) {
        log_warn("reload.changes", "what the new policy changes is not known: %s", err.msg);
    }
    policy_free(before);
    diag_free(unheard);
}

static enum cb_code record(struct server *s, const char *old, struct cb_err *err)
{
    char reason[RELOAD_REASON_MAX + 1];
    struct change_lines lines;
    struct arena arena;
    arena_init(&arena, CHANGES_ARENA_MAX);
    compare(s, old, &arena, &lines);
    rollback_note_read(s->config->audit_dir, policy_sha256(s->policy->policy), reason);
    const struct reload_note note = {
        .by = "start",
        .forced = reason[0] == '\0' ? NULL : reason,
        .changes = lines.items,
        .num_changes = lines.num,
        .num_lost = UINT64_MAX,
    };
    const enum cb_code code =
        server_record_policy_of(s->shared.audit, old, s->policy->policy, &note, err);
    arena_free(&arena);
    return code;
}

enum cb_code server_start_policy(struct server *s, struct cb_err *err)
{
    char old[SHA256_HEX_LEN + 1];
    struct cb_err why = {0};
    const char *audit_dir = s->config->audit_dir;
    const char *now = policy_sha256(s->policy->policy);
    if (rollback_history_last(audit_dir, clock_wall_us(&cb_system_clock), old, &why) != CB_OK) {
        log_warn("policy.start", "which policy was in force last is not known: %s", why.msg);
        return CB_OK;
    }
    if (old[0] != '\0' && strcmp(old, now) != 0) {
        log_warn("policy.start",
                 "this is another policy than the one last in force (%.12s, now %.12s); neither "
                 "guard nor tests look at it when the broker starts: see the policy.load record",
                 old, now);
        TRY(record(s, old, err));
    }
    rollback_note_remove(audit_dir);
    return CB_OK;
}
