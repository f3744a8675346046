/* cmd_reconcile.h - inside `certbroker audit reconcile`: what is to be done about the outcome of a
 * comparison, by the broker that runs. Private to cmd_reconcile*.c. */
#ifndef BROKER_CMD_RECONCILE_H
#define BROKER_CMD_RECONCILE_H

#include "broker/cli/command.h"
#include "broker/config/config.h"
#include "broker/reconcile/reconcile.h"

#define RECONCILE_REVOKE_MAX 10000U /* what --max can be set to */
#define RECONCILE_RECORD_MAX 1000U  /* findings recorded by one run; the rest is counted */
#define RECONCILE_SERIALS_MAX 1000U /* given with --revoke one by one */

struct reconcile_orders {
    const struct command_args *args;
    const char *control; /* path of the control socket; NULL: none known */
    bool record;
    bool revoke, revoke_orphans, revoke_bypass, yes;
    enum revoke_reason reason;
    const char *why; /* NULL: not said */
    uint64_t max;
};

/* reconcile_read_orders - from the arguments. False after a usage error. */
bool reconcile_read_orders(const struct command_args *args, const struct config *config,
                           struct reconcile_orders *ret);

enum telling_state { TELLING_PLANNED, TELLING_DONE, TELLING_FAILED };

struct reconcile_revocation {
    const struct finding *finding;
    enum telling_state state;
    char text[200]; /* what the broker said */
};

struct reconcile_telling {
    struct reconcile_revocation *revocations;
    size_t num_revocations;
    bool *is_told;         /* by index of the finding: recorded by this run */
    uint64_t num_over_max; /* more were chosen than --max lets through */
    size_t num_recorded;
    uint64_t num_not_recorded; /* over the cap: in the counts only */
    bool has_recorded;
    bool yes;
    size_t num_failed;
};

/* reconcile_tell - have it recorded, then revoked, as ordered. What is revoked is recorded before, ordered
 * or not: its names and the evidence stand nowhere else in the log. False: something could not even begin
 * (said on stderr). One that fails is in ret, and the others go on, unless nobody answers any more. */
bool reconcile_tell(const struct reconcile_orders *orders, const struct reconcile_options *options,
                    const struct reconcile_result *result, struct reconcile_telling *ret);
void reconcile_telling_free(struct reconcile_telling *told);
void reconcile_telling_print(const struct reconcile_telling *told, struct buf *out);
void reconcile_telling_json(const struct reconcile_telling *told, struct buf *out);

#endif
