/* config.h - certbroker.yaml as an immutable struct: process settings, not who may have what. */
#ifndef BROKER_CONFIG_H
#define BROKER_CONFIG_H

#include "broker/anchor/anchor.h"
#include "broker/base/log.h"
#include "broker/ca/ca.h"
#include "broker/edge/edge.h"
#include "broker/edge/tls.h"
#include "broker/request/request.h"
#include "broker/ship/ship.h"
#include "policy/diag.h"

#define CONFIG_LISTEN_MAX 16U
#define CONFIG_PROFILES_MAX 64U
#define CONFIG_WORKERS_MAX 256U

struct config_listen {
    const char *address; /* "0.0.0.0:8443" */
    bool is_tls;         /* plain HTTP is accepted on loopback addresses only */
};

/* reload: how careful a reload is. */
struct config_reload {
    bool require_tests;           /* the policy's own tests must be there and pass */
    uint64_t guard_window_s;      /* how far back granted requests count; 0: no guard */
    unsigned max_dropped_percent; /* of the ids of rules */
};

struct config {
    struct arena arena;              /* owns everything below */
    char sha256[SHA256_HEX_LEN + 1]; /* of the file's bytes */
    const char *path;

    struct config_listen listen[CONFIG_LISTEN_MAX];
    size_t num_listen;
    const char *operations; /* NULL: no operations listener */
    struct edge_tls_files tls;
    struct jwt_issuer jwt_issuers[JWT_ISSUERS_MAX];
    struct jwt_settings jwt;
    const char *policy_path; /* a file or a folder */
    const char *control;     /* path of the control socket; NULL: none */
    struct config_reload reload;

    const char *audit_dir;
    const char *audit_key; /* file of the log's signing key */
    struct anchor_witness witnesses[ANCHOR_WITNESSES_MAX];
    struct anchor_settings anchor; /* of those */
    bool witness_enforce;          /* a split view stops newcert */
    struct diag_place audit_key_place;
    uint64_t audit_segment_bytes, audit_segment_seconds;
    uint64_t audit_soft_free_bytes, audit_hard_free_bytes;
    uint64_t audit_stall_ms;
    bool audit_abort_on_sync_error;
    uint64_t audit_archive_after_ms; /* UINT64_MAX: never */
    const char *audit_archive_to;    /* NULL: no second place */
    struct diag_place audit_archive_place;
    struct ship_target syslog[SHIP_TARGETS_MAX];
    size_t num_syslog;
    const char *index_path;

    struct ca_settings ca;
    struct ca_upstream upstreams[CA_UPSTREAM_MAX];
    const char *issuer_path;
    unsigned max_in_flight, ahead, max_queue;
    struct profile_usages profiles[CONFIG_PROFILES_MAX];
    struct req_settings request;

    unsigned workers;          /* 0: one a core */
    struct edge_limits limits; /* for the whole process; see config_worker_limits */
    unsigned drain_ms;
    const char *user; /* NULL: stay who we are */
    const char *group;
    enum log_format log_format;
    enum log_level log_level;
};

/* config_load - read and check the file. Relative paths are taken from the file's own folder. On
 * CB_EINPUT diags holds every error found. *ret is the caller's, config_free it. */
enum cb_code config_load(const char *path, struct diag_list *diags,
                         struct config **ret) CB_MUST_USE;
/* config_load_anyway - the same, but a file that is YAML gives what could be read of it, whatever
 * errors diags hold: only for `check`, which goes on to the policy that it names. */
enum cb_code config_load_anyway(const char *path, struct diag_list *diags,
                                struct config **ret) CB_MUST_USE;
void config_free(struct config *config); /* NULL ok */

#endif
