/* command_args.c - see command.h: the arguments of one command, by its table. Strict: no shortened
 * names, no option twice unless it may be repeated, nothing left over.
 *
 * Not getopt_long: that keeps its place in globals, takes any unambiguous beginning for a name (so a
 * new option can break a script), and cannot say what was probably meant. */
#include "broker/cli/command_parts.h"

#include "policy/yaml_tree.h"

#include <stdarg.h>

#define OPTIONS_MAX 64U

int command_usage_error(const struct command_args *args, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fprintf(stderr, "certbroker: ");
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, "\n");
    command_synopsis(args->command, stderr);
    return EXIT_USAGE;
}

/* ---- finding an option ---- */

static const struct command_option *by_name(const struct command *command, struct slice name)
{
    for (const struct command_option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (slice_eq_str(name, o->name)) {
            return o;
        }
    }
    return NULL;
}

static const struct command_option *by_letter(const struct command *command, char letter)
{
    for (const struct command_option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (o->letter != 0 && o->letter == letter) {
            return o;
        }
    }
    return NULL;
}

static void complain_unknown(const struct command_args *args, struct slice name)
{
    const char *names[OPTIONS_MAX + 1] = {NULL};
    char quoted[NAME_QUOTE_SIZE];
    size_t num = 0;
    for (const struct command_option *o = args->command->options;
         o != NULL && o->name != NULL && num < OPTIONS_MAX; o++) {
        names[num++] = o->name;
    }
    const char *meant = yaml_suggest(name, names);
    (void)command_usage_error(args, "there is no option --%s%s%s%s", name_quote(name, quoted),
                              meant == NULL ? "" : ": did you mean --", meant == NULL ? "" : meant,
                              meant == NULL ? "" : "?");
}

/* ---- one option ---- */

static bool is_given(const struct command_args *args, const struct command_option *option)
{
    for (size_t i = 0; i < args->num_given; i++) {
        if (args->given[i].option == option) {
            return true;
        }
    }
    return false;
}

static bool is_one_of(const char *value, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(value, *words) == 0) {
            return true;
        }
    }
    return false;
}

static void complain_word(const struct command_args *args, const struct command_option *option,
                          const char *value)
{
    char quoted[NAME_QUOTE_SIZE];
    char words[200] = "";
    size_t used = 0;
    for (size_t i = 0; option->words[i] != NULL && used < sizeof(words); i++) {
        const int n = snprintf(words + used, sizeof(words) - used, "%s%s", i == 0 ? "" : ", ",
                               option->words[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    (void)command_usage_error(args, "--%s must be one of %s, not \"%s\"", option->name, words,
                              name_quote(slice_of(value), quoted));
}

static bool add(struct command_args *args, const struct command_option *option, const char *value)
{
    if (!option->many && is_given(args, option)) {
        (void)command_usage_error(args, "--%s is given twice", option->name);
        return false;
    }
    if (option->kind != VALUE_NONE && value[0] == '\0') {
        (void)command_usage_error(args, "--%s is given an empty %s", option->name, option->value);
        return false;
    }
    if (option->kind == VALUE_WORD && !is_one_of(value, option->words)) {
        complain_word(args, option, value);
        return false;
    }
    args->given[args->num_given++] = (struct given_option){option, value};
    return true;
}

struct cursor {
    int argc;
    char **argv;
    int at;
};

/* add_with_value - the value is attached (may be NULL), or the next word. */
static bool add_with_value(struct command_args *args, const struct command_option *option,
                           const char *attached, struct cursor *c)
{
    if (option->kind == VALUE_NONE) {
        if (attached != NULL) {
            (void)command_usage_error(args, "--%s takes no value", option->name);
            return false;
        }
        return add(args, option, "");
    }
    if (attached == NULL && c->at + 1 >= c->argc) {
        (void)command_usage_error(args, "--%s needs a value: --%s %s", option->name, option->name,
                                  option->value);
        return false;
    }
    return add(args, option, attached != NULL ? attached : c->argv[++c->at]);
}

static bool read_long(struct command_args *args, const char *text, struct cursor *c)
{
    const char *equals = strchr(text, '=');
    const struct slice name = {text, equals == NULL ? strlen(text) : (size_t)(equals - text)};
    if (slice_eq(name, SLICE("help"))) {
        args->wants_help = true;
        return true;
    }
    const struct command_option *option = by_name(args->command, name);
    if (option == NULL) {
        complain_unknown(args, name);
        return false;
    }
    return add_with_value(args, option, equals == NULL ? NULL : equals + 1, c);
}

static bool read_letter(struct command_args *args, const char *text, struct cursor *c)
{
    const struct command_option *option = by_letter(args->command, text[0]);
    if (text[0] == 'h' && text[1] == '\0' && option == NULL) {
        args->wants_help = true;
        return true;
    }
    if (option == NULL) {
        char quoted[NAME_QUOTE_SIZE];
        (void)command_usage_error(args, "there is no option -%s",
                                  name_quote((struct slice){text, 1}, quoted));
        return false;
    }
    return add_with_value(args, option, text[1] == '\0' ? NULL : text + 1, c);
}

/* ---- all of them ---- */

static bool check_required(const struct command_args *args)
{
    for (const struct command_option *o = args->command->options; o != NULL && o->name != NULL;
         o++) {
        if (o->is_required && !is_given(args, o)) {
            const char letter[3] = {'-', o->letter, '\0'};
            (void)command_usage_error(args, "%s%s is missing", o->letter != 0 ? letter : "--",
                                      o->letter != 0 ? "" : o->name);
            return false;
        }
    }
    return true;
}

static bool check_operands(const struct command_args *args)
{
    const struct command *command = args->command;
    if (args->num_operands > command->max_operands) {
        char quoted[NAME_QUOTE_SIZE];
        (void)command_usage_error(
            args, "\"%s\" is too much",
            name_quote(slice_of(args->operands[command->max_operands]), quoted));
        return false;
    }
    if (args->num_operands < command->min_operands) {
        (void)command_usage_error(args, "missing: %s", command->operands);
        return false;
    }
    return true;
}

bool args_read(struct command_args *args, int argc, char **argv)
{
    bool only_operands = false;
    for (struct cursor c = {argc, argv, 0}; c.at < argc; c.at++) {
        const char *text = argv[c.at];
        bool good = true;
        if (only_operands || text[0] != '-' || text[1] == '\0') { /* "-" alone is standard input */
            args->operands[args->num_operands++] = text;
        } else if (text[1] != '-') {
            good = read_letter(args, text + 1, &c);
        } else if (text[2] == '\0') {
            only_operands = true;
        } else {
            good = read_long(args, text + 2, &c);
        }
        if (!good || args->wants_help) {
            return good;
        }
    }
    return check_required(args) && check_operands(args);
}

/* ---- asking ---- */

const char *args_nth(const struct command_args *args, const char *name, size_t i)
{
    const struct command_option *option = by_name(args->command, slice_of(name));
    CB_CHECK(option != NULL);
    for (size_t k = 0; k < args->num_given; k++) {
        if (args->given[k].option == option && i-- == 0) {
            return args->given[k].value;
        }
    }
    return NULL;
}

const char *args_text(const struct command_args *args, const char *name)
{
    return args_nth(args, name, 0);
}

const char *args_config(const struct command_args *args)
{
    const char *path = args_text(args, "config");
    return path == NULL ? COMMAND_CONFIG_DEFAULT : path;
}

bool args_has(const struct command_args *args, const char *name)
{
    return args_text(args, name) != NULL;
}

size_t args_num_operands(const struct command_args *args)
{
    return args->num_operands;
}

const char *args_operand(const struct command_args *args, size_t i)
{
    return i < args->num_operands ? args->operands[i] : NULL;
}
