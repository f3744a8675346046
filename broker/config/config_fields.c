/* config_fields.c - reading one field of certbroker.yaml, with complaints that say where; what all
 * sections share. */
#include "broker/config/config_parts.h"

#include <libgen.h>
#include <stdio.h>

void config_error(struct config_reader *r, const struct yaml_node *n, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    diag_add(r->yaml.diags, DIAG_ERROR, yaml_place(&r->yaml, n), "%s", text);
}

const struct yaml_node *config_section(struct config_reader *r, const struct yaml_node *n,
                                       const char *what, const char *const *keys)
{
    if (n == NULL) {
        return NULL;
    }
    (void)yaml_check_keys(&r->yaml, n, what, keys);
    return n->kind == YAML_MAP ? n : NULL;
}

const char *config_text(struct config_reader *r, const struct yaml_node *map, const char *key,
                        const char *what, bool is_required)
{
    const struct yaml_node *n = yaml_get(map, key);
    if (n == NULL) {
        if (is_required) {
            config_error(r, map, "%s is missing", what);
        }
        return NULL;
    }
    struct slice text;
    if (!yaml_read_text(&r->yaml, n, what, &text)) {
        return NULL;
    }
    if (text.len == 0) {
        config_error(r, n, "%s is empty", what);
        return NULL;
    }
    return arena_dup(&r->config->arena, text);
}

const char *config_path(struct config_reader *r, const struct yaml_node *map, const char *key,
                        const char *what, bool is_required)
{
    const char *text = config_text(r, map, key, what, is_required);
    if (text == NULL || text[0] == '/') {
        return text;
    }
    char *folder = arena_dup(&r->config->arena, slice_of(r->config->path));
    if (folder == NULL) {
        return NULL;
    }
    const char *dir = dirname(folder);
    const size_t size = strlen(dir) + strlen(text) + 2;
    char *joined = arena_alloc(&r->config->arena, size);
    if (joined != NULL) {
        (void)snprintf(joined, size, "%s/%s", dir, text);
    }
    return joined;
}

void config_ms(struct config_reader *r, const struct yaml_node *map, const char *key,
               const char *what, unsigned min_ms, unsigned max_ms, unsigned *io_ms)
{
    uint64_t ms = 0;
    if (yaml_read_duration_ms(&r->yaml, yaml_get(map, key), what, min_ms, max_ms, &ms)) {
        *io_ms = (unsigned)ms;
    }
}

void config_count(struct config_reader *r, const struct yaml_node *map, const char *key,
                  const char *what, unsigned min, unsigned max, unsigned *io)
{
    uint64_t value = 0;
    if (yaml_read_u64(&r->yaml, yaml_get(map, key), what, min, max, &value)) {
        *io = (unsigned)value;
    }
}

void config_bytes(struct config_reader *r, const struct yaml_node *map, const char *key,
                  const char *what, uint64_t min, uint64_t max, uint64_t *io)
{
    uint64_t value = 0;
    if (yaml_read_size(&r->yaml, yaml_get(map, key), what, min, max, &value)) {
        *io = value;
    }
}
