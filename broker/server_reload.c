/* server_reload.c - SIGHUP: policy, TLS files, CA credentials and the CA's certificate are read
 * anew. All of it is good and takes effect, or nothing changes and the log says what is wrong.
 * certbroker.yaml itself is read at start only; a change to it is pointed out. */
#include "broker/generation.h"
#include "broker/notify.h"
#include "broker/server_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void refused(struct server *s, const char *why)
{
    s->policy_is_stale = true;
    s->reloads_refused++;
    server_record_reject(s, why);
}

static void refused_because(struct server *s, const char *why)
{
    log_error("reload.refused", "%s; everything stays as it was", why);
    refused(s, why);
}

static void warn_if_config_changed(struct server *s)
{
    struct diag_list *diags = diag_new();
    struct config *fresh = NULL;
    if (diags != NULL && config_load(s->config->path, diags, &fresh) == CB_OK &&
        strcmp(fresh->sha256, s->config->sha256) != 0) {
        log_warn("reload.config", "%s has changed; that needs a restart", s->config->path);
    }
    config_free(fresh);
    diag_free(diags);
}

/* apply - everything is loaded; the record first, then the workers. */
static enum cb_code apply(struct server *s, struct policy *policy,
                          struct worker_generation *generations, struct cb_err *err)
{
    TRY(server_record_policy(s, policy, err));
    struct policy_ref *old = s->policy;
    s->policy = policy_ref_get(generations[0].policy);
    if (generations[0].tls != NULL) {
        s->server_cert_not_after_s = edge_tls_not_after_s(generations[0].tls);
    }
    s->issuer_not_after_s = ca_issuer_not_after_s(generations[0].issuer);
    policy_ref_put(old);
    for (size_t i = 0; i < s->num_workers; i++) {
        TRY(worker_renew(s->workers[i], &generations[i], err));
    }
    return CB_OK;
}

static void reload(struct server *s, struct diag_list *diags)
{
    struct policy *policy = NULL;
    struct cb_err err = {0};
    char why[CB_ERR_MSG_MAX];
    if (policy_load_checked(s->config, diags, &policy) != CB_OK) {
        diag_first(diags, why, sizeof(why));
        log_error("reload.refused", "the policy has %zu errors; everything stays as it was",
                  diag_num_errors(diags));
        refused(s, why);
        return;
    }
    struct generation_prints prints;
    struct worker_generation *generations = calloc(s->num_workers, sizeof(*generations));
    if (generations == NULL || generation_check_files(s->config, &err) != CB_OK ||
        generations_load(s->config, policy, &s->prints, &prints, generations, s->num_workers,
                         &err) != CB_OK) {
        refused_because(s, generations == NULL ? "out of memory" : err.msg);
        policy_free(policy);
        free(generations);
        return;
    }
    /* From here on the generations own the policy. */
    if (apply(s, policy, generations, &err) != CB_OK) {
        refused_because(s, err.msg);
    } else {
        s->policy_is_stale = false;
        s->prints = prints;
        s->reloads_ok++;
        log_info("reload.done", "policy %.12s in force: %zu rules, %zu clients",
                 policy_sha256(s->policy->policy), policy_num_rules(s->policy->policy),
                 policy_num_clients(s->policy->policy));
    }
    for (size_t i = 0; i < s->num_workers; i++) {
        worker_generation_free(&generations[i]);
    }
    free(generations);
}

void server_reload(struct server *s)
{
    char state[64];
    (void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
                   clock_mono_us(&cb_system_clock));
    notify_systemd(state);
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        refused_because(s, "out of memory");
    } else {
        warn_if_config_changed(s);
        reload(s, diags);
        report_policy(diags);
    }
    diag_free(diags);
    notify_systemd("READY=1");
}
