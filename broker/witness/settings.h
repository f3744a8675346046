/* settings.h - certbroker-witness.yaml: where a witness listens and which logs it knows. */
#ifndef BROKER_WITNESS_SETTINGS_H
#define BROKER_WITNESS_SETTINGS_H

#include "broker/base/arena.h"
#include "broker/base/log.h"
#include "broker/edge/tls.h"
#include "broker/witness/witness_core.h"
#include "policy/diag.h"

struct witness_settings {
    struct arena arena; /* owns the texts below */
    const char *address;
    bool is_tls; /* plain HTTP on loopback addresses only */
    struct edge_tls_files tls;
    const char *directory;
    enum log_format log_format;
    enum log_level log_level;
    struct witness_log *logs; /* owned */
    size_t num_logs;
};

/* settings_load - read and check the file; relative paths are taken from its own folder. On CB_EINPUT
 * diags holds every error. *ret is the caller's, settings_free it. */
enum cb_code settings_load(const char *path, struct diag_list *diags,
                           struct witness_settings **ret) CB_MUST_USE;
void settings_free(struct witness_settings *s); /* NULL ok */

#endif
