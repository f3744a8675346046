/* settings.c - see settings.h; by the same strict reader as certbroker.yaml. */
#include "broker/witness/settings.h"

#include "broker/edge/edge.h"
#include "policy/yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_CAP (1U << 20)

struct settings_reader {
    struct yaml_reader yaml;
    const char *path; /* of the file */
    struct witness_settings *s;
};

static const char *read_text(struct settings_reader *r, const struct yaml_node *map,
                             const char *key, const char *what, bool is_required)
{
    const struct yaml_node *n = yaml_get(map, key);
    struct slice text;
    if (n == NULL) {
        if (is_required) {
            yaml_complain(&r->yaml, map, "%s is missing", what);
        }
        return NULL;
    }
    if (!yaml_read_text(&r->yaml, n, what, &text)) {
        return NULL;
    }
    if (text.len == 0) {
        yaml_complain(&r->yaml, n, "%s is empty", what);
        return NULL;
    }
    return arena_dup(&r->s->arena, text);
}

/* read_path - the same, from the folder of the file. */
static const char *read_path(struct settings_reader *r, const struct yaml_node *map,
                             const char *key, const char *what, bool is_required)
{
    const char *text = read_text(r, map, key, what, is_required);
    const char *slash = strrchr(r->path, '/');
    if (text == NULL || text[0] == '/' || slash == NULL) {
        return text;
    }
    const size_t folder_len = (size_t)(slash - r->path) + 1;
    const size_t size = folder_len + strlen(text) + 1;
    char *joined = arena_alloc(&r->s->arena, size);
    if (joined != NULL) {
        (void)snprintf(joined, size, "%.*s%s", (int)folder_len, r->path, text);
    }
    return joined;
}

static void read_listen(struct settings_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"tls", "plain", NULL};
    const struct yaml_node *n = yaml_get(root, "listen");
    if (n == NULL) {
        yaml_complain(&r->yaml, root, "listen is missing, e.g. listen: { tls: \"0.0.0.0:8444\" }");
        return;
    }
    if (!yaml_check_keys(&r->yaml, n, "listen", keys)) {
        return;
    }
    const char *tls = read_text(r, n, "tls", "listen.tls", false);
    const char *plain = read_text(r, n, "plain", "listen.plain", false);
    if ((tls == NULL) == (plain == NULL)) {
        yaml_complain(&r->yaml, n,
                      "listen is { tls: \"ADDRESS:PORT\" } or { plain: \"127.0.0.1:PORT\" }");
        return;
    }
    if (plain != NULL && !edge_address_is_loopback(plain)) {
        yaml_complain(
            &r->yaml, yaml_get(n, "plain"),
            "plain HTTP may listen on a loopback address only, e.g. 127.0.0.1:8080: over a "
            "network anybody on the way could tell a broker what this witness has seen");
        return;
    }
    r->s->address = tls != NULL ? tls : plain;
    r->s->is_tls = tls != NULL;
}

static void read_tls(struct settings_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"certificate", "key", NULL};
    const struct yaml_node *tls = yaml_get(root, "tls");
    if (tls == NULL) {
        if (r->s->is_tls) {
            yaml_complain(&r->yaml, root,
                          "listen has a tls address, so tls.certificate and tls.key must be set");
        }
        return;
    }
    if (yaml_check_keys(&r->yaml, tls, "tls", keys)) {
        r->s->tls.certificate = read_path(r, tls, "certificate", "tls.certificate", true);
        r->s->tls.key = read_path(r, tls, "key", "tls.key", true);
    }
}

static void read_log_section(struct settings_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"format", "level", NULL};
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
    const struct yaml_node *n = yaml_get(root, "log");
    size_t choice = 0;
    if (n == NULL || !yaml_check_keys(&r->yaml, n, "log", keys)) {
        return;
    }
    if (yaml_read_choice(&r->yaml, yaml_get(n, "format"), "log.format", formats, &choice)) {
        r->s->log_format = choice == 0 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
    }
    if (yaml_read_choice(&r->yaml, yaml_get(n, "level"), "log.level", levels, &choice)) {
        r->s->log_level = (enum log_level)choice;
    }
}

/* ---- the logs ---- */

static bool has_key(const struct witness_log *log, const struct note_key *key)
{
    for (size_t i = 0; i < log->num_keys; i++) {
        if (note_key_eq(&log->keys[i], key)) {
            return true;
        }
    }
    return false;
}

static void read_key(struct settings_reader *r, const struct yaml_node *n, struct witness_log *log)
{
    struct slice text;
    struct cb_err err = {0};
    struct note_key key;
    if (!yaml_read_text(&r->yaml, n, "logs[].keys", &text)) {
        return;
    }
    if (note_key_parse(text, &key, &err) != CB_OK) {
        yaml_complain(&r->yaml, n, "not a verifier key: %s", err.msg);
    } else if (key.type != NOTE_LOG) {
        yaml_complain(&r->yaml, n, "this is the key of a witness, not of a log");
    } else if (strcmp(key.name, log->origin) != 0) {
        yaml_complain(&r->yaml, n, "this key is of the log \"%s\", not of \"%s\"", key.name,
                      log->origin);
    } else if (has_key(log, &key)) {
        yaml_complain(&r->yaml, n, "this key is in the list already: the oldest comes first");
    } else if (log->num_keys == WITNESS_KEYS_MAX) {
        yaml_complain(&r->yaml, n, "at most %u keys a log", WITNESS_KEYS_MAX);
    } else {
        log->keys[log->num_keys++] = key;
    }
}

static void read_origin(struct settings_reader *r, const struct yaml_node *n,
                        struct witness_log *log)
{
    struct slice text;
    if (!yaml_read_text(&r->yaml, n, "logs[].origin", &text)) {
        return;
    }
    if (!note_name_valid(text)) {
        yaml_complain(&r->yaml, n,
                      "not the name of a log: 1 to %u characters, no spaces, no plus sign",
                      NOTE_NAME_MAX);
        return;
    }
    memcpy(log->origin, text.ptr, text.len);
    log->origin[text.len] = '\0';
    for (size_t i = 0; i < r->s->num_logs; i++) {
        if (strcmp(r->s->logs[i].origin, log->origin) == 0) {
            yaml_complain(&r->yaml, n,
                          "the log \"%s\" is in the list already: give all its keys there",
                          log->origin);
        }
    }
}

static void read_log(struct settings_reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = {"origin", "keys", NULL};
    struct witness_log *log = &r->s->logs[r->s->num_logs];
    const struct yaml_node *list = yaml_get(n, "keys");
    if (!yaml_check_keys(&r->yaml, n, "a log", keys)) {
        return;
    }
    if (yaml_get(n, "origin") == NULL || list == NULL) {
        yaml_complain(&r->yaml, n, "a log has its origin, and keys: a list of its verifier keys");
        return;
    }
    read_origin(r, yaml_get(n, "origin"), log);
    if (log->origin[0] == '\0' || !yaml_check_list(&r->yaml, list, "logs[].keys")) {
        return;
    }
    for (const struct yaml_node *key = list->first; key != NULL; key = key->next) {
        read_key(r, key, log);
    }
    r->s->num_logs++;
}

static void read_logs(struct settings_reader *r, const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_get(root, "logs");
    if (list == NULL) {
        yaml_complain(&r->yaml, root,
                      "logs is missing: the logs to be witnessed, each { origin: NAME, keys: "
                      "[ \"NAME+ID+KEY\" ] }");
        return;
    }
    if (!yaml_check_list(&r->yaml, list, "logs")) {
        return;
    }
    if (list->num > WITNESS_LOGS_MAX) {
        yaml_complain(&r->yaml, list, "at most %u logs", WITNESS_LOGS_MAX);
        return;
    }
    r->s->logs = calloc(list->num, sizeof(*r->s->logs));
    if (r->s->logs == NULL) {
        yaml_complain(&r->yaml, list, "out of memory");
        return;
    }
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        read_log(r, n);
    }
}

static void read_top(struct settings_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"version", "listen", "tls", "directory",
                                       "log",     "logs",   NULL};
    uint64_t version = 0;
    if (!yaml_check_keys(&r->yaml, root, "the configuration", keys) && root->kind != YAML_MAP) {
        return;
    }
    if (yaml_get(root, "version") == NULL) {
        yaml_complain(&r->yaml, root,
                      "version is missing: the first line should be \"version: 1\"");
    }
    (void)yaml_read_u64(&r->yaml, yaml_get(root, "version"), "version", 1, 1, &version);
    read_listen(r, root);
    read_tls(r, root);
    r->s->directory = read_path(r, root, "directory", "directory", true);
    read_log_section(r, root);
    read_logs(r, root);
}

enum cb_code settings_load(const char *path, struct diag_list *diags, struct witness_settings **ret)
{
    struct yaml_doc *doc = NULL;
    TRY(yaml_load_file(path, diags, &doc));
    struct witness_settings *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        yaml_doc_free(doc);
        return CB_ENOMEM;
    }
    arena_init(&s->arena, ARENA_CAP);
    s->log_level = LOG_LEVEL_INFO;
    struct settings_reader r = {{doc, diags}, path, s};
    read_top(&r, yaml_root(doc));
    yaml_doc_free(doc);
    if (diag_num_errors(diags) > 0) {
        settings_free(s);
        return CB_EINPUT;
    }
    *ret = s;
    return CB_OK;
}

void settings_free(struct witness_settings *s)
{
    if (s != NULL) {
        free(s->logs);
        arena_free(&s->arena);
        free(s);
    }
}
