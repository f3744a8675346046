/* completion_bash.c - see completion.h: bash 4 or newer. */
#include "broker/cli/completion.h"

static const char head[] =
    "# bash completion for certbroker; made by: certbroker completion bash\n"
    "_certbroker_words() { # WORDS\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
    "}\n"
    "_certbroker_files() {\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "}\n"
    "_certbroker() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    COMPREPLY=()\n"
    "    # \"--name=value\" comes as three words.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = && $COMP_CWORD -gt 1 ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n";

static void add_words(struct buf *out, const char *const *words)
{
    buf_add_str(out, "_certbroker_words '");
    for (size_t i = 0; words[i] != NULL; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", words[i]);
    }
    buf_add_char(out, '\'');
}

/* add_first_words - the commands, a group once. */
static void add_first_words(const struct command_env *env, struct buf *out)
{
    buf_add_str(out, "    if [[ $COMP_CWORD -eq 1 ]]; then\n        _certbroker_words '");
    for (size_t i = 0; i < env->num_commands; i++) {
        if (completion_first_of(env, i)) {
            buf_add_slice(out, usage_word_of(env->commands[i], 0));
            buf_add_char(out, ' ');
        }
    }
    buf_add_str(out, "--help --version'\n        return\n    fi\n");
}

static void add_second_words(const struct command_env *env, struct buf *out)
{
    buf_add_str(out, "    if [[ $COMP_CWORD -eq 2 ]]; then\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < env->num_commands; i++) {
        if (!completion_is_group(env->commands[i]) || !completion_first_of(env, i)) {
            continue;
        }
        const struct slice group = usage_word_of(env->commands[i], 0);
        buf_printf(out, "        %.*s) _certbroker_words '", (int)group.len, group.ptr);
        for (size_t k = i; k < env->num_commands; k++) {
            if (completion_is_group(env->commands[k]) &&
                slice_eq(usage_word_of(env->commands[k], 0), group)) {
                buf_add_slice(out, usage_word_of(env->commands[k], 1));
                buf_add_char(out, ' ');
            }
        }
        buf_add_str(out, "--help'; return ;;\n");
    }
    buf_add_str(out, "        esac\n    fi\n");
}

static void add_value(const struct command_option *o, struct buf *out)
{
    if (o->kind == VALUE_NONE) {
        return;
    }
    buf_add_str(out, "        ");
    if (o->letter != 0) {
        buf_printf(out, "-%c | ", o->letter);
    }
    buf_printf(out, "--%s) ", o->name);
    switch (o->kind) {
    case VALUE_FILE:
        buf_add_str(out, "_certbroker_files; ");
        break;
    case VALUE_WORD:
    case VALUE_TEXT:
        if (o->words != NULL) {
            add_words(out, o->words);
            buf_add_str(out, "; ");
        }
        break;
    case VALUE_NONE:
        break;
    }
    buf_add_str(out, "return ;;\n");
}

static void add_options(const struct command *command, struct buf *out)
{
    buf_add_str(out, "        if [[ $cur == -* ]]; then\n            _certbroker_words '");
    for (const struct command_option *o = command->options; o != NULL && o->name != NULL; o++) {
        buf_printf(out, "--%s ", o->name);
    }
    buf_add_str(out, "--help'\n");
    if (command->max_operands > 0) {
        buf_add_str(out, "        else\n            ");
        if (command->operand_words != NULL) {
            add_words(out, command->operand_words);
        } else {
            buf_add_str(out, "_certbroker_files");
        }
        buf_add_char(out, '\n');
    }
    buf_add_str(out, "        fi\n        ;;\n");
}

static void add_command(const struct command *command, struct buf *out)
{
    const bool is_group = completion_is_group(command);
    buf_printf(out, "    \"%s%s\"%s)\n        case $prev in\n", command->name, is_group ? "" : " ",
               is_group ? "" : "*");
    for (const struct command_option *o = command->options; o != NULL && o->name != NULL; o++) {
        add_value(o, out);
    }
    buf_add_str(out, "        esac\n");
    add_options(command, out);
}

void completion_bash(const struct command_env *env, struct buf *out)
{
    buf_add_str(out, head);
    add_first_words(env, out);
    add_second_words(env, out);
    buf_add_str(out, "    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (size_t i = 0; i < env->num_commands; i++) {
        add_command(env->commands[i], out);
    }
    buf_add_str(out, "    esac\n}\ncomplete -F _certbroker certbroker\n");
}
