/* config_syslog.c - audit.syslog: where the records are sent as they are written. */
#include "broker/config/config_parts.h"

#define MESSAGE_MIN 480U /* what RFC 5424 demands of every receiver */
#define MESSAGE_DEFAULT 8192U
#define MESSAGE_MAX 65536U

static bool is_name(const char *name)
{
    const size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        const char c = name[i];
        if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c) && c != '-') {
            return false;
        }
    }
    return len >= 1 && len <= SHIP_NAME_MAX;
}

static void check_name(struct config_reader *r, const struct yaml_node *n, const char *name)
{
    const struct config *c = r->config;
    if (!is_name(name)) {
        config_error(r, yaml_get(n, "name"),
                     "audit.syslog[].name has 1 to %u characters of a-z, 0-9 and hyphen",
                     SHIP_NAME_MAX);
        return;
    }
    for (size_t i = 0; i < c->num_syslog; i++) {
        if (strcmp(c->syslog[i].name, name) == 0) {
            config_error(
                r, n,
                "two syslog receivers are called \"%s\": each needs a name of its own, which "
                "its place in the log is kept under",
                name);
        }
    }
}

static void check_tls(struct config_reader *r, const struct yaml_node *n,
                      const struct ship_target *t)
{
    const bool has_any = t->ca != NULL || t->certificate != NULL || t->key != NULL;
    if (t->transport == SHIP_TLS && t->ca == NULL) {
        config_error(r, n,
                     "audit.syslog[].ca is missing: who may have signed the receiver's "
                     "certificate");
    } else if (t->transport != SHIP_TLS && has_any) {
        config_error(r, n, "ca, certificate and key go with a tls:// receiver only");
    } else if ((t->certificate == NULL) != (t->key == NULL)) {
        config_error(r, n, "audit.syslog[].certificate and key go together");
    }
}

static void read_one(struct config_reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = {"url", "name",        "ca", "certificate",
                                       "key", "max_message", NULL};
    struct config *c = r->config;
    struct ship_target t = {.name = "syslog"};
    struct cb_err err = {0};
    uint64_t max_message = MESSAGE_DEFAULT;
    if (config_section(r, n, "audit.syslog", keys) == NULL) {
        return;
    }
    const char *url = config_text(r, n, "url", "audit.syslog[].url", true);
    if (url != NULL && ship_parse_url(url, &c->arena, &t, &err) != CB_OK) {
        config_error(r, yaml_get(n, "url"), "%s", err.msg);
    }
    if (yaml_get(n, "name") != NULL) {
        t.name = config_text(r, n, "name", "audit.syslog[].name", false);
    }
    t.ca = config_path(r, n, "ca", "audit.syslog[].ca", false);
    t.certificate = config_path(r, n, "certificate", "audit.syslog[].certificate", false);
    t.key = config_path(r, n, "key", "audit.syslog[].key", false);
    config_bytes(r, n, "max_message", "audit.syslog[].max_message", MESSAGE_MIN, MESSAGE_MAX,
                 &max_message);
    t.max_message = (size_t)max_message;
    if (t.name == NULL) {
        return; /* complained of */
    }
    check_name(r, n, t.name);
    if (url != NULL && err.code == CB_OK) {
        check_tls(r, n, &t);
    }
    c->syslog[c->num_syslog++] = t;
}

void config_read_syslog(struct config_reader *r, const struct yaml_node *audit)
{
    const struct yaml_node *list = yaml_get(audit, "syslog");
    if (list == NULL || !yaml_check_list(&r->yaml, list, "audit.syslog")) {
        return;
    }
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        if (r->config->num_syslog == SHIP_TARGETS_MAX) {
            config_error(r, n, "at most %u syslog receivers", SHIP_TARGETS_MAX);
            return;
        }
        read_one(r, n);
    }
}
