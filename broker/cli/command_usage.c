/* command_usage.c - see command.h: usage texts, from the tables alone. */
#include "broker/cli/command_parts.h"

#define LEFT_WIDTH 26 /* of the column with the options' names */

struct slice usage_word_of(const struct command *command, size_t i)
{
    const char *at = command->name;
    for (; i > 0 && at != NULL; i--) {
        const char *space = strchr(at, ' ');
        at = space == NULL ? NULL : space + 1;
    }
    return at == NULL ? (struct slice){NULL, 0} : (struct slice){at, strcspn(at, " ")};
}

static void print_option(const struct command_option *o, FILE *out)
{
    char left[80];
    char letter[4] = {'-', o->letter, '\0', '\0'};
    (void)snprintf(left, sizeof(left), "%s%s--%s%s%s", o->letter == 0 ? "" : letter,
                   o->letter == 0 ? "" : ", ", o->name, o->kind == VALUE_NONE ? "" : " ",
                   o->kind == VALUE_NONE ? "" : o->value);
    (void)fprintf(out, "  %-*s", LEFT_WIDTH, left);
    if (strlen(left) >= LEFT_WIDTH) {
        (void)fprintf(out, "\n  %-*s", LEFT_WIDTH, "");
    }
    (void)fprintf(out, " %s%s\n", o->help, o->many ? "; may be repeated" : "");
    if (o->kind == VALUE_WORD) {
        (void)fprintf(out, "  %-*s ", LEFT_WIDTH, "");
        for (size_t i = 0; o->words[i] != NULL; i++) {
            (void)fprintf(out, "%s%s", i == 0 ? "(" : ", ", o->words[i]);
        }
        (void)fprintf(out, ")\n");
    }
}

/* print_synopsis - the options that must be there are spelled out. */
static void print_synopsis(const struct command *command, FILE *out)
{
    bool has_others = false;
    (void)fprintf(out, "usage: certbroker %s", command->name);
    for (const struct command_option *o = command->options; o != NULL && o->name != NULL; o++) {
        has_others = has_others || !o->is_required;
        if (o->is_required && o->letter != 0) {
            (void)fprintf(out, " -%c %s", o->letter, o->value);
        } else if (o->is_required) {
            (void)fprintf(out, " --%s %s", o->name, o->value);
        }
    }
    (void)fprintf(out, "%s%s%s\n", has_others ? " [OPTIONS]" : "",
                  command->operands == NULL ? "" : " ",
                  command->operands == NULL ? "" : command->operands);
}

void command_synopsis(const struct command *command, FILE *out)
{
    print_synopsis(command, out);
    (void)fprintf(out, "certbroker %s --help says what the options are.\n", command->name);
}

void command_usage(const struct command *command, FILE *out)
{
    static const struct command_option help = {
        .name = "help", .letter = 'h', .help = "print this and exit"};
    print_synopsis(command, out);
    (void)fprintf(out, "\n%s\n\n", command->summary);
    for (const struct command_option *o = command->options; o != NULL && o->name != NULL; o++) {
        print_option(o, out);
    }
    print_option(&help, out);
    if (command->notes != NULL) {
        (void)fprintf(out, "\n%s", command->notes);
    }
}

static bool is_listed(const struct command *command, const char *first_word)
{
    return first_word[0] == '\0' || slice_eq_str(usage_word_of(command, 0), first_word);
}

void command_list(const struct command_env *env, const char *first_word, FILE *out)
{
    (void)fprintf(out, "usage: certbroker %s%sCOMMAND [OPTIONS]\n\n", first_word,
                  first_word[0] == '\0' ? "" : " ");
    int width = 0;
    for (size_t i = 0; i < env->num_commands; i++) {
        const int len = (int)strlen(env->commands[i]->name);
        width = is_listed(env->commands[i], first_word) && len > width ? len : width;
    }
    for (size_t i = 0; i < env->num_commands; i++) {
        const struct command *command = env->commands[i];
        if (is_listed(command, first_word)) {
            (void)fprintf(out, "  %-*s  %s\n", width, command->name, command->summary);
        }
    }
    (void)fprintf(out, "\ncertbroker COMMAND --help says more of each.\n"
                       "Exit status: 0 ok, 1 problems found, 2 cannot run.\n");
}
