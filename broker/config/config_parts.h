/* config_parts.h - the sections of certbroker.yaml; private to config*.c. */
#ifndef BROKER_CONFIG_PARTS_H
#define BROKER_CONFIG_PARTS_H

#include "broker/config/config.h"
#include "policy/yaml_tree.h"

struct config_reader {
    struct yaml_reader yaml;
    struct config *config;
};

void config_error(struct config_reader *r, const struct yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* config_section - n if it is a map, after complaining about the keys that are not in the list; NULL
 * when it is absent or no map. One wrong key must not hide the errors of the others. */
const struct yaml_node *config_section(struct config_reader *r, const struct yaml_node *n,
                                       const char *what, const char *const *keys);
/* config_text - a copy of a required or optional text; NULL when absent or wrong (complained). */
const char *config_text(struct config_reader *r, const struct yaml_node *map, const char *key,
                        const char *what, bool is_required);
/* config_path - the same, made absolute from the config file's folder. */
const char *config_path(struct config_reader *r, const struct yaml_node *map, const char *key,
                        const char *what, bool is_required);
void config_ms(struct config_reader *r, const struct yaml_node *map, const char *key,
               const char *what, unsigned min_ms, unsigned max_ms, unsigned *io_ms);
void config_count(struct config_reader *r, const struct yaml_node *map, const char *key,
                  const char *what, unsigned min, unsigned max, unsigned *io);
void config_bytes(struct config_reader *r, const struct yaml_node *map, const char *key,
                  const char *what, uint64_t min, uint64_t max, uint64_t *io);

/* the sections audit:, ca:, jwt:, listen:, limits:, control: and reload: of the file's top map */
void config_read_witnesses(struct config_reader *r, const struct yaml_node *audit); /* in audit: */
void config_read_audit(struct config_reader *r, const struct yaml_node *root);
void config_read_archive(struct config_reader *r, const struct yaml_node *audit);
void config_read_syslog(struct config_reader *r, const struct yaml_node *audit);
void config_read_ca(struct config_reader *r, const struct yaml_node *root);
void config_read_jwt(struct config_reader *r, const struct yaml_node *root);
void config_read_listen(struct config_reader *r, const struct yaml_node *root);
void config_read_limits(struct config_reader *r, const struct yaml_node *root);
void config_read_reload(struct config_reader *r, const struct yaml_node *root);

#endif
