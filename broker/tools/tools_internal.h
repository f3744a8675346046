/* tools_internal.h - inside broker/tools only: what the subcommands share. */
#ifndef BROKER_TOOLS_TOOLS_INTERNAL_H
#define BROKER_TOOLS_TOOLS_INTERNAL_H

#include "broker/base/buf.h"
#include "broker/tools/command.h"

#define TOOLS_OUTPUT_MAX ((size_t)1 << 30)

/* clang-format off */
/* Rows for the option tables of commands that look at a policy. */
#define TOOLS_POLICY_OPTIONS                                                                       \
    {.name = "config", .letter = 'c', .kind = VALUE_FILE, .value = "FILE",                         \
     .help = "certbroker.yaml that names the policy (default " COMMAND_CONFIG_DEFAULT ")"},         \
    {.name = "policy", .kind = VALUE_FILE, .value = "PATH",                                        \
     .help = "the policy, a file or a folder, instead of what -c names"}
#define TOOLS_JSON_OPTION {.name = "json", .help = "print one JSON document"}
/* clang-format on */

/* A policy and, where one was read, the configuration that names it. */
struct tools_source {
    struct command_config config;
    bool has_config;
    const char *path; /* of the policy */
    struct policy *policy;
};

/* tools_open - by -c and --policy: with -c the policy is held against the configuration, with both the
 * policy at --policy is. Only --policy: no configuration is read. Every complaint goes to stderr as
 * `certbroker check` prints it. False: nothing to close, the exit status is EXIT_USAGE. */
bool tools_open(const struct command_env *env, const struct command_args *args,
                struct tools_source *ret);
void tools_close(const struct command_env *env, struct tools_source *source);
/* tools_load - a policy by its path alone, complaints to stderr; NULL: EXIT_USAGE. */
struct policy *tools_load(const char *path);

int64_t tools_now_s(void);
/* tools_time - a UTC time, a date (its first second), or how long ago: "90m", "24h", "7d". */
bool tools_time(const char *text, int64_t *ret_us);

/* tools_print - the output to stdout, then buf_free. Returns status, or EXIT_USAGE after saying on
 * stderr that there was no memory or that it could not be written. */
int tools_print(struct buf *out, int status);
int tools_no_memory(void); /* says so; EXIT_USAGE */

/* Colours: "" when stdout is no terminal, NO_COLOR is set or TERM is dumb. */
struct tools_colours {
    const char *good, *bad, *dim, *bold, *off;
};
struct tools_colours tools_colours(void);

/* ---- JSON: a member with what is in front of it (a comma, unless an object or a list begins) ---- */
void tools_json_key(struct buf *out, const char *key);
void tools_json_text(struct buf *out, const char *key, const char *text); /* NULL: null */
void tools_json_slice(struct buf *out, const char *key, struct slice text);
void tools_json_u64(struct buf *out, const char *key, uint64_t value);
void tools_json_bool(struct buf *out, const char *key, bool value);
void tools_json_time(struct buf *out, const char *key, int64_t unix_s);
/* tools_json_item - the comma in front of a list's item, where one is due. */
void tools_json_item(struct buf *out);
/* tools_json_place - "place":"FILE:LINE:COL"; nothing for a place without a file. */
void tools_json_place(struct buf *out, const char *key, struct diag_place place);
void tools_add_place(struct buf *out,
                     struct diag_place place); /* FILE:LINE:COL, FILE without a line */

#endif
