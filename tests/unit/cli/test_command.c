/* test_command.c - arguments by a table: what is taken, what is refused, and what a command then sees. */
#include "broker/cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define RAN 77 /* no status of the tools' own */

static const char *const colours[] = {"red", "blue", NULL};
static const struct command_option options[] = {
    {.name = "config", .letter = 'c', .kind = VALUE_FILE, .value = "FILE", .help = "x"},
    {.name = "host", .many = true, .kind = VALUE_TEXT, .value = "NAME", .help = "x"},
    {.name = "colour", .kind = VALUE_WORD, .value = "WORD", .words = colours, .help = "x"},
    {.name = "json", .help = "x"},
    {.name = NULL}};
static const struct command_option needed[] = {
    {.name = "dir", .is_required = true, .kind = VALUE_FILE, .value = "DIR", .help = "x"},
    {.name = NULL}};

static void add(char *out, size_t size, const char *name, const char *value)
{
    const size_t used = strlen(out);
    (void)snprintf(out + used, size - used, "%s=%s;", name, value);
}

static char seen[400]; /* what the command got, as text */

static int see(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    static const char *const names[] = {"config", "host", "colour", "json"};
    seen[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t k = 0; args_nth(args, names[i], k) != NULL; k++) {
            add(seen, sizeof(seen), names[i], args_nth(args, names[i], k));
        }
    }
    for (size_t i = 0; i < args_num_operands(args); i++) {
        add(seen, sizeof(seen), "", args_operand(args, i));
    }
    return RAN;
}

static int see_nothing(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    (void)args;
    return RAN + 1;
}

static const struct command show = {.name = "group show",
                                    .summary = "x",
                                    .operands = "[A [B]]",
                                    .max_operands = 2,
                                    .options = options,
                                    .run = see};
static const struct command make = {
    .name = "make", .summary = "x", .options = needed, .run = see_nothing};
static const struct command pair = {.name = "pair",
                                    .summary = "x",
                                    .operands = "A B",
                                    .min_operands = 2,
                                    .max_operands = 2,
                                    .run = see_nothing};
static const struct command *const commands[] = {&show, &make, &pair};

/* run_line - words separated by spaces; '_' is an empty word. */
static int run_line(const char *line)
{
    const struct command_env env = {.commands = commands, .num_commands = 3};
    char text[200];
    char name[] = "certbroker";
    char empty[] = "";
    char *argv[20] = {name};
    int argc = 1;
    (void)snprintf(text, sizeof(text), "%s", line);
    char *rest = text;
    char *word = NULL;
    while ((word = strsep(&rest, " ")) != NULL && argc < 19) {
        if (word[0] != '\0') {
            argv[argc++] = strcmp(word, "_") == 0 ? empty : word;
        }
    }
    return command_main(&env, argc, argv);
}

static const struct {
    const char *line;
    int status;
    const char *seen; /* NULL: the command does not run, or says nothing */
} lines[] = {
    {"group show", RAN, ""},
    {"group show -c f --json", RAN, "config=f;json=;"},
    {"group show -cf", RAN, "config=f;"},
    {"group show --config=f=g", RAN, "config=f=g;"},
    {"group show --host a --host=b a b", RAN, "host=a;host=b;=a;=b;"},
    {"group show a --json b", RAN, "json=;=a;=b;"},
    {"group show -- --json", RAN, "=--json;"},
    {"group show -", RAN, "=-;"},
    {"group show --host -c", RAN, "host=-c;"},
    {"group show --colour blue", RAN, "colour=blue;"},
    {"make --dir d", RAN + 1, NULL},
    {"pair a b", RAN + 1, NULL},
    {"group show --help", EXIT_OK, NULL},
    {"group show -h", EXIT_OK, NULL},
    {"group show --nonsense --help", EXIT_USAGE, NULL},
    {"group --help", EXIT_OK, NULL},
    {"--help", EXIT_OK, NULL},
    {"-h", EXIT_OK, NULL},
    {"help", EXIT_OK, NULL},
    {"", EXIT_USAGE, NULL},
    {"nonsense", EXIT_USAGE, NULL},
    {"group", EXIT_USAGE, NULL},
    {"group shw", EXIT_USAGE, NULL},
    {"show", EXIT_USAGE, NULL},
    {"--version", EXIT_USAGE, NULL}, /* there is no version command in this table */
    {"group show --conf f", EXIT_USAGE, NULL},
    {"group show --json=1", EXIT_USAGE, NULL},
    {"group show --json --json", EXIT_USAGE, NULL},
    {"group show -c", EXIT_USAGE, NULL},
    {"group show -c _", EXIT_USAGE, NULL},
    {"group show --config=", EXIT_USAGE, NULL},
    {"group show -c f -c g", EXIT_USAGE, NULL},
    {"group show -x", EXIT_USAGE, NULL},
    {"group show --colour green", EXIT_USAGE, NULL},
    {"group show a b c", EXIT_USAGE, NULL},
    {"make", EXIT_USAGE, NULL},
    {"make --dir", EXIT_USAGE, NULL},
    {"make --dir d e", EXIT_USAGE, NULL},
    {"pair a", EXIT_USAGE, NULL},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        seen[0] = '\0';
        const int status = run_line(lines[i].line);
        if (status != lines[i].status) {
            print_error("%s\n", lines[i].line);
        }
        assert_int_equal(status, lines[i].status);
        if (lines[i].seen != NULL) {
            assert_string_equal(seen, lines[i].seen);
        }
    }
}

/* ---- usages ---- */

static char *usage_of(const struct command *command)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    command_usage(command, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_usage(void **state)
{
    (void)state;
    char *text = usage_of(&show);
    assert_non_null(strstr(text, "usage: certbroker group show [OPTIONS] [A [B]]\n"));
    assert_non_null(strstr(text, "  -c, --config FILE "));
    assert_non_null(strstr(text, "may be repeated"));
    assert_non_null(strstr(text, "(red, blue)"));
    free(text);
    text = usage_of(&make);
    assert_non_null(strstr(text, "usage: certbroker make --dir DIR\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_usage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
