/* tools_common.c - see tools_internal.h: policies, times, output. */
#include "broker/tools/tools_internal.h"

#include "broker/base/clock.h"

#include <stdlib.h>
#include <unistd.h>

#define US_PER_S 1000000
#define AGO_MAX_S 3155760000ULL /* a hundred years */

int tools_no_memory(void)
{
    (void)fprintf(stderr, "certbroker: out of memory\n");
    return EXIT_USAGE;
}

/* ---- policies ---- */

static bool read_source(const struct command_env *env, const struct command_args *args,
                        struct diag_list *diags, struct tools_source *source)
{
    const char *config = args_text(args, "config");
    source->path = args_text(args, "policy");
    if (source->path != NULL && config == NULL) {
        return policy_load(source->path, tools_now_s(), diags, &source->policy) == CB_OK;
    }
    if (env->open_config(args_config(args), diags, &source->config) != CB_OK) {
        return false;
    }
    source->has_config = true;
    if (source->path == NULL) {
        source->path = source->config.policy_path;
    }
    return env->load_policy(&source->config, source->path, diags, &source->policy) == CB_OK;
}

bool tools_open(const struct command_env *env, const struct command_args *args,
                struct tools_source *ret)
{
    struct tools_source source = {.policy = NULL};
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        (void)tools_no_memory();
        return false;
    }
    const bool good = read_source(env, args, diags, &source);
    if (!good && diag_num_errors(diags) == 0) {
        (void)tools_no_memory();
    }
    if (!good) {
        diag_print(diags, stderr);
        tools_close(env, &source);
    }
    diag_free(diags);
    *ret = source;
    return good;
}

void tools_close(const struct command_env *env, struct tools_source *source)
{
    policy_free(source->policy);
    source->policy = NULL;
    if (source->has_config) {
        env->close_config(&source->config);
        source->has_config = false;
    }
}

struct policy *tools_load(const char *path)
{
    struct policy *policy = NULL;
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        (void)tools_no_memory();
        return NULL;
    }
    if (policy_load(path, tools_now_s(), diags, &policy) != CB_OK) {
        diag_print(diags, stderr);
    }
    diag_free(diags);
    return policy;
}

/* ---- times ---- */

int64_t tools_now_s(void)
{
    return clock_wall_us(&cb_system_clock) / US_PER_S;
}

bool tools_time(const char *text, int64_t *ret_us)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    const struct slice s = slice_of(text);
    uint64_t number = 0;
    if (time_parse(s, ret_us)) {
        return true;
    }
    if (s.len < 2 || !slice_to_u64((struct slice){s.ptr, s.len - 1}, &number)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s.ptr[s.len - 1] == units[i].letter && number <= AGO_MAX_S / units[i].seconds) {
            const int64_t ago_us = (int64_t)(number * units[i].seconds) * US_PER_S;
            *ret_us = clock_wall_us(&cb_system_clock) - ago_us;
            return *ret_us >= 0;
        }
    }
    return false;
}

/* ---- output ---- */

int tools_print(struct buf *out, int status)
{
    const bool good = buf_ok(out);
    const struct slice text = buf_slice(out);
    if (!good) {
        status = tools_no_memory();
    } else if (fwrite(text.ptr, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
        struct cb_err err;
        (void)cb_fail_errno(&err, "standard output");
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        status = EXIT_USAGE;
    }
    buf_free(out);
    return status;
}

struct tools_colours tools_colours(void)
{
    static const struct tools_colours none = {"", "", "", "", ""};
    static const struct tools_colours some = {"\033[32m", "\033[31m", "\033[2m", "\033[1m",
                                              "\033[0m"};
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    const bool wanted = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0') &&
                        term != NULL && strcmp(term, "dumb") != 0;
    return wanted ? some : none;
}

/* ---- JSON ---- */

void tools_json_item(struct buf *out)
{
    const struct slice so_far = buf_slice(out);
    const char last = so_far.len == 0 ? '{' : so_far.ptr[so_far.len - 1];
    if (last != '{' && last != '[' && last != ':') {
        buf_add_char(out, ',');
    }
}

void tools_json_key(struct buf *out, const char *key)
{
    tools_json_item(out);
    buf_add_json_str(out, slice_of(key));
    buf_add_char(out, ':');
}

void tools_json_slice(struct buf *out, const char *key, struct slice text)
{
    tools_json_key(out, key);
    if (text.ptr == NULL) {
        buf_add_str(out, "null");
    } else {
        buf_add_json_str(out, text);
    }
}

void tools_json_text(struct buf *out, const char *key, const char *text)
{
    tools_json_slice(out, key, slice_of(text));
}

void tools_json_u64(struct buf *out, const char *key, uint64_t value)
{
    tools_json_key(out, key);
    buf_add_u64(out, value);
}

void tools_json_bool(struct buf *out, const char *key, bool value)
{
    tools_json_key(out, key);
    buf_add_str(out, value ? "true" : "false");
}

void tools_json_time(struct buf *out, const char *key, int64_t unix_s)
{
    char text[21];
    time_format_s(unix_s, text);
    tools_json_text(out, key, text);
}

void tools_add_place(struct buf *out, struct diag_place place)
{
    buf_add_str(out, place.file == NULL ? "?" : place.file);
    if (place.line != 0) {
        buf_printf(out, ":%u:%u", place.line, place.col);
    }
}

void tools_json_place(struct buf *out, const char *key, struct diag_place place)
{
    struct buf text;
    if (place.file == NULL) {
        return;
    }
    buf_init(&text, 8192);
    tools_add_place(&text, place);
    tools_json_slice(out, key, buf_slice(&text));
    buf_free(&text);
}
