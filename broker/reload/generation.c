/* generation.c - see generation.h. */
#include "broker/reload/generation.h"

#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum cb_code policy_load_checked(const struct config *config, struct diag_list *diags,
                                 struct policy **ret)
{
    const int64_t now_s = clock_wall_us(&cb_system_clock) / 1000000;
    struct policy *policy = NULL;
    TRY(policy_load(config->policy_path, now_s, diags, &policy));
    policy_check(config, policy, diags);
    if (diag_num_errors(diags) > 0) {
        policy_free(policy);
        return CB_EINPUT;
    }
    *ret = policy;
    return CB_OK;
}

static void report_line(void *ctx, const char *line)
{
    (void)ctx;
    log_line(strstr(line, ": error: ") != NULL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "policy", NULL,
             "%s", line);
}

void report_policy(const struct diag_list *diags)
{
    diag_each(diags, report_line, NULL);
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
    if (config->jwt.num_issuers > 0) {
        TRY(jwt_keys_load(&config->jwt, &g->jwt_keys, err));
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
        if (code == CB_OK && !worker_generation_prepare(&ret[done])) {
            code = cb_fail(err, CB_ENOMEM, "out of memory");
        }
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
