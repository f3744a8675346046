/* server_audit.c - the audit log as the process sees it: its key at the start, and what the operator
 * is told of it while it runs. */
#include "broker/server/server_parts.h"

#include "broker/config/audit_key.h"

#define SEAL_LATE_US UINT64_C(10000000) /* ten times what it should be at most */

enum cb_code server_audit_key(struct server *s, struct cb_err *err)
{
    const struct diag_place *place = &s->config->audit_key_place;
    struct cb_err why;
    const enum cb_code code = audit_key_read(s->config, &s->audit_key, &why);
    return code == CB_OK ? CB_OK
                         : cb_fail(err, code, "%s:%u:%u: audit.key: %s", place->file, place->line,
                                   place->col, why.msg);
}

/* Once a second: tell the operator when the audit log stops or resumes. The log's own records of it
 * come when it can be written again. */
static void tell_audit_faults(struct server *s, const struct audit_stats *stats)
{
    if (stats->faults != s->last_audit_faults) {
        log_error(
            "audit.fault",
            "the audit log had an I/O fault or its file was touched from outside (%llu so far): "
            "see its audit.fault records, and certbroker audit doctor",
            (unsigned long long)stats->faults);
        s->last_audit_faults = stats->faults;
    }
}

/* tell_audit_sealing - the first failure at once, then only when it lasts. */
static void tell_audit_sealing(struct server *s, const struct audit_stats *stats)
{
    char why[CB_ERR_MSG_MAX];
    const bool late = stats->seal_lag_us > SEAL_LATE_US;
    if (stats->seal_failures > 0 && s->last_seal_failures == 0) {
        audit_seal_why(s->shared.audit, why);
        log_error("audit.seal",
                  "the audit log could not be signed for, and will be tried again: %s", why);
    }
    s->last_seal_failures = stats->seal_failures;
    if (late != s->seal_is_late) {
        audit_seal_why(s->shared.audit, why);
        log_line(
            late ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "audit.seal", NULL,
            late ? "%llu records of the audit log have no signed checkpoint, the oldest for %llu "
                   "s: %s"
                 : "the audit log is signed for again (%llu records behind, %llu s) %s",
            (unsigned long long)(stats->next_seq - stats->sealed_size),
            (unsigned long long)(stats->seal_lag_us / 1000000), late ? why : "");
        s->seal_is_late = late;
    }
}

static void tell_audit_state(struct server *s)
{
    const enum audit_state state = audit_get_state(s->shared.audit);
    if (state == s->last_audit_state) {
        return;
    }
    log_line(state == AUDIT_OK ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "audit.state", NULL,
             "the audit log was %s and is %s now%s", audit_state_word(s->last_audit_state),
             audit_state_word(state),
             state == AUDIT_OK          ? ""
             : state == AUDIT_LOW_SPACE ? ": no new certificates until there is space again"
             : state == AUDIT_CORRUPT
                 ? ": its files do not hold what was written to them; no new certificates and no "
                   "checkpoints until the broker was restarted on a log that is whole"
                 : ": nothing is issued or revoked until it is written again");
    s->last_audit_state = state;
}

void server_audit_tell(struct server *s, const struct audit_stats *stats)
{
    tell_audit_faults(s, stats);
    tell_audit_sealing(s, stats);
    tell_audit_state(s);
}
