/* config_edge.c - the listen: and limits: sections. */
#include "broker/config/config_parts.h"

static void read_one_listen(struct config_reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = {"tls", "plain", NULL};
    struct config *c = r->config;
    if (config_section(r, n, "listen", keys) == NULL) {
        return;
    }
    const char *tls = config_text(r, n, "tls", "listen[].tls", false);
    const char *plain = config_text(r, n, "plain", "listen[].plain", false);
    if ((tls == NULL) == (plain == NULL)) {
        config_error(r, n,
                     "a listener is { tls: \"ADDRESS:PORT\" } or { plain: "
                     "\"127.0.0.1:PORT\" }");
        return;
    }
    if (plain != NULL && !edge_address_is_loopback(plain)) {
        config_error(r, yaml_get(n, "plain"),
                     "plain HTTP carries private keys unencrypted, so it may listen on a loopback "
                     "address only, e.g. 127.0.0.1:8080");
        return;
    }
    c->listen[c->num_listen++] = (struct config_listen){tls != NULL ? tls : plain, tls != NULL};
}

void config_read_listen(struct config_reader *r, const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_get(root, "listen");
    if (list == NULL || list->kind != YAML_LIST || list->num == 0) {
        config_error(r, list == NULL ? root : list,
                     "listen must be a list of listeners, e.g. [ { tls: \"0.0.0.0:8443\" } ]");
        return;
    }
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        if (r->config->num_listen == CONFIG_LISTEN_MAX) {
            config_error(r, n, "at most %u listeners", CONFIG_LISTEN_MAX);
            return;
        }
        read_one_listen(r, n);
    }
}

void config_read_limits(struct config_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"connections",
                                       "connections_per_peer",
                                       "requests_per_connection",
                                       "head",
                                       "body",
                                       "handshake",
                                       "head_time",
                                       "body_time",
                                       "request_time",
                                       "idle",
                                       "write_time",
                                       "refused_per_minute",
                                       NULL};
    const struct yaml_node *n = yaml_get(root, "limits");
    struct edge_limits *l = &r->config->limits;
    if (config_section(r, n, "limits", keys) == NULL) {
        return;
    }
    uint64_t head = l->max_head_bytes;
    uint64_t body = l->max_body_bytes;
    config_count(r, n, "connections", "limits.connections", 1, 1000000, &l->max_connections);
    config_count(r, n, "connections_per_peer", "limits.connections_per_peer", 1, 1000000,
                 &l->max_connections_peer);
    config_count(r, n, "requests_per_connection", "limits.requests_per_connection", 1, 1000000000,
                 &l->max_requests);
    config_bytes(r, n, "head", "limits.head", 1024, 1U << 20, &head);
    config_bytes(r, n, "body", "limits.body", 1024, 1U << 20, &body);
    l->max_head_bytes = (size_t)head;
    l->max_body_bytes = (size_t)body;
    config_ms(r, n, "handshake", "limits.handshake", 10, 600000, &l->handshake_ms);
    config_ms(r, n, "head_time", "limits.head_time", 10, 600000, &l->head_ms);
    config_ms(r, n, "body_time", "limits.body_time", 10, 600000, &l->body_ms);
    config_ms(r, n, "request_time", "limits.request_time", 10, 3600000, &l->request_ms);
    config_ms(r, n, "idle", "limits.idle", 10, 3600000, &l->idle_ms);
    config_ms(r, n, "write_time", "limits.write_time", 10, 600000, &l->write_ms);
    config_count(r, n, "refused_per_minute", "limits.refused_per_minute", 1, 1000000,
                 &r->config->request.refused_per_minute);
}
