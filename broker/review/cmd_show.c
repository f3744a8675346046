/* cmd_show.c - certbroker audit show, audit why: one request or certificate, on one screen. */
#include "broker/cli/output.h"
#include "broker/review/options.h"
#include "broker/review/review.h"
#include "broker/review/row_print.h"
#include "broker/review/seal_notice.h"
#include "broker/review/show.h"

#define PEM_LINE 64U

/* clang-format off */
static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "json", .help = "one JSON document; records stand in it as in the log"},
    {.name = "pem", .help = "nothing but the certificate itself"},
    CLI_NO_PAGER_OPTION,
    {.name = NULL}};
/* clang-format on */

/* print_pem - the certificate itself, where its record holds all of it. */
static int print_pem(const struct story *story)
{
    struct buf pem;
    const struct slice der =
        story->issue == NULL ? (struct slice){NULL, 0} : row_text(story->issue, cert_der_b64);
    if (der.ptr == NULL) {
        (void)fprintf(stderr, "certbroker: %s\n",
                      story->issue == NULL
                          ? "no certificate was issued there"
                          : "the record does not hold the certificate: it is too long for a line");
        return EXIT_PROBLEM;
    }
    buf_init(&pem, CLI_OUTPUT_MAX);
    buf_add_str(&pem, "-----BEGIN CERTIFICATE-----\n");
    for (struct slice rest = der; rest.len > 0;) {
        const size_t len = rest.len < PEM_LINE ? rest.len : PEM_LINE;
        cli_add_escaped(&pem, (struct slice){rest.ptr, len}, CLI_ASCII);
        buf_add_char(&pem, '\n');
        rest = slice_from(rest, len);
    }
    buf_add_str(&pem, "-----END CERTIFICATE-----\n");
    return cli_print(&pem, EXIT_OK);
}

static int print_story(const struct command_args *args, const struct story *story,
                       enum show_how how)
{
    struct cli_out out;
    struct buf text;
    const struct cli_terminal terminal = cli_terminal();
    const bool json = args_has(args, "json");
    buf_init(&text, CLI_OUTPUT_MAX);
    cli_out_begin(&out, json || args_has(args, "no-pager") ? CLI_STRAIGHT : CLI_PAGED);
    const bool good = json ? show_json(story, &text) : show_text(story, how, &terminal, &text);
    if (good) {
        (void)cli_out_buf(&out, &text);
    }
    buf_free(&text);
    const int status = cli_out_end(&out, EXIT_OK);
    return good ? status : cli_no_memory();
}

/* say_nothing_found - err: why there is no record with this number, where it could have been one. */
static int say_nothing_found(const char *dir, const char *id, const struct cb_err *err)
{
    char quoted[NAME_QUOTE_SIZE];
    if (err->code == CB_ENOENT) {
        cli_complain("", err);
    }
    (void)fprintf(
        stderr,
        "certbroker: nothing in %s is \"%s\": no request id, serial, fingerprint or record "
        "number begins so.\n"
        "certbroker audit search name=HOST, or client=CLIENT, finds it by what is in it.\n",
        dir, name_quote(slice_of(id), quoted));
    return EXIT_PROBLEM;
}

static int say_several(const char *id, const struct story_list *candidates)
{
    struct row_print print;
    char quoted[NAME_QUOTE_SIZE];
    (void)fprintf(stderr,
                  "certbroker: \"%s\" could be any of these; show one by its record number, or say "
                  "more (name=HOST, client=CLIENT):\n",
                  name_quote(slice_of(id), quoted));
    row_print_begin(&print, ROWS_TABLE, CLI_STRAIGHT);
    for (size_t i = 0; i < candidates->num; i++) {
        (void)row_print_add(&print, candidates->rows[i]);
    }
    const int status = row_print_end(&print, EXIT_PROBLEM);
    if (candidates->left_out > 0) {
        (void)fprintf(stderr, "certbroker: and %zu more\n", candidates->left_out);
    }
    return status;
}

static int tell(const struct command_args *args, const char *dir, struct query *also,
                enum show_how how)
{
    struct story story;
    struct story_list candidates;
    struct cb_err err = {.code = CB_OK};
    struct review_damage damage = {.num = 0};
    const struct review_search where = {.dir = dir, .damage = &damage};
    const char *id = args_operand(args, 0);
    int status = EXIT_USAGE;
    switch (story_find(&where, id, also, &story, &candidates, &err)) {
    case STORY_FOUND:
        status = args_has(args, "pem") ? print_pem(&story) : print_story(args, &story, how);
        break;
    case STORY_NOTHING:
        status = say_nothing_found(dir, id, &err);
        break;
    case STORY_SEVERAL:
        status = say_several(id, &candidates);
        break;
    case STORY_FAILED:
        status = review_failed(&err);
        break;
    }
    story_free(&story);
    return status == EXIT_USAGE ? status : seal_notice(dir, review_damage_said(&damage, status));
}

static int show(const struct command_env *env, const struct command_args *args, enum show_how how)
{
    struct cli_audit audit;
    struct query also;
    struct cb_err err;
    enum cb_code code = CB_OK;
    int status = EXIT_USAGE;
    query_init(&also);
    for (size_t i = 1; i < args_num_operands(args) && code == CB_OK; i++) {
        code = query_add(&also, args_operand(args, i), &err);
    }
    if (code != CB_OK) {
        (void)command_usage_error(args, "%s", err.msg);
    } else if (cli_audit_open(env, args, &audit)) {
        status = tell(args, audit.dir, also.num == 0 ? NULL : &also, how);
        cli_audit_close(env, &audit);
    }
    query_free(&also);
    return status;
}

static int run_show(const struct command_env *env, const struct command_args *args)
{
    return show(env, args, SHOW_ALL);
}

static int run_why(const struct command_env *env, const struct command_args *args)
{
    return show(env, args, SHOW_WHY);
}

#define ID_NOTES                                                                                   \
    "ID is a request id, a serial (hex in any spelling, or decimal), a certificate's SHA-256 or "  \
    "a\n"                                                                                          \
    "record's number; of the first three a beginning will do. A term of a search is taken, too:\n" \
    "serial=4711 where digits alone could be several things. What ID leaves open further terms\n"  \
    "decide: 3f5b name=HOST.\n"                                                                    \
    "Exit status: 0 found, 1 not found or not the only one or the log is damaged, 2 cannot run.\n"

const struct command review_audit_show = {
    .name = "audit show",
    .summary = "the whole story of a request or certificate",
    .operands = "ID [TERM...]",
    .min_operands = 1,
    .max_operands = QUERY_TERMS_MAX,
    .operand_words = review_term_words,
    .options = options,
    .notes = ID_NOTES,
    .run = run_show,
};

const struct command review_audit_why = {
    .name = "audit why",
    .summary = "which rule gave a certificate, or why it was denied",
    .operands = "ID [TERM...]",
    .min_operands = 1,
    .max_operands = QUERY_TERMS_MAX,
    .operand_words = review_term_words,
    .options = options,
    .notes = ID_NOTES
    "The rule is printed as it stood then, from the policy that the log kept. A denial is decided\n"
    "again by it: which conditions failed, and what would have to change.\n",
    .run = run_why,
};
