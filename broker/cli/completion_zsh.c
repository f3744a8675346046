/* completion_zsh.c - see completion.h: zsh, by its _arguments and _describe. */
#include "broker/cli/completion.h"

/* add_escaped - inside single quotes: what _arguments and _describe take for their own. */
static void add_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_add_str(out, "'\\''");
            continue;
        }
        if (slice_has_byte(SLICE("[]:\\"), *text)) {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, *text);
    }
}

static void add_words(struct buf *out, const char *const *words)
{
    buf_add_char(out, '(');
    for (size_t i = 0; words[i] != NULL; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", words[i]);
    }
    buf_add_char(out, ')');
}

/* add_action - ":message:action" behind an option or operand. */
static void add_action(struct buf *out, const char *what, const char *const *words, bool is_file)
{
    buf_add_char(out, ':');
    add_escaped(out, what);
    buf_add_char(out, ':');
    if (words != NULL) {
        add_words(out, words);
    } else if (is_file) {
        buf_add_str(out, "_files");
    } else {
        buf_add_char(out, ' ');
    }
}

static void add_option(const struct command_option *o, struct buf *out)
{
    const char *const equals = o->kind == VALUE_NONE ? "" : "=";
    const char *const many = o->many ? "*" : "";
    if (o->letter != 0) {
        buf_printf(out, " \\\n            '%s-%c[", many, o->letter);
        add_escaped(out, o->help);
        buf_add_char(out, ']');
        if (o->kind != VALUE_NONE) {
            add_action(out, o->value, o->words, o->kind == VALUE_FILE);
        }
        buf_add_char(out, '\'');
    }
    buf_printf(out, " \\\n            '%s--%s%s[", many, o->name, equals);
    add_escaped(out, o->help);
    buf_add_char(out, ']');
    if (o->kind != VALUE_NONE) {
        add_action(out, o->value, o->words, o->kind == VALUE_FILE);
    }
    buf_add_char(out, '\'');
}

static void add_command(const struct command *command, struct buf *out)
{
    const bool is_group = completion_is_group(command);
    buf_printf(out, "    '%s%s'%s)\n", command->name, is_group ? "" : " ", is_group ? "" : "*");
    buf_printf(out, "        shift %d words\n        (( CURRENT -= %d ))\n", is_group ? 2 : 1,
               is_group ? 2 : 1);
    buf_add_str(out, "        _arguments");
    for (const struct command_option *o = command->options; o != NULL && o->name != NULL; o++) {
        add_option(o, out);
    }
    buf_add_str(out, " \\\n            '--help[print usage]'");
    if (command->max_operands > 0) {
        buf_add_str(out, " \\\n            '*");
        add_action(out, command->operands, command->operand_words, true);
        buf_add_char(out, '\'');
    }
    buf_add_str(out, "\n        ;;\n");
}

static void add_described(struct buf *out, struct slice word, const char *summary)
{
    buf_printf(out, " '%.*s:", (int)word.len, word.ptr);
    add_escaped(out, summary);
    buf_add_char(out, '\'');
}

static void add_first_words(const struct command_env *env, struct buf *out)
{
    buf_add_str(out, "    if (( CURRENT == 2 )); then\n        list=(");
    for (size_t i = 0; i < env->num_commands; i++) {
        const struct command *command = env->commands[i];
        if (completion_first_of(env, i)) {
            add_described(out, usage_word_of(command, 0),
                          completion_is_group(command) ? "more commands" : command->summary);
        }
    }
    buf_add_str(out, ")\n        _describe command list\n        return\n    fi\n");
}

static void add_second_words(const struct command_env *env, struct buf *out)
{
    buf_add_str(out, "    if (( CURRENT == 3 )); then\n        case $words[2] in\n");
    for (size_t i = 0; i < env->num_commands; i++) {
        if (!completion_is_group(env->commands[i]) || !completion_first_of(env, i)) {
            continue;
        }
        const struct slice group = usage_word_of(env->commands[i], 0);
        buf_printf(out, "        %.*s) list=(", (int)group.len, group.ptr);
        for (size_t k = i; k < env->num_commands; k++) {
            if (completion_is_group(env->commands[k]) &&
                slice_eq(usage_word_of(env->commands[k], 0), group)) {
                add_described(out, usage_word_of(env->commands[k], 1), env->commands[k]->summary);
            }
        }
        buf_add_str(out, "); _describe command list; return ;;\n");
    }
    buf_add_str(out, "        esac\n    fi\n");
}

void completion_zsh(const struct command_env *env, struct buf *out)
{
    buf_add_str(out, "#compdef certbroker\n"
                     "# zsh completion for certbroker; made by: certbroker completion zsh\n"
                     "_certbroker() {\n    local -a list\n");
    add_first_words(env, out);
    add_second_words(env, out);
    buf_add_str(out, "    case \"$words[2] $words[3]\" in\n");
    for (size_t i = 0; i < env->num_commands; i++) {
        add_command(env->commands[i], out);
    }
    buf_add_str(out, "    esac\n}\n"
                     "if [[ $funcstack[1] == _certbroker ]]; then\n    _certbroker \"$@\"\nelse\n"
                     "    compdef _certbroker certbroker\nfi\n");
}
