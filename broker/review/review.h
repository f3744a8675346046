/* review.h - the commands by which people look after an audit log and into it. Public. */
#ifndef BROKER_REVIEW_REVIEW_H
#define BROKER_REVIEW_REVIEW_H

#include "broker/cli/command.h"

extern const struct command review_audit_archive; /* archive_cmd.c */
extern const struct command review_audit_verify;  /* verify.c */
extern const struct command review_audit_search;  /* cmd_search.c */
extern const struct command review_audit_show;    /* cmd_show.c */
extern const struct command review_audit_why;
extern const struct command review_audit_tail;   /* cmd_tail.c */
extern const struct command review_audit_export; /* cmd_export.c */

/* Proofs for those who do not have the log. */
extern const struct command review_audit_prove;       /* prove.c */
extern const struct command review_audit_check_proof; /* check_proof.c */
extern const struct command review_audit_consistency; /* consistency.c */
extern const struct command review_audit_checkpoint;  /* checkpoint.c */

#endif
