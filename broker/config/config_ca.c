/* config_ca.c - the ca: section: where the CA is, how to trust it, how hard to lean on it. */
#include "broker/config/config_parts.h"

static bool check_url(struct config_reader *r, const struct yaml_node *n, struct slice url,
                      bool allow_http)
{
    struct slice rest = {NULL, 0};
    if (slice_has_prefix(url, SLICE("https://"))) {
        rest = (struct slice){url.ptr + 8, url.len - 8};
    } else if (slice_has_prefix(url, SLICE("http://"))) {
        if (!allow_http) {
            config_error(r, n,
                         "this CA is reached over plain http: private keys would travel "
                         "unencrypted; use https, or set ca.allow_http: true");
            return false;
        }
        rest = (struct slice){url.ptr + 7, url.len - 7};
    } else {
        config_error(r, n,
                     "a CA's url begins with https:// (or http://), e.g. "
                     "https://ca.internal:8888");
        return false;
    }
    if (rest.len == 0 || slice_has_byte(rest, '/') || slice_has_byte(rest, '@') ||
        slice_has_byte(rest, '?') || slice_has_byte(rest, '#') || slice_has_byte(rest, ' ')) {
        config_error(r, n,
                     "a CA's url is scheme, host and port only, e.g. "
                     "https://ca.internal:8888");
        return false;
    }
    return true;
}

static void read_upstreams(struct config_reader *r, const struct yaml_node *ca, bool allow_http)
{
    static const char *const keys[] = {"url", NULL};
    struct config *c = r->config;
    const struct yaml_node *list = yaml_get(ca, "upstreams");
    if (list == NULL || list->kind != YAML_LIST || list->num == 0) {
        config_error(r, list == NULL ? ca : list,
                     "ca.upstreams must be a list of CAs in order of preference, each like "
                     "{ url: \"https://ca.internal:8888\" }");
        return;
    }
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        if (config_section(r, n, "ca.upstreams", keys) == NULL) {
            continue;
        }
        const char *url = config_text(r, n, "url", "ca.upstreams[].url", true);
        if (url == NULL || !check_url(r, yaml_get(n, "url"), slice_of(url), allow_http)) {
            continue;
        }
        if (c->ca.num_upstreams == CA_UPSTREAM_MAX) {
            config_error(r, n, "at most %d upstreams", CA_UPSTREAM_MAX);
            return;
        }
        c->upstreams[c->ca.num_upstreams++].url = url;
    }
    c->ca.upstreams = c->upstreams;
}

static void read_ca_tls(struct config_reader *r, const struct yaml_node *tls)
{
    static const char *const keys[] = {"ca", "certificate", "key", "pin", NULL};
    struct ca_settings *s = &r->config->ca;
    if (config_section(r, tls, "ca.tls", keys) == NULL) {
        return;
    }
    s->tls_ca = config_path(r, tls, "ca", "ca.tls.ca", true);
    s->tls_cert = config_path(r, tls, "certificate", "ca.tls.certificate", false);
    s->tls_key = config_path(r, tls, "key", "ca.tls.key", s->tls_cert != NULL);
    s->tls_pin = config_text(r, tls, "pin", "ca.tls.pin", false);
    if (s->tls_pin != NULL && (!slice_has_prefix(slice_of(s->tls_pin), SLICE("sha256//")) ||
                               strlen(s->tls_pin) != 8 + 44)) {
        config_error(r, yaml_get(tls, "pin"),
                     "ca.tls.pin is \"sha256//\" and the base64 of the SHA-256 of the CA server's "
                     "public key (44 characters)");
    }
}

static void read_usages(struct config_reader *r, const struct yaml_node *profile,
                        struct profile_usages *ret)
{
    const struct yaml_node *list = yaml_get(profile, "usages");
    if (list == NULL || list->kind != YAML_LIST || list->num == 0) {
        config_error(r, list == NULL ? profile : list,
                     "usages must list what CFSSL's profile lists, e.g. "
                     "[digital signature, key encipherment, server auth]");
        return;
    }
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        struct slice word;
        if (!yaml_read_text(&r->yaml, n, "usages", &word) || usage_add(&ret->usages, word)) {
            continue;
        }
        const char *near = yaml_suggest(word, usage_words);
        config_error(r, n, "\"%.*s\" is not a usage%s%s%s", (int)(word.len < 60 ? word.len : 60),
                     word.ptr, near == NULL ? "" : ": did you mean \"", near == NULL ? "" : near,
                     near == NULL ? "" : "\"?");
    }
}

static void read_profiles(struct config_reader *r, const struct yaml_node *ca)
{
    static const char *const keys[] = {"usages", "max_validity", NULL};
    struct config *c = r->config;
    const struct yaml_node *map = yaml_get(ca, "profiles");
    if (map == NULL || map->kind != YAML_MAP || map->num == 0) {
        config_error(r, map == NULL ? ca : map,
                     "ca.profiles must name the CA's profiles and their usages, because CFSSL "
                     "silently uses its default profile for a name it does not know");
        return;
    }
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        if (c->request.num_profiles == CONFIG_PROFILES_MAX) {
            config_error(r, n, "at most %u profiles", CONFIG_PROFILES_MAX);
            break;
        }
        if (config_section(r, n, "a profile", keys) == NULL) {
            continue;
        }
        struct profile_usages *p = &c->profiles[c->request.num_profiles++];
        p->name = arena_dup(&c->arena, n->key);
        read_usages(r, n, p);
        uint64_t ms = 0;
        if (yaml_read_duration_ms(&r->yaml, yaml_get(n, "max_validity"), "max_validity", 60000,
                                  (uint64_t)100 * 366 * 86400000, &ms)) {
            p->max_validity_s = ms / 1000;
        }
    }
    c->request.profiles = c->profiles;
}

void config_read_ca(struct config_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"upstreams", "allow_http",    "tls",      "issuer",
                                       "aki",       "timeout",       "profiles", "max_in_flight",
                                       "queue",     "queue_timeout", "max_idle", "connect_timeout",
                                       NULL};
    static const char *const aki[] = {"auto", "hex", "empty", NULL};
    struct config *c = r->config;
    const struct yaml_node *ca = yaml_get(root, "ca");
    bool allow_http = false;
    size_t choice = 0;
    unsigned idle_ms = c->ca.max_idle_s * 1000;
    if (ca == NULL) {
        config_error(r, root, "ca is missing: it says where the CFSSL server is");
        return;
    }
    if (config_section(r, ca, "ca", keys) == NULL) {
        return;
    }
    (void)yaml_read_bool(&r->yaml, yaml_get(ca, "allow_http"), "ca.allow_http", &allow_http);
    read_upstreams(r, ca, allow_http);
    read_ca_tls(r, yaml_get(ca, "tls"));
    c->issuer_path = config_path(r, ca, "issuer", "ca.issuer", true);
    if (yaml_read_choice(&r->yaml, yaml_get(ca, "aki"), "ca.aki", aki, &choice)) {
        c->request.aki_mode = (enum aki_mode)choice;
    }
    config_ms(r, ca, "timeout", "ca.timeout", 100, 600000, &c->ca.timeout_ms);
    config_ms(r, ca, "connect_timeout", "ca.connect_timeout", 50, 60000, &c->ca.connect_timeout_ms);
    config_ms(r, ca, "max_idle", "ca.max_idle", 1000, 3600000, &idle_ms);
    c->ca.max_idle_s = idle_ms / 1000;
    config_count(r, ca, "max_in_flight", "ca.max_in_flight", 1, 1024, &c->max_in_flight);
    config_count(r, ca, "queue", "ca.queue", 0, 100000, &c->max_queue);
    config_ms(r, ca, "queue_timeout", "ca.queue_timeout", 10, 600000, &c->request.queue_timeout_ms);
    c->ahead = c->max_in_flight;
    read_profiles(r, ca);
}
