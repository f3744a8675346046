/* witness.h - a witness: a server on another machine that cosigns a log's checkpoints, and so
 * remembers what the log can no longer take back. Public surface of broker/witness/.
 *
 * It knows nothing of what is in a log. Its own memory is one small file a log; whoever can roll that
 * back on its machine makes it forget, which nothing on that machine can prevent. */
#ifndef BROKER_WITNESS_WITNESS_H
#define BROKER_WITNESS_WITNESS_H

#include "broker/cli/command.h"

extern const struct command witness_cmd_init;  /* witness init */
extern const struct command witness_cmd_check; /* witness check */
extern const struct command witness_cmd_serve; /* witness serve */

#endif
