/* generation.h - what a reload replaces: policy, TLS material, the CA's certificate. Loaded and
 * checked as a whole, before anything of it is used. */
#ifndef BROKER_GENERATION_H
#define BROKER_GENERATION_H

#include "broker/worker/worker.h"

/* policy_load_checked - load the policy and hold it against the configuration: every profile a
 * rule lists must be one the CA is configured to have, and give no usage but those that the rule
 * expects. *ret is the caller's. */
enum cb_code policy_load_checked(const struct config *config, struct diag_list *diags,
                                 struct policy **ret) CB_MUST_USE;

/* policy_check - the second half of it. */
void policy_check(const struct config *config, const struct policy *policy,
                  struct diag_list *diags);

/* report_policy - every complaint about the policy as a line of the operator's log. */
void report_policy(const struct diag_list *diags);

/* What the files of a generation hold, as digests: a reload that changes only the policy must not
 * close connections or throw the CA's pool away. */
struct generation_prints {
    char tls[SHA256_HEX_LEN + 1];    /* certificate, key, client CA, CRL */
    char ca_tls[SHA256_HEX_LEN + 1]; /* what we show to and expect of the CA's server */
};
void generation_take_prints(const struct config *config, struct generation_prints *ret);

/* generation_check_files - can the TLS files, the issuer and the CA credentials be used? */
enum cb_code generation_check_files(const struct config *config, struct cb_err *err) CB_MUST_USE;

/* generations_load - num generations (one a worker) that share one policy. All or none. keep: what
 * is in force now; material whose files are the same is left out (NULL: nothing is kept). */
enum cb_code generations_load(const struct config *config, struct policy *policy,
                              const struct generation_prints *keep,
                              struct generation_prints *ret_prints, struct worker_generation *ret,
                              size_t num, struct cb_err *err) CB_MUST_USE;

#endif
