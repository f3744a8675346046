/* command.c - see command.h: which command is meant. What it does is its own business. */
#include "broker/cli/command_parts.h"

#include "policy/yaml_tree.h"

#include <stdlib.h>

#define COMMANDS_MAX 64U

/* num_words - how many words of argv the command's name takes up; 0: it is another one. */
static int num_words(const struct command *command, int argc, char **argv)
{
    int i = 0;
    for (; i < argc; i++) {
        const struct slice word = usage_word_of(command, (size_t)i);
        if (word.ptr == NULL) {
            break;
        }
        if (!slice_eq_str(word, argv[i])) {
            return 0;
        }
    }
    return usage_word_of(command, (size_t)i).ptr == NULL ? i : 0;
}

static int run(const struct command_env *env, const struct command *command, int argc, char **argv)
{
    struct command_args args = {.command = command};
    args.given = calloc((size_t)argc + 1, sizeof(*args.given));
    args.operands = calloc((size_t)argc + 1, sizeof(*args.operands));
    int status = EXIT_USAGE;
    if (args.given == NULL || args.operands == NULL) {
        (void)fprintf(stderr, "certbroker: out of memory\n");
    } else if (args_read(&args, argc, argv)) {
        if (args.wants_help) {
            command_usage(command, stdout);
        }
        status = args.wants_help ? EXIT_OK : command->run(env, &args);
    }
    free(args.given);
    free(args.operands);
    return status;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static bool is_group(const struct command_env *env, const char *word)
{
    for (size_t i = 0; i < env->num_commands; i++) {
        if (slice_eq_str(usage_word_of(env->commands[i], 0), word)) {
            return true;
        }
    }
    return false;
}

/* find_second - the command whose second word was written alone ("rollback"); NULL: there is none. */
static const char *find_second(const struct command_env *env, const char *word)
{
    for (size_t i = 0; i < env->num_commands && word != NULL; i++) {
        const struct slice second = usage_word_of(env->commands[i], 1);
        if (second.ptr != NULL && slice_eq_str(second, word)) {
            return env->commands[i]->name;
        }
    }
    return NULL;
}

/* no_command - of a group ("policy") or at all: what there is. */
static int no_command(const struct command_env *env, const char *group, const char *word)
{
    char names[COMMANDS_MAX][32];
    const char *list[COMMANDS_MAX + 1] = {NULL};
    size_t num = 0;
    for (size_t i = 0; i < env->num_commands && num < COMMANDS_MAX; i++) {
        const struct command *command = env->commands[i];
        const bool is_here = group[0] == '\0' || slice_eq_str(usage_word_of(command, 0), group);
        const struct slice name = usage_word_of(command, group[0] == '\0' ? 0 : 1);
        if (is_here && name.ptr != NULL) {
            (void)snprintf(names[num], sizeof(names[num]), "%.*s", (int)name.len, name.ptr);
            list[num] = names[num];
            num++;
        }
    }
    char quoted[NAME_QUOTE_SIZE];
    const char *space = group[0] == '\0' ? "" : " ";
    const char *second = group[0] == '\0' ? find_second(env, word) : NULL;
    const char *meant =
        word == NULL || second != NULL ? second : yaml_suggest(slice_of(word), list);
    if (word != NULL) {
        (void)fprintf(stderr, "certbroker: no command \"%s%s%s\"", group, space,
                      name_quote(slice_of(word), quoted));
    }
    if (meant != NULL) {
        (void)fprintf(stderr, ": did you mean \"%s%s%s\"?", group, space, meant);
    }
    (void)fprintf(stderr, "%s", word == NULL ? "" : "\n\n");
    command_list(env, group, stderr);
    return EXIT_USAGE;
}

int command_main(const struct command_env *env, int argc, char **argv)
{
    char version[] = "version";
    if (argc < 2) {
        return no_command(env, "", NULL);
    }
    if (is_help(argv[1])) {
        command_list(env, "", stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        argv[1] = version;
    }
    for (size_t i = 0; i < env->num_commands; i++) {
        const int words = num_words(env->commands[i], argc - 1, argv + 1);
        if (words > 0) {
            return run(env, env->commands[i], argc - 1 - words, argv + 1 + words);
        }
    }
    if (!is_group(env, argv[1])) {
        return no_command(env, "", argv[1]);
    }
    if (argc > 2 && is_help(argv[2])) {
        command_list(env, argv[1], stdout);
        return EXIT_OK;
    }
    return no_command(env, argv[1], argc > 2 ? argv[2] : NULL);
}
