/* config_archive.c - archive_after and archive_to in the section "audit" of certbroker.yaml. */
#include "broker/config/config_parts.h"

#define DAY_MS UINT64_C(86400000)

static bool is_word(const struct yaml_node *n, const char *word)
{
    return n != NULL && n->kind == YAML_SCALAR && slice_eq_str(n->text, word);
}

void config_read_archive(struct config_reader *r, const struct yaml_node *audit)
{
    struct config *c = r->config;
    const struct yaml_node *after = yaml_get(audit, "archive_after");
    c->audit_archive_after_ms = 7 * DAY_MS;
    c->audit_archive_to = config_path(r, audit, "archive_to", "audit.archive_to", false);
    if (c->audit_archive_to != NULL) {
        c->audit_archive_place = yaml_place(&r->yaml, yaml_get(audit, "archive_to"));
        c->audit_archive_place.file = c->path;
    }
    if (is_word(after, "never")) {
        c->audit_archive_after_ms = UINT64_MAX;
        return;
    }
    if (is_word(after, "off") || is_word(after, "no") || is_word(after, "0")) {
        config_error(r, after,
                     "audit.archive_after: write never to have nothing packed, or a time: 7d");
        return;
    }
    (void)yaml_read_duration_ms(&r->yaml, after, "audit.archive_after", 1000, 3660 * DAY_MS,
                                &c->audit_archive_after_ms);
}
