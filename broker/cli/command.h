/* command.h - the subcommands of the one binary as data: what each is called, which options it
 * takes, what runs. Reading arguments, usage texts and shell completion all go by these tables, so
 * they cannot disagree. Public: broker/ describes its own commands with it, too. */
#ifndef BROKER_CLI_COMMAND_H
#define BROKER_CLI_COMMAND_H

#include "policy/policy.h"

/* Exit statuses of every command. */
#define EXIT_OK 0
#define EXIT_PROBLEM 1 /* problems were found, and are said */
#define EXIT_USAGE 2   /* cannot run: wrong arguments, unreadable file */

enum command_value { VALUE_NONE, VALUE_TEXT, VALUE_FILE, VALUE_WORD };

struct command_option {
    const char *name; /* without the dashes; NULL ends a list */
    char letter;      /* also as -letter; 0: no */
    bool is_required;
    bool many; /* may be given again and again; others only once */
    enum command_value kind;
    const char *value;        /* what the usage calls it: "FILE" */
    const char *const *words; /* VALUE_WORD: the only ones there are; VALUE_TEXT: some, for
                                 completion (NULL: none). Ended by NULL */
    const char *help;
};

struct command_env;
struct command_args;

struct command {
    const char *name;     /* "serve", "policy explain" */
    const char *summary;  /* one line */
    const char *operands; /* "OLD NEW"; NULL: none */
    size_t min_operands, max_operands;
    const char *const
        *operand_words; /* the only ones there are, ended by NULL; NULL: they are files */
    const struct command_option *options; /* --help is everybody's and not in the list */
    const char *notes;                    /* more lines for its usage; NULL: none */
    int (*run)(const struct command_env *env, const struct command_args *args);
};

/* What the tools need of certbroker.yaml, which only broker/ can read. */
struct command_config {
    const char *policy_path;
    const char *audit_dir;
    void *config; /* its owner's */
};

/* The world as the commands see it. */
struct command_env {
    const struct command *const *commands; /* all there are */
    size_t num_commands;
    /* CB_EINPUT: diags say why. close_config is due after success. */
    enum cb_code (*open_config)(const char *path, struct diag_list *diags,
                                struct command_config *ret);
    /* The policy at path, also held against this configuration as `certbroker check` does. */
    enum cb_code (*load_policy)(const struct command_config *config, const char *path,
                                struct diag_list *diags, struct policy **ret);
    /* What the configuration calls the issuer of a token with this "iss"; NULL: it has none such. */
    const char *(*jwt_issuer)(const struct command_config *config, struct slice iss);
    bool (*has_profile)(const struct command_config *config, struct slice name); /* of the CA */
    void (*close_config)(struct command_config *config);
};

/* command_main - find the command that argv[1...] begins with, read its arguments and run it. Prints
 * usages. Returns the exit status. */
int command_main(const struct command_env *env, int argc, char **argv);

/* command_usage_error - for what a table cannot say: the message and where help is, on stderr.
 * Returns EXIT_USAGE. */
int command_usage_error(const struct command_args *args, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- the arguments that were given; an option's name must be one of the command's table ---- */
const char *args_text(const struct command_args *args, const char *name); /* NULL: not given */
bool args_has(const struct command_args *args, const char *name);
/* args_nth - the i-th value of an option that may be repeated; NULL past the last. */
const char *args_nth(const struct command_args *args, const char *name, size_t i);
size_t args_num_operands(const struct command_args *args);
const char *args_operand(const struct command_args *args, size_t i);

/* args_config - what -c says, or where certbroker.yaml is when it is not given. */
#define COMMAND_CONFIG_DEFAULT "/etc/certbroker/certbroker.yaml"
const char *args_config(const struct command_args *args);

extern const struct command cli_completion; /* completion.c */

/* ---- command_usage.c ---- */
void command_usage(const struct command *command, FILE *out);
void command_synopsis(const struct command *command,
                      FILE *out); /* one line, and where to read on */
/* command_list - every command that begins with the word ("": all), a line each. */
void command_list(const struct command_env *env, const char *first_word, FILE *out);

#endif
