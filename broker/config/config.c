/* config.c - the top level of certbroker.yaml; the larger sections are in config_*.c. */
#include "broker/config/config_parts.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define ARENA_CAP (4U << 20)

/* ---------------------------------------------------------------- small sections */

static void read_tls(struct config_reader *r, const struct yaml_node *tls)
{
    static const char *const keys[] = {"certificate", "key", "client_ca", "client_crl", NULL};
    struct edge_tls_files *files = &r->config->tls;
    if (config_section(r, tls, "tls", keys) == NULL) {
        return;
    }
    files->certificate = config_path(r, tls, "certificate", "tls.certificate", true);
    files->key = config_path(r, tls, "key", "tls.key", true);
    files->client_ca = config_path(r, tls, "client_ca", "tls.client_ca", false);
    files->client_crl = config_path(r, tls, "client_crl", "tls.client_crl", false);
}

static void read_log(struct config_reader *r, const struct yaml_node *log)
{
    static const char *const keys[] = {"format", "level", NULL};
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
    size_t choice = 0;
    if (config_section(r, log, "log", keys) == NULL) {
        return;
    }
    if (yaml_read_choice(&r->yaml, yaml_get(log, "format"), "log.format", formats, &choice)) {
        r->config->log_format = choice == 0 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
    }
    if (yaml_read_choice(&r->yaml, yaml_get(log, "level"), "log.level", levels, &choice)) {
        r->config->log_level = (enum log_level)choice;
    }
}

static void read_workers(struct config_reader *r, const struct yaml_node *workers)
{
    struct slice text = {NULL, 0};
    uint64_t num = 0;
    if (workers == NULL) {
        return;
    }
    if (yaml_read_text(&r->yaml, workers, "workers", &text) && slice_eq_str(text, "auto")) {
        return;
    }
    if (yaml_read_u64(&r->yaml, workers, "workers", 1, CONFIG_WORKERS_MAX, &num)) {
        r->config->workers = (unsigned)num;
    }
}

static void set_defaults(struct config *c)
{
    c->max_in_flight = 6;
    c->max_queue = 512;
    c->ca = (struct ca_settings){
        .connect_timeout_ms = 3000,
        .timeout_ms = 15000,
        .max_answer_bytes = 64U << 10,
        .max_answer_head_bytes = 16U << 10,
        .max_idle_s = 30,
        .max_life_s = 300,
    };
    c->request.queue_timeout_ms = 10000;
    c->request.refused_per_minute = 20;
    c->request.revoke_undelivered = true;
    c->request.aki_mode = AKI_AUTO;
    c->limits = (struct edge_limits){
        .max_connections = 4096,
        .max_connections_peer = 1024,
        .max_requests = 1000,
        .max_head_bytes = 16U << 10,
        .max_body_bytes = 64U << 10,
        .handshake_ms = 5000,
        .head_ms = 5000,
        .body_ms = 10000,
        .request_ms = 60000,
        .idle_ms = 60000,
        .write_ms = 10000,
    };
    c->reload =
        (struct config_reload){.guard_window_s = UINT64_C(86400), .max_dropped_percent = 20};
    c->drain_ms = 30000;
    c->log_level = LOG_LEVEL_INFO;
}

/* ---------------------------------------------------------------- the whole file */

static void read_top(struct config_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"version", "listen", "operations", "tls",  "policy",
                                       "audit",   "index",  "ca",         "log",  "undelivered",
                                       "workers", "limits", "drain",      "user", "group",
                                       "control", "reload", "jwt",        NULL};
    static const char *const undelivered[] = {"revoke", "keep", NULL};
    struct config *c = r->config;
    uint64_t version = 0;
    size_t choice = 0;
    if (config_section(r, root, "the configuration", keys) == NULL) {
        return;
    }
    if (yaml_get(root, "version") == NULL) {
        config_error(r, root, "version is missing: the first line should be \"version: 1\"");
    }
    (void)yaml_read_u64(&r->yaml, yaml_get(root, "version"), "version", 1, 1, &version);
    config_read_listen(r, root);
    c->operations = config_text(r, root, "operations", "operations", false);
    read_tls(r, yaml_get(root, "tls"));
    c->policy_path = config_path(r, root, "policy", "policy", true);
    config_read_reload(r, root);
    config_read_audit(r, root);
    c->index_path = config_path(r, root, "index", "index", true);
    config_read_ca(r, root);
    config_read_jwt(r, root);
    read_log(r, yaml_get(root, "log"));
    if (yaml_read_choice(&r->yaml, yaml_get(root, "undelivered"), "undelivered", undelivered,
                         &choice)) {
        c->request.revoke_undelivered = choice == 0;
    }
    read_workers(r, yaml_get(root, "workers"));
    config_read_limits(r, root);
    config_ms(r, root, "drain", "drain", 0, 3600000, &c->drain_ms);
    c->user = config_text(r, root, "user", "user", false);
    c->group = config_text(r, root, "group", "group", false);
}

static void check_together(struct config_reader *r, const struct yaml_node *root)
{
    const struct config *c = r->config;
    for (size_t i = 0; i < c->num_listen; i++) {
        if (c->listen[i].is_tls && c->tls.certificate == NULL) {
            config_error(r, root,
                         "listen has a tls address, so tls.certificate and tls.key must "
                         "be set");
            break;
        }
    }
    if (c->user == NULL && c->group != NULL) {
        config_error(r, yaml_get(root, "group"), "group is set but user is not");
    }
}

static void digest_file(const struct yaml_doc *doc, char out[SHA256_HEX_LEN + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    const struct slice bytes = yaml_bytes(doc);
    if (EVP_Q_digest(NULL, "SHA256", NULL, bytes.ptr, bytes.len, digest, &len) == 1) {
        hex_encode(digest, len, out);
    }
}

enum cb_code config_load_anyway(const char *path, struct diag_list *diags, struct config **ret)
{
    struct yaml_doc *doc = NULL;
    TRY(yaml_load_file(path, diags, &doc));
    struct config *config = calloc(1, sizeof(*config));
    if (config == NULL) {
        yaml_doc_free(doc);
        return CB_ENOMEM;
    }
    arena_init(&config->arena, ARENA_CAP);
    config->path = arena_dup(&config->arena, slice_of(path));
    set_defaults(config);
    struct config_reader reader = {{doc, diags}, config};
    const struct yaml_node *root = yaml_root(doc);
    read_top(&reader, root);
    check_together(&reader, root);
    digest_file(doc, config->sha256);
    yaml_doc_free(doc);
    *ret = config;
    return CB_OK;
}

enum cb_code config_load(const char *path, struct diag_list *diags, struct config **ret)
{
    struct config *config = NULL;
    TRY(config_load_anyway(path, diags, &config));
    if (diag_num_errors(diags) > 0) {
        config_free(config);
        return CB_EINPUT;
    }
    *ret = config;
    return CB_OK;
}

void config_free(struct config *config)
{
    if (config != NULL) {
        arena_free(&config->arena);
        free(config);
    }
}
