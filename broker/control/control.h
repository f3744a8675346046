/* control.h - the control socket: an administrator on the same machine asks for a reload, or how
 * things stand. On the main thread. The protocol: control_line.h. */
#ifndef BROKER_CONTROL_H
#define BROKER_CONTROL_H

#include "broker/base/err.h"

struct server;
struct control;

/* control_start - nothing (*ret NULL) if none is configured. After privileges were dropped. */
enum cb_code control_start(struct server *s, struct control **ret, struct cb_err *err) CB_MUST_USE;
void control_stop(struct control *c); /* NULL ok */

#endif
