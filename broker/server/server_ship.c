/* server_ship.c - sends the audit log to the syslog receivers of certbroker.yaml, and tells the operator
 * how that goes. */
#include "broker/server/server_parts.h"

static uint64_t durable(void *ctx)
{
    const struct server *s = ctx;
    return atomic_load(&s->durable_seq);
}

/* tell - on the receiver's thread. */
static void tell(void *ctx, const struct ship_target *target, bool is_trouble, const char *detail)
{
    (void)ctx;
    if (is_trouble) {
        log_warn("syslog", "%s: %s; records wait in the log until it works", target->name, detail);
    } else {
        log_info("syslog", "%s: connected", target->name);
    }
}

enum cb_code server_ship_start(struct server *s, struct cb_err *err)
{
    const struct config *c = s->config;
    if (c->num_syslog == 0) {
        return CB_OK;
    }
    const struct ship_settings settings = {.audit_dir = c->audit_dir,
                                           .origin = audit_origin(s->shared.audit),
                                           .targets = c->syslog,
                                           .num_targets = c->num_syslog,
                                           .durable = durable,
                                           .tell = tell,
                                           .ctx = s};
    return ship_start(&settings, &s->ship, err);
}

void server_ship_stop(struct server *s)
{
    ship_stop(s->ship);
    s->ship = NULL;
}

static void head(struct buf *out, const char *name, const char *kind, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void server_ship_metrics(const struct server *s, struct buf *out)
{
    static const struct {
        const char *name, *kind, *help;
    } rows[] = {
        {"certbroker_syslog_connected", "gauge", "1 while the receiver takes records."},
        {"certbroker_syslog_behind", "gauge", "Durable records not known to have arrived."},
        {"certbroker_syslog_sent_total", "counter", "Records sent, copies included."},
        {"certbroker_syslog_failures_total", "counter", "Connections that failed or broke."},
        {"certbroker_syslog_cut_total", "counter", "Records too long to be sent whole."},
    };
    const size_t num = s->ship == NULL ? 0 : s->config->num_syslog;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]) && num > 0; row++) {
        head(out, rows[row].name, rows[row].kind, rows[row].help);
        for (size_t i = 0; i < num; i++) {
            struct ship_stats st;
            const uint64_t end = atomic_load(&s->durable_seq);
            ship_get_stats(s->ship, i, &st);
            const uint64_t values[] = {st.state == SHIP_CONNECTED ? 1 : 0,
                                       end > st.cursor ? end - st.cursor : 0, st.sent, st.failures,
                                       st.cut};
            buf_printf(out, "%s{receiver=\"%s\"} %llu\n", rows[row].name, s->config->syslog[i].name,
                       (unsigned long long)values[row]);
        }
    }
}
