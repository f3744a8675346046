/* server.h - the process of `certbroker witness serve`: one thread, one listener, one event loop. */
#ifndef BROKER_WITNESS_SERVER_H
#define BROKER_WITNESS_SERVER_H

#include "broker/witness/settings.h"

/* server_run_witness - until SIGTERM or SIGINT. SIGHUP reads path again: logs, keys of logs and TLS
 * files. Takes settings. Returns an exit status; problems are on stderr. */
int server_run_witness(const char *path, struct witness_settings *settings);

#endif
