/* reload_client.c - see reload_client.h. Runs in the process of whoever asks, not in the broker. */
#include "broker/control/reload_client.h"

#include "broker/commands/commands.h"
#include "broker/control/control_socket.h"

#include <inttypes.h>
#include <stdlib.h>

#define ANSWER_TIME_S 900U /* a large policy, and a day of requests decided again */

void print_line(FILE *out, const char *before, const char *text)
{
    (void)fputs(before, out);
    for (const char *c = text == NULL ? "" : text; *c != '\0'; c++) {
        (void)fputc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, out);
    }
    (void)fputc('\n', out);
}

static enum cb_code make_request(const char *force, const char *reason, struct control_request *ret,
                                 struct cb_err *err)
{
    struct cb_err unheard;
    const char *user = getenv("SUDO_USER"); /* nothing is decided by it */
    if (force != NULL && reason != NULL) {
        return cb_fail(err, CB_EINPUT, "--force says why already: give no --reason beside it");
    }
    if (force != NULL) {
        TRY(control_reason_check(slice_of(force), err));
        (void)snprintf(ret->force, sizeof(ret->force), "%s", force);
    }
    if (reason != NULL) {
        TRY(control_reason_check(slice_of(reason), err));
        (void)snprintf(ret->reason, sizeof(ret->reason), "%s", reason);
    }
    if (user != NULL && control_user_check(slice_of(user), &unheard) == CB_OK) {
        (void)snprintf(ret->sudo_user, sizeof(ret->sudo_user), "%s", user);
    }
    return CB_OK;
}

enum cb_code reload_client_ask(const struct config *config, const char *force, const char *reason,
                               struct buf *line, struct control_answer **ret, struct cb_err *err)
{
    struct control_request request = {.command = CONTROL_RELOAD};
    struct buf out;
    struct buf in;
    TRY(make_request(force, reason, &request, err));
    buf_init(&out, CONTROL_LINE_MAX);
    buf_init(&in, CONTROL_ANSWER_MAX);
    control_request_write(&request, &out);
    enum cb_code code =
        control_socket_ask(config->control, buf_slice(&out), ANSWER_TIME_S, &in, err);
    if (code == CB_OK) {
        code = control_answer_parse(buf_slice(&in), ret, err);
    }
    if (code == CB_OK && line != NULL) {
        buf_add_slice(line, buf_slice(&in));
    }
    buf_free(&out);
    buf_free(&in);
    return code;
}

int reload_client_status(const struct control_answer *a)
{
    if (control_answer_ok(a)) {
        return EXIT_OK;
    }
    return control_answer_text(a, "result") != NULL ? EXIT_PROBLEM : EXIT_USAGE;
}

/* ---------------------------------------------------------------- for people */

static void say_list(FILE *out, const struct control_answer *a, const char *list,
                     const char *before)
{
    const char *item = NULL;
    for (size_t i = 0; (item = control_answer_item(a, list, i)) != NULL; i++) {
        print_line(out, before, item);
    }
}

static const char *text_of(const struct control_answer *a, const char *name)
{
    const char *text = control_answer_text(a, name);
    return text == NULL ? "" : text;
}

static bool is_result(const struct control_answer *a, enum reload_result result)
{
    return strcmp(text_of(a, "result"), reload_result_word(result)) == 0;
}

static void say_loaded(const struct control_answer *a)
{
    say_list(stderr, a, "errors", ""); /* warnings, in fact */
    if (is_result(a, RELOAD_UNCHANGED)) {
        print_line(stdout, "policy unchanged: ", text_of(a, "policy_sha256"));
        (void)printf("  the TLS files and the CA's were read again\n");
        return;
    }
    (void)printf("policy loaded: %" PRIu64 " rules, %" PRIu64 " clients\n",
                 control_answer_number(a, "rules"), control_answer_number(a, "clients"));
    print_line(stdout, "  now  ", text_of(a, "policy_sha256"));
    print_line(stdout, "  was  ", text_of(a, "policy_old_sha256"));
    if (control_answer_text(a, "forced") != NULL && control_answer_text(a, "why") != NULL) {
        print_line(stdout, "  forced past: ", text_of(a, "why"));
    }
    (void)printf("  %" PRIu64 " gained, %" PRIu64 " lost%s\n",
                 control_answer_number(a, "num_gains"), control_answer_number(a, "num_losses"),
                 control_answer_item(a, "changes", 0) == NULL ? "" : ":");
    say_list(stdout, a, "changes", "    ");
}

static void say_what_to_do(const struct config *config, const struct control_answer *a)
{
    char window[24];
    guard_window_text(config->reload.guard_window_s, window);
    if (is_result(a, RELOAD_GUARD)) {
        (void)fprintf(stderr,
                      "  certbroker policy replay -c %s --since %s   shows what would change\n",
                      config->path, window);
    } else if (is_result(a, RELOAD_TESTS)) {
        (void)fprintf(stderr, "  certbroker policy test -c %s   runs them\n", config->path);
    }
    if (is_result(a, RELOAD_GUARD) || is_result(a, RELOAD_TESTS)) {
        (void)fprintf(stderr, "  certbroker reload -c %s --force REASON   loads it all the same\n",
                      config->path);
    } else {
        (void)fprintf(stderr, "  certbroker check -c %s   shows every error\n", config->path);
    }
}

/* say_others - those of the list that why does not quote. */
static void say_others(const struct control_answer *a, const char *list, const char *before)
{
    const char *item = NULL;
    for (size_t i = 0; (item = control_answer_item(a, list, i)) != NULL; i++) {
        if (strstr(text_of(a, "why"), item) == NULL) {
            print_line(stderr, before, item);
        }
    }
}

static void say_refused(const struct config *config, const struct control_answer *a)
{
    say_others(a, "errors", "");
    (void)fprintf(stderr, "certbroker: reload refused (");
    (void)fputs(text_of(a, "result"), stderr);
    print_line(stderr, "): ", text_of(a, "why"));
    say_others(a, "examples", "  e.g. ");
    print_line(stderr, "  the policy in force stays ", text_of(a, "policy_sha256"));
    say_what_to_do(config, a);
}

int reload_client_say(const struct config *config, const struct control_answer *a)
{
    const int status = reload_client_status(a);
    if (status == EXIT_OK) {
        say_loaded(a);
    } else if (status == EXIT_PROBLEM) {
        say_refused(config, a);
    } else {
        print_line(stderr, "certbroker: ", text_of(a, "error"));
    }
    return status;
}
