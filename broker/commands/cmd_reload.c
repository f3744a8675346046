/* cmd_reload.c - certbroker reload: the running broker reads its policy and TLS files anew, and says
 * what came of it. SIGHUP does the same without an answer. */
#include "broker/commands/commands.h"
#include "broker/control/reload_client.h"

static int ask(const struct config *config, const struct command_args *args)
{
    struct cb_err err = {0};
    struct control_answer *answer = NULL;
    struct buf line;
    if (config->control == NULL) {
        (void)fprintf(stderr,
                      "certbroker: %s names no control socket, e.g. \"control: "
                      "/run/certbroker/control.sock\"; without one SIGHUP reloads, and the log "
                      "tells how it went\n",
                      config->path);
        return EXIT_USAGE;
    }
    buf_init(&line, CONTROL_ANSWER_MAX);
    if (reload_client_ask(config, args_text(args, "force"), args_text(args, "reason"), &line,
                          &answer, &err) != CB_OK) {
        print_line(stderr, "certbroker: ", err.msg);
        buf_free(&line);
        return EXIT_USAGE;
    }
    int status = reload_client_status(answer);
    if (args_has(args, "json")) {
        const struct slice text = buf_slice(&line);
        (void)printf("%.*s\n", (int)text.len, text.ptr);
    } else {
        status = reload_client_say(config, answer);
    }
    control_answer_free(answer);
    buf_free(&line);
    return status;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    struct config *config = NULL;
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        return EXIT_USAGE;
    }
    const enum cb_code code = config_load(args_config(args), diags, &config);
    diag_print(diags, stderr);
    diag_free(diags);
    if (code != CB_OK) {
        return EXIT_USAGE;
    }
    const int status = ask(config, args);
    config_free(config);
    return status;
}

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    {.name = "force",
     .kind = VALUE_TEXT,
     .value = "REASON",
     .help = "load it although tests or the guard object; the reason goes into the audit log"},
    {.name = "reason", .kind = VALUE_TEXT, .value = "TEXT", .help = "why; goes into the audit log"},
    {.name = "json", .help = "print the broker's answer as one line of JSON"},
    {.name = NULL}};

const struct command cmd_reload = {.name = "reload",
                                   .summary = "make the running broker read its policy and TLS "
                                              "files anew",
                                   .options = options,
                                   .notes = "Exit status: 0 loaded (or unchanged), 1 refused, 2 "
                                            "the broker could not be asked.\n",
                                   .run = run};
