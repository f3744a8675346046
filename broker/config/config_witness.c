/* config_witness.c - the witnesses in the section "audit" of certbroker.yaml: who is shown the log's
 * checkpoints, and what follows if one contradicts. */
#include "broker/config/config_parts.h"

/* read_url - and whether it is reached by TLS. */
static bool read_url(struct config_reader *r, const struct yaml_node *n, struct anchor_witness *w,
                     bool *ret_is_tls)
{
    const struct yaml_node *place = yaml_get(n, "url");
    w->url = config_text(r, n, "url", "witnesses[].url", true);
    if (w->url == NULL) {
        return false;
    }
    const struct slice url = slice_of(w->url);
    const bool is_tls = slice_has_prefix(url, SLICE("https://"));
    const size_t scheme_len = is_tls ? 8 : 7;
    if (!is_tls && !slice_has_prefix(url, SLICE("http://"))) {
        config_error(r, place,
                     "the url of a witness begins with https://, e.g. "
                     "https://witness1.security.acme.example:8444");
        return false;
    }
    const struct slice rest = slice_from(url, scheme_len);
    for (const char *c = "/@?# "; *c != '\0'; c++) {
        if (rest.len == 0 || slice_has_byte(rest, *c)) {
            config_error(r, place,
                         "the url of a witness is scheme, host and port only, e.g. "
                         "https://witness1.security.acme.example:8444");
            return false;
        }
    }
    if (!is_tls && !edge_address_is_loopback(rest.ptr)) {
        config_error(r, place,
                     "plain http only to a loopback address with its port (http://127.0.0.1:8444): "
                     "over a network anybody on the way could answer for the witness");
        return false;
    }
    *ret_is_tls = is_tls;
    return true;
}

static void read_ca_file(struct config_reader *r, const struct yaml_node *n, bool is_tls,
                         struct anchor_witness *w)
{
    w->ca_file = config_path(r, n, "ca", "witnesses[].ca", false);
    if (is_tls && w->ca_file == NULL) {
        config_error(r, n, "an https witness needs ca: the file with the CA of its certificate");
    } else if (!is_tls && w->ca_file != NULL) {
        config_error(r, yaml_get(n, "ca"), "ca means nothing with http://");
    }
}

static void read_vkey(struct config_reader *r, const struct yaml_node *n, struct anchor_witness *w)
{
    const struct yaml_node *place = yaml_get(n, "key");
    const char *text = config_text(r, n, "key", "witnesses[].key", true);
    struct cb_err err = {0};
    if (text == NULL) {
        return;
    }
    if (note_key_parse(slice_of(text), &w->key, &err) != CB_OK) {
        config_error(r, place,
                     "witnesses[].key is the line that `certbroker witness init` printed: "
                     "%.200s",
                     err.msg);
        return;
    }
    if (w->key.type != NOTE_WITNESS) {
        config_error(r, place, "this is the verifier key of a log, not of a witness");
    }
    for (size_t i = 0; i < r->config->anchor.num; i++) {
        if (note_key_eq(&r->config->witnesses[i].key, &w->key)) {
            config_error(r, place, "the witness %.100s is in the list already", w->key.name);
        }
    }
}

static void read_witness(struct config_reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = {"url", "key", "ca", "required", NULL};
    struct anchor_witness w = {.url = NULL};
    bool is_tls = false;
    if (config_section(r, n, "a witness", keys) == NULL) {
        return;
    }
    if (read_url(r, n, &w, &is_tls)) {
        read_ca_file(r, n, is_tls, &w);
    }
    read_vkey(r, n, &w);
    (void)yaml_read_bool(&r->yaml, yaml_get(n, "required"), "witnesses[].required", &w.is_required);
    r->config->witnesses[r->config->anchor.num++] = w;
}

void config_read_witnesses(struct config_reader *r, const struct yaml_node *audit)
{
    const struct yaml_node *list = yaml_get(audit, "witnesses");
    struct config *c = r->config;
    c->anchor.witnesses = c->witnesses;
    config_ms(r, audit, "witness_interval", "audit.witness_interval", 100, 86400000,
              &c->anchor.interval_ms);
    (void)yaml_read_bool(&r->yaml, yaml_get(audit, "witness_enforce"), "audit.witness_enforce",
                         &c->witness_enforce);
    if (list == NULL) {
        return;
    }
    if (list->kind != YAML_LIST) {
        config_error(r, list,
                     "audit.witnesses is a list, each like { url: "
                     "\"https://witness1.security.acme.example:8444\", key: \"...\", ca: FILE }");
        return;
    }
    if (list->num > ANCHOR_WITNESSES_MAX) {
        config_error(r, list, "at most %u witnesses", ANCHOR_WITNESSES_MAX);
        return;
    }
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        read_witness(r, n);
    }
}
