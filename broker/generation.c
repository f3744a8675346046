/* generation.c - see generation.h. */
#include "broker/generation.h"

#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static bool has_profile(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->request.num_profiles; i++) {
        if (strcmp(config->request.profiles[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_profiles(const struct config *config, const struct policy *policy,
                           struct diag_list *diags)
{
    for (size_t rule = 0; rule < policy_num_rules(policy); rule++) {
        const char *const *profiles = NULL;
        const size_t num = policy_rule_profiles(policy, rule, &profiles);
        for (size_t i = 0; i < num; i++) {
            if (!has_profile(config, profiles[i])) {
                diag_add(diags, DIAG_ERROR, policy_rule_place(policy, rule),
                         "rule %s lists profile \"%s\", which ca.profiles in %s does not have",
                         policy_rule_id(policy, rule), profiles[i], config->path);
            }
        }
    }
}

enum cb_code policy_load_checked(const struct config *config, struct diag_list *diags,
                                 struct policy **ret)
{
    const int64_t now_s = clock_wall_us(&cb_system_clock) / 1000000;
    struct policy *policy = NULL;
    TRY(policy_load(config->policy_path, now_s, diags, &policy));
    check_profiles(config, policy, diags);
    if (diag_num_errors(diags) > 0) {
        policy_free(policy);
        return CB_EINPUT;
    }
    *ret = policy;
    return CB_OK;
}

void report_policy(const struct diag_list *diags)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f == NULL) {
        return;
    }
    diag_print(diags, f);
    (void)fclose(f);
    char *rest = text;
    const char *line = NULL;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != '\0') {
            log_line(strstr(line, ": error: ") != NULL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "policy",
                     NULL, "%s", line);
        }
    }
    free(text);
}

/* print_files - SHA-256 over these files' bytes and lengths; a file that cannot be read counts as
 * empty here, and loading it says why. */
static void print_files(const char *const *paths, size_t num, char out[SHA256_HEX_LEN + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < num; i++) {
        unsigned char chunk[4096];
        uint64_t total = 0;
        size_t n = 0;
        FILE *f = paths[i] == NULL ? NULL : fopen(paths[i], "re");
        while (f != NULL && (n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
            total += n;
            ok = ok && EVP_DigestUpdate(ctx, chunk, n) == 1;
        }
        if (f != NULL) {
            (void)fclose(f);
        }
        secret_wipe(chunk, sizeof(chunk));
        ok = ok && EVP_DigestUpdate(ctx, &total, sizeof(total)) == 1;
    }
    if (ok) {
        (void)EVP_DigestFinal_ex(ctx, digest, NULL);
    }
    EVP_MD_CTX_free(ctx);
    hex_encode(digest, SHA256_LEN, out);
}

void generation_take_prints(const struct config *config, struct generation_prints *ret)
{
    const char *const tls[] = {config->tls.certificate, config->tls.key, config->tls.client_ca,
                               config->tls.client_crl};
    const char *const ca_tls[] = {config->ca.tls_ca, config->ca.tls_cert, config->ca.tls_key};
    print_files(tls, sizeof(tls) / sizeof(tls[0]), ret->tls);
    print_files(ca_tls, sizeof(ca_tls) / sizeof(ca_tls[0]), ret->ca_tls);
}

static bool needs_tls(const struct config *config)
{
    return config->tls.certificate != NULL;
}

static enum cb_code load_files(const struct config *config, bool with_tls,
                               struct worker_generation *g, struct cb_err *err)
{
    if (with_tls && needs_tls(config)) {
        TRY(edge_tls_load(&config->tls, &g->tls, err));
    }
    return ca_issuer_load(config->issuer_path, &g->issuer, err);
}

enum cb_code generation_check_files(const struct config *config, struct cb_err *err)
{
    struct worker_generation g = {0};
    enum cb_code code = load_files(config, true, &g, err);
    worker_generation_free(&g);
    if (code != CB_OK) {
        return code;
    }
    struct event_base *base = event_base_new();
    struct ca *ca = NULL;
    code = base == NULL ? cb_fail(err, CB_ENOMEM, "cannot make an event base")
                        : ca_new(base, &config->ca, &cb_system_clock, &ca, err);
    if (code == CB_OK) {
        ca_free(ca);
    }
    if (base != NULL) {
        event_base_free(base);
    }
    return code;
}

enum cb_code generations_load(const struct config *config, struct policy *policy,
                              const struct generation_prints *keep,
                              struct generation_prints *ret_prints, struct worker_generation *ret,
                              size_t num, struct cb_err *err)
{
    generation_take_prints(config, ret_prints);
    const bool with_tls = keep == NULL || strcmp(keep->tls, ret_prints->tls) != 0;
    const bool with_ca = keep == NULL || strcmp(keep->ca_tls, ret_prints->ca_tls) != 0;
    enum cb_code code = CB_OK;
    size_t done = 0;
    for (; done < num && code == CB_OK; done++) {
        ret[done] = (struct worker_generation){.has_new_ca_tls = with_ca};
        code = load_files(config, with_tls, &ret[done], err);
    }
    struct policy_ref *ref = code == CB_OK ? policy_ref_new(policy) : NULL;
    if (ref == NULL) {
        for (size_t i = 0; i < done; i++) {
            worker_generation_free(&ret[i]);
        }
        return code == CB_OK ? cb_fail(err, CB_ENOMEM, "out of memory") : code;
    }
    for (size_t i = 0; i < num; i++) {
        ret[i].policy = policy_ref_get(ref);
    }
    policy_ref_put(ref);
    return CB_OK;
}
