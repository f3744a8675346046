/* completion.c - certbroker completion bash|zsh|fish: scripts that complete commands and options, made
 * from the very tables that arguments are read by. The shells' own parts are in completion_*.c. */
#include "broker/cli/completion.h"

#include "broker/cli/output.h"

bool completion_is_group(const struct command *command)
{
    return usage_word_of(command, 1).ptr != NULL;
}

bool completion_first_of(const struct command_env *env, size_t i)
{
    const struct slice word = usage_word_of(env->commands[i], 0);
    for (size_t k = 0; k < i; k++) {
        if (slice_eq(usage_word_of(env->commands[k], 0), word)) {
            return false;
        }
    }
    return true;
}

void completion_quoted(struct buf *out, const char *text)
{
    buf_add_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_add_str(out, "'\\''");
        } else {
            buf_add_char(out, *text);
        }
    }
    buf_add_char(out, '\'');
}

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

static int run(const struct command_env *env, const struct command_args *args)
{
    static void (*const writers[])(const struct command_env *, struct buf *) = {
        completion_bash, completion_zsh, completion_fish};
    struct buf out;
    buf_init(&out, CLI_OUTPUT_MAX);
    for (size_t i = 0; shells[i] != NULL; i++) {
        if (strcmp(args_operand(args, 0), shells[i]) == 0) {
            writers[i](env, &out);
            return cli_print(&out, EXIT_OK);
        }
    }
    return command_usage_error(args, "the shell must be bash, zsh or fish");
}

const struct command cli_completion = {
    .name = "completion",
    .summary = "print a script that completes commands and options in a shell",
    .operands = "bash|zsh|fish",
    .min_operands = 1,
    .max_operands = 1,
    .operand_words = shells,
    .notes = "bash: certbroker completion bash > /etc/bash_completion.d/certbroker\n"
             "zsh:  certbroker completion zsh > /usr/local/share/zsh/site-functions/_certbroker\n"
             "fish: certbroker completion fish > ~/.config/fish/completions/certbroker.fish\n",
    .run = run,
};
