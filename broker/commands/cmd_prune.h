/* cmd_prune.h - inside of `certbroker audit prune`: the segment.prune record into the log. */
#ifndef BROKER_CMD_PRUNE_H
#define BROKER_CMD_PRUNE_H

#include "audit/keep/prune.h"
#include "broker/config/config.h"

/* prune_record - durably: the running broker writes it, if there is one (config's control socket), else
 * this process opens the log as its writer. archive: where the
 * broker will find what is to go, which plans it anew and must come to the same; NULL: there is none.
 * note: why. *ret_seq: where it is. CB_EBUSY: a broker runs
 * that cannot be asked. Blocks. */
enum cb_code prune_record(const struct config *config, const char *dir,
                          const struct prune_plan *plan, const char *archive, const char *note,
                          uint64_t *ret_seq, struct cb_err *err) CB_MUST_USE;

#endif
