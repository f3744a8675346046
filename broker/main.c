/* main.c - certbroker: one binary, subcommands. */
#include "broker/commands.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"serve", cmd_serve, "run the broker                      serve -c FILE"},
    {"check", cmd_check, "check configuration and policy      check -c FILE"},
    {"audit", cmd_audit, "create an audit log                 audit init --dir DIR --origin NAME"},
    {"version", cmd_version, "print versions"},
};

static int usage(FILE *out, int status)
{
    (void)fprintf(out, "usage: certbroker COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        (void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    (void)fprintf(out, "\nExit status: 0 ok, 1 problems found, 2 cannot run.\n");
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return usage(stderr, EXIT_USAGE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        return usage(stdout, EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        return cmd_version(argc - 1, argv + 1);
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    (void)fprintf(stderr, "certbroker: no command \"%s\"\n\n", argv[1]);
    return usage(stderr, EXIT_USAGE);
}
