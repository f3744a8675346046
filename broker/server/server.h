/* server.h - the whole process of `certbroker serve`: its parts, in the order in which they come to
 * life and go. Everything here runs on the main thread. */
#ifndef BROKER_SERVER_H
#define BROKER_SERVER_H

#include "broker/config/config.h"

/* server_run - everything from checked configuration to exit. Takes nothing. Returns an exit
 * status of commands.h; problems are on stderr. */
int server_run(struct config *config);

#endif
