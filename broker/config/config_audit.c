/* config_audit.c - the section "audit" of certbroker.yaml: the log, and where it is made safe. */
#include "broker/config/config_parts.h"

static void read_key(struct config_reader *r, const struct yaml_node *audit)
{
    struct config *c = r->config;
    const struct yaml_node *key = yaml_get(audit, "key");
    if (key == NULL) {
        config_error(r, audit,
                     "audit.key is missing: it names the file of the key that signs the log's "
                     "checkpoints, as `certbroker audit init --key FILE` makes it");
        return;
    }
    c->audit_key = config_path(r, audit, "key", "audit.key", true);
    c->audit_key_place = yaml_place(&r->yaml, key);
    c->audit_key_place.file = c->path;
}

void config_read_audit(struct config_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"directory",
                                       "key",
                                       "fsync_error",
                                       "segment_size",
                                       "segment_age",
                                       "low_space_soft",
                                       "low_space_hard",
                                       "stall",
                                       "archive_after",
                                       "archive_to",
                                       "syslog",
                                       "witnesses",
                                       "witness_interval",
                                       "witness_enforce",
                                       NULL};
    static const char *const fsync_errors[] = {"new_segment", "abort", NULL};
    const struct yaml_node *audit = yaml_get(root, "audit");
    struct config *c = r->config;
    if (audit == NULL) {
        config_error(r, root,
                     "audit is missing: it names the directory of the audit log and its key");
        return;
    }
    if (config_section(r, audit, "audit", keys) == NULL) {
        return;
    }
    c->audit_dir = config_path(r, audit, "directory", "audit.directory", true);
    read_key(r, audit);
    config_read_witnesses(r, audit);
    config_bytes(r, audit, "segment_size", "audit.segment_size", 1U << 20, 1U << 30,
                 &c->audit_segment_bytes);
    config_bytes(r, audit, "low_space_soft", "audit.low_space_soft", 1U << 16, (uint64_t)1 << 50,
                 &c->audit_soft_free_bytes);
    config_bytes(r, audit, "low_space_hard", "audit.low_space_hard", 1U << 16, (uint64_t)1 << 50,
                 &c->audit_hard_free_bytes);
    if (c->audit_hard_free_bytes != 0 && c->audit_soft_free_bytes != 0 &&
        c->audit_soft_free_bytes < c->audit_hard_free_bytes) {
        config_error(
            r, audit,
            "audit.low_space_soft is lower than low_space_hard: new certificates end first, so it "
            "must be the higher one");
    }
    uint64_t age_ms = 0;
    if (yaml_read_duration_ms(&r->yaml, yaml_get(audit, "segment_age"), "audit.segment_age", 60000,
                              (uint64_t)366 * 86400000, &age_ms)) {
        c->audit_segment_seconds = age_ms / 1000;
    }
    size_t choice = 0;
    if (yaml_read_choice(&r->yaml, yaml_get(audit, "fsync_error"), "audit.fsync_error",
                         fsync_errors, &choice)) {
        c->audit_abort_on_sync_error = choice == 1;
    }
    (void)yaml_read_duration_ms(&r->yaml, yaml_get(audit, "stall"), "audit.stall", 100, 600000,
                                &c->audit_stall_ms);
    config_read_archive(r, audit);
    config_read_syslog(r, audit);
}
