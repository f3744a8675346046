/* command_parts.h - inside broker/cli only: arguments as they were read. */
#ifndef BROKER_CLI_COMMAND_PARTS_H
#define BROKER_CLI_COMMAND_PARTS_H

#include "broker/cli/command.h"

struct given_option {
    const struct command_option *option;
    const char *value; /* "" for one that takes none */
};

struct command_args {
    const struct command *command;
    struct given_option *given; /* in the order of the command line */
    size_t num_given;
    const char **operands;
    size_t num_operands;
    bool wants_help;
};

/* args_read - argv[0...] behind the command's name. Complains on stderr; false: EXIT_USAGE. The
 * arrays of *ret hold argc elements and are the caller's, filled in or not. */
bool args_read(struct command_args *ret, int argc, char **argv);

/* usage_word_of - the i-th word of a command's name ("policy explain" has two). */
struct slice usage_word_of(const struct command *command, size_t i);

#endif
