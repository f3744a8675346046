/* completion.h - inside broker/cli only: one script for each shell. */
#ifndef BROKER_CLI_COMPLETION_H
#define BROKER_CLI_COMPLETION_H

#include "broker/base/buf.h"
#include "broker/cli/command_parts.h"

void completion_bash(const struct command_env *env, struct buf *out);
void completion_zsh(const struct command_env *env, struct buf *out);
void completion_fish(const struct command_env *env, struct buf *out);

/* completion_first_of - is this the first command in the table that begins with its first word? */
bool completion_first_of(const struct command_env *env, size_t i);
bool completion_is_group(const struct command *command); /* its name has a second word */
/* completion_quoted - in single quotes, for any of the three shells. */
void completion_quoted(struct buf *out, const char *text);

#endif
