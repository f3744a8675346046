/* commands.h - the subcommands of the one binary. Each gets its own arguments (argv[0] is the
 * subcommand's name) and returns the exit status. */
#ifndef BROKER_COMMANDS_H
#define BROKER_COMMANDS_H

/* Exit statuses of the server's verbs. */
#define EXIT_OK 0
#define EXIT_PROBLEM 1 /* problems were found, and are on stderr */
#define EXIT_USAGE 2   /* cannot run: wrong arguments, unreadable file */

int cmd_serve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* command_config_path - the argument of -c FILE (or --config FILE), the only one these verbs take;
 * NULL after a usage message on stderr. */
const char *command_config_path(int argc, char **argv, const char *usage);

#endif
