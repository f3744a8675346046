/* completion_fish.c - see completion.h: fish, one complete line for each word. */
#include "broker/cli/completion.h"

static void add_first_words(const struct command_env *env, struct buf *out)
{
    for (size_t i = 0; i < env->num_commands; i++) {
        const struct command *command = env->commands[i];
        const struct slice word = usage_word_of(command, 0);
        if (completion_first_of(env, i)) {
            buf_printf(out, "complete -c certbroker -n __certbroker_first -f -a %.*s -d ",
                       (int)word.len, word.ptr);
            completion_quoted(out,
                              completion_is_group(command) ? "more commands" : command->summary);
            buf_add_char(out, '\n');
        }
    }
}

static void add_second_word(const struct command *command, struct buf *out)
{
    const struct slice group = usage_word_of(command, 0);
    const struct slice word = usage_word_of(command, 1);
    buf_printf(out, "complete -c certbroker -n '__certbroker_needs %.*s' -f -a %.*s -d ",
               (int)group.len, group.ptr, (int)word.len, word.ptr);
    completion_quoted(out, command->summary);
    buf_add_char(out, '\n');
}

static void add_condition(const struct command *command, struct buf *out)
{
    buf_printf(out, "complete -c certbroker -n '__certbroker_is %s'", command->name);
}

static void add_words(const char *const *words, struct buf *out)
{
    buf_add_str(out, " -a '");
    for (size_t i = 0; words[i] != NULL; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", words[i]);
    }
    buf_add_char(out, '\'');
}

static void add_option(const struct command *command, const struct command_option *o,
                       struct buf *out)
{
    add_condition(command, out);
    buf_printf(out, " -l %s", o->name);
    if (o->letter != 0) {
        buf_printf(out, " -s %c", o->letter);
    }
    switch (o->kind) {
    case VALUE_NONE:
        break;
    case VALUE_FILE:
        buf_add_str(out, " -r -F");
        break;
    case VALUE_TEXT:
    case VALUE_WORD:
        buf_add_str(out, " -x");
        if (o->words != NULL) {
            add_words(o->words, out);
        }
        break;
    }
    buf_add_str(out, " -d ");
    completion_quoted(out, o->help);
    buf_add_char(out, '\n');
}

static void add_command(const struct command *command, struct buf *out)
{
    if (completion_is_group(command)) {
        add_second_word(command, out);
    }
    if (command->max_operands == 0 || command->operand_words != NULL) {
        add_condition(command, out);
        buf_add_str(out, " -f");
        if (command->operand_words != NULL) {
            add_words(command->operand_words, out);
        }
        buf_add_char(out, '\n');
    }
    for (const struct command_option *o = command->options; o != NULL && o->name != NULL; o++) {
        add_option(command, o, out);
    }
    add_condition(command, out);
    buf_add_str(out, " -l help -s h -d 'print usage'\n");
}

void completion_fish(const struct command_env *env, struct buf *out)
{
    buf_add_str(out, "# fish completion for certbroker; made by: certbroker completion fish\n"
                     "function __certbroker_first\n"
                     "    test (count (commandline -opc)) -eq 1\n"
                     "end\n"
                     "function __certbroker_needs\n"
                     "    set -l words (commandline -opc)\n"
                     "    test (count $words) -eq 2; and test \"$words[2]\" = \"$argv[1]\"\n"
                     "end\n"
                     "function __certbroker_is\n"
                     "    set -l words (commandline -opc)\n"
                     "    set -e words[1]\n"
                     "    string match -q -- \"$argv *\" \"$words \"\n"
                     "end\n");
    add_first_words(env, out);
    for (size_t i = 0; i < env->num_commands; i++) {
        add_command(env->commands[i], out);
    }
}
