/* config_reload.c - the control: and reload: sections. */
#include "broker/config/config_parts.h"

#include <sys/socket.h>
#include <sys/un.h>

#define SOCKET_PATH_SIZE sizeof(((const struct sockaddr_un *)NULL)->sun_path)
#define SECOND_MS UINT64_C(1000)
#define WINDOW_MAX_MS (UINT64_C(366) * 86400 * SECOND_MS)

static void read_control(struct config_reader *r, const struct yaml_node *root)
{
    const char *path = config_path(r, root, "control", "control", false);
    if (path != NULL && strlen(path) >= SOCKET_PATH_SIZE) {
        config_error(r, yaml_get(root, "control"),
                     "control: the path of a socket has at most %zu bytes, this one has %zu",
                     SOCKET_PATH_SIZE - 1, strlen(path));
        return;
    }
    r->config->control = path;
}

/* read_window - a duration, or a plain 0 for "no guard". */
static void read_window(struct config_reader *r, const struct yaml_node *n)
{
    uint64_t ms = 0;
    if (n == NULL) {
        return;
    }
    if ((n->kind == YAML_SCALAR && slice_eq_str(n->text, "0")) ||
        yaml_read_duration_ms(&r->yaml, n, "reload.guard.window", 0, WINDOW_MAX_MS, &ms)) {
        r->config->reload.guard_window_s = (ms + SECOND_MS - 1) / SECOND_MS;
    }
}

static void read_guard(struct config_reader *r, const struct yaml_node *guard)
{
    static const char *const keys[] = {"window", "max_dropped_rules", NULL};
    if (config_section(r, guard, "reload.guard", keys) == NULL) {
        return;
    }
    read_window(r, yaml_get(guard, "window"));
    config_count(r, guard, "max_dropped_rules", "reload.guard.max_dropped_rules (percent)", 0, 100,
                 &r->config->reload.max_dropped_percent);
}

void config_read_reload(struct config_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"require_tests", "guard", NULL};
    const struct yaml_node *reload = yaml_get(root, "reload");
    read_control(r, root);
    if (config_section(r, reload, "reload", keys) == NULL) {
        return;
    }
    (void)yaml_read_bool(&r->yaml, yaml_get(reload, "require_tests"), "reload.require_tests",
                         &r->config->reload.require_tests);
    read_guard(r, yaml_get(reload, "guard"));
}
