/* commands.c - the subcommands that are not the server itself: serve's start, check, audit init. */
#include "broker/commands.h"

#include "audit/audit.h"
#include "broker/config.h"
#include "broker/generation.h"
#include "broker/server.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

const char *command_config_path(int argc, char **argv, const char *usage)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *path = NULL;
    for (;;) {
        const int option = getopt_long(argc, argv, "c:h", options, NULL); /* one thread only */
        if (option == -1) {
            break;
        }
        if (option != 'c') {
            path = NULL;
            optind = argc;
            break;
        }
        path = optarg;
    }
    if (path == NULL || optind < argc) {
        (void)fprintf(stderr, "usage: %s\n", usage);
        return NULL;
    }
    return path;
}

/* load_config - NULL after printing every error. */
static struct config *load_config(const char *path, struct diag_list *diags)
{
    struct config *config = NULL;
    if (config_load(path, diags, &config) != CB_OK) {
        return NULL;
    }
    return config;
}

int cmd_serve(int argc, char **argv)
{
    const char *path = command_config_path(argc, argv, "certbroker serve -c FILE");
    struct diag_list *diags = path == NULL ? NULL : diag_new();
    if (diags == NULL) {
        return EXIT_USAGE;
    }
    struct config *config = load_config(path, diags);
    diag_print(diags, stderr);
    diag_free(diags);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    const int status = server_run(config);
    config_free(config);
    return status;
}

static void check_everything(const struct config *config, struct diag_list *diags)
{
    struct policy *policy = NULL;
    struct cb_err err = {0};
    if (policy_load_checked(config, diags, &policy) == CB_OK) {
        (void)printf("%s: %zu rules, %zu clients, sha256 %s\n", policy_file(policy),
                     policy_num_rules(policy), policy_num_clients(policy), policy_sha256(policy));
        policy_free(policy);
    }
    if (generation_check_files(config, &err) != CB_OK) {
        diag_add(diags, DIAG_ERROR, (struct diag_place){config->path, 0, 0}, "%s", err.msg);
    }
}

int cmd_check(int argc, char **argv)
{
    const char *path = command_config_path(argc, argv, "certbroker check -c FILE");
    struct diag_list *diags = path == NULL ? NULL : diag_new();
    if (diags == NULL) {
        return EXIT_USAGE;
    }
    struct config *config = load_config(path, diags);
    if (config != NULL) {
        check_everything(config, diags);
    }
    diag_print(diags, stderr);
    const bool ok = diag_num_errors(diags) == 0 && config != NULL;
    if (ok) {
        (void)printf("%s: ok\n", path);
    }
    config_free(config);
    diag_free(diags);
    return ok ? EXIT_OK : EXIT_PROBLEM;
}

static int audit_init_usage(void)
{
    (void)fprintf(stderr, "usage: certbroker audit init --dir DIR --origin NAME\n"
                          "  DIR     the audit log's directory, e.g. /var/lib/certbroker/audit\n"
                          "  NAME    what the log is called for ever, e.g. broker1.acme.example\n");
    return EXIT_USAGE;
}

int cmd_audit(int argc, char **argv)
{
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"origin", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    const char *dir = NULL;
    const char *origin = NULL;
    if (argc < 2 || strcmp(argv[1], "init") != 0) {
        return audit_init_usage();
    }
    for (;;) {
        const int option = getopt_long(argc - 1, argv + 1, "", options, NULL);
        if (option == -1) {
            break;
        }
        if (option == 'd') {
            dir = optarg;
        } else if (option == 'o') {
            origin = optarg;
        } else {
            return audit_init_usage();
        }
    }
    if (dir == NULL || origin == NULL || optind < argc - 1) {
        return audit_init_usage();
    }
    struct cb_err err = {0};
    if (audit_init(dir, origin, &err) != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return EXIT_PROBLEM;
    }
    (void)printf("%s: audit log \"%s\" created\n", dir, origin);
    return EXIT_OK;
}
