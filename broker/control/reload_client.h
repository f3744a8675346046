/* reload_client.h - asking the running broker for a reload, and telling people what came of it. */
#ifndef BROKER_RELOAD_CLIENT_H
#define BROKER_RELOAD_CLIENT_H

#include "broker/control/control_line.h"

#include <stdio.h>

/* reload_client_ask - by the control socket of this configuration; force (NULL: not forced) or reason
 * (NULL: none) says why. line (may be NULL) gets the answer as it came. CB_ENOENT: nobody listens
 * there. Blocks until the reload is over. */
enum cb_code reload_client_ask(const struct config *config, const char *force, const char *reason,
                               struct buf *line, struct control_answer **ret,
                               struct cb_err *err) CB_MUST_USE;
/* reload_client_say - what happened and, if it was refused, what to do. Returns the exit status. */
int reload_client_say(const struct config *config, const struct control_answer *a);
/* reload_client_status - the exit status for an answer: 0 loaded, 1 refused, 2 not even tried. */
int reload_client_status(const struct control_answer *a);

/* print_line - text from elsewhere as one line: control characters become '?'. */
void print_line(FILE *out, const char *before, const char *text);

#endif
