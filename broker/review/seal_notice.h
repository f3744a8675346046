/* seal_notice.h - inside broker/review only: what whoever looked into a log should know of its checkpoints. */
#ifndef BROKER_REVIEW_SEAL_NOTICE_H
#define BROKER_REVIEW_SEAL_NOTICE_H

#include "broker/cli/command.h"

/* seal_notice - on stderr: that the log holds fewer records than its newest checkpoint. Returns status, or
 * EXIT_PROBLEM in place of EXIT_OK: records are gone, what was found may not be all. Says nothing of a log
 * that signs nothing, nor of records that are not signed yet: while a broker runs there are always some. */
int seal_notice(const char *dir, int status);

#endif
