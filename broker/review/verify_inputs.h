/* verify_inputs.h - inside broker/review only: what a log is held against, from options, files and
 * witnesses. */
#ifndef BROKER_REVIEW_VERIFY_INPUTS_H
#define BROKER_REVIEW_VERIFY_INPUTS_H

#include "audit/verify/verify.h"
#include "broker/cli/command.h"

#define INPUTS_WITNESSES_MAX 16U

struct verify_inputs {
    bool has_key;
    struct note_key key;
    struct verify_outside outside[VERIFY_OUTSIDE_MAX];
    struct buf bytes[VERIFY_OUTSIDE_MAX]; /* of each */
    size_t num, saved;                    /* saved ones come first */
    struct note_key witness_keys[INPUTS_WITNESSES_MAX];
};

/* verify_inputs_read - by --key, --checkpoint and --witness. dir: the log, whose name witnesses are
 * asked for. CB_EINPUT: an option is wrong. Else: a file cannot be read, a witness does not answer. */
enum cb_code verify_inputs_read(const struct command_args *args, const char *dir,
                                struct verify_inputs *ret, struct cb_err *err) CB_MUST_USE;
void verify_inputs_free(struct verify_inputs *in); /* zeroed is fine */

#endif
