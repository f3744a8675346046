/* tools.h - the subcommands that look at policies and logs and change nothing: certbroker policy ....
 * They contact nobody; no code of the server's request path but the parser of
 * a CFSSL body. Exit status: 0 ok, 1 problems found (denied, a test failed, something flipped),
 * 2 cannot run (usage, a file that cannot be read). */
#ifndef BROKER_TOOLS_TOOLS_H
#define BROKER_TOOLS_TOOLS_H

#include "broker/cli/command.h"

extern const struct command tools_policy_explain; /* policy_explain.c */
extern const struct command tools_policy_test;    /* policy_test.c */
extern const struct command tools_policy_list;    /* policy_list.c */
extern const struct command tools_policy_diff;    /* policy_diff.c */
extern const struct command tools_policy_replay;  /* history_replay.c */
extern const struct command tools_policy_suggest; /* history_suggest.c */
extern const struct command tools_policy_unused;  /* history_unused.c */

#endif
