/* test_history.c - policy replay, suggest and unused as commands: what they print, what they exit
 * with, and that a suggested rule is one the loader takes and that covers what was seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/history/helpers.h"

#include "broker/tools/tools.h"

#include <fcntl.h>

#define CLIENTS                                                                                    \
    "version: 1\n"                                                                                 \
    "clients:\n"                                                                                   \
    "  alice: {auth: [{mtls: {uri: \"spiffe://acme.internal/sa/alice\"}}]}\n"                      \
    "  bob: {auth: [{mtls: {uri: \"spiffe://acme.internal/sa/bob\"}}]}\n"                          \
    "rules:\n"
#define RULE(id, client, dns)                                                                      \
    "  - {id: " id ", clients: [" client "], actions: [newcert, revoke], names: {dns: [" dns       \
    "]}, profiles: [server], max_validity: 720h}\n"
#define ALICE .who = "alice", .via = "mtls.uri", .credential = "spiffe://acme.internal/sa/alice"
#define ASK(names) .action = "newcert", .dns = names, .key = "ecdsa-256", .profile = "server"
#define GRANT .type = AUDIT_ISSUE_ATTEMPT
#define DENY .type = AUDIT_AUTHZ_DENY, .reason = "name_not_allowed"

/* ---- a command, run ---- */

struct ran {
    int status;
    char out[1 << 16];
    char err[1 << 14];
};

static enum cb_code no_config(const char *path, struct diag_list *diags, struct command_config *ret)
{
    (void)ret;
    diag_add(diags, DIAG_ERROR, (struct diag_place){path, 0, 0}, "there is no configuration here");
    return CB_EINPUT;
}

static enum cb_code no_policy(const struct command_config *config, const char *path,
                              struct diag_list *diags, struct policy **ret)
{
    (void)config;
    (void)path;
    (void)diags;
    (void)ret;
    return CB_EINPUT;
}

static void close_nothing(struct command_config *config)
{
    (void)config;
}

static int redirect(int fd, const char *path, FILE *stream)
{
    (void)fflush(stream);
    const int kept = dup(fd);
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && file >= 0);
    assert_true(dup2(file, fd) >= 0);
    (void)close(file);
    return kept;
}

static void restore(int fd, int kept, FILE *stream, const char *path, char *out, size_t size)
{
    (void)fflush(stream);
    assert_true(dup2(kept, fd) >= 0);
    (void)close(kept);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    out[fread(out, 1, size - 1, in)] = '\0';
    (void)fclose(in);
    (void)unlink(path);
}

/* run - the words of a line, "@" for the log and "%" for the policy's file. */
static struct ran *run(const char *line, const struct log *l, const char *policy)
{
    static struct ran r;
    static const struct command *const commands[] = {&tools_policy_replay, &tools_policy_suggest,
                                                     &tools_policy_unused};
    const struct command_env env = {.commands = commands,
                                    .num_commands = 3,
                                    .open_config = no_config,
                                    .load_policy = no_policy,
                                    .close_config = close_nothing};
    char words[1024];
    char *argv[32] = {words};
    int argc = 1;
    (void)snprintf(words, sizeof(words), "certbroker %s", line);
    for (char *at = strchr(words, ' '); at != NULL; at = strchr(at, ' ')) {
        *at++ = '\0';
        if (*at != '\0') {
            argv[argc++] = at;
        }
    }
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "@") == 0) {
            argv[i] = l->dir;
        }
    }
    FILE *f = fopen(".build/test-policy.yaml", "wb");
    assert_non_null(f);
    (void)fputs(policy, f);
    (void)fclose(f);
    const int out = redirect(1, ".build/test-stdout", stdout);
    const int err = redirect(2, ".build/test-stderr", stderr);
    r.status = command_main(&env, argc, argv);
    restore(2, err, stderr, ".build/test-stderr", r.err, sizeof(r.err));
    restore(1, out, stdout, ".build/test-stdout", r.out, sizeof(r.out));
    (void)unlink(".build/test-policy.yaml");
    return &r;
}

#define POLICY "--policy .build/test-policy.yaml "

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        fail_msg("\"%s\" is in:\n%s", part, text);
    }
}

static void write_rows(struct log *l, const struct row *rows, size_t num)
{
    log_new(l);
    for (size_t i = 0; i < num; i++) {
        log_add(l, &rows[i]);
    }
}
#define WRITE(l, rows) write_rows(l, rows, sizeof(rows) / sizeof((rows)[0]))

static void exits(const struct ran *r, int status)
{
    if (r->status != status) {
        fail_msg("exit status %d\n%s%s", r->status, r->err, r->out);
    }
}

/* ---- replay ---- */

static const struct row replay_rows[] = {
    {.minute = 1, GRANT, ALICE, ASK("a.acme.internal"), .rule = "old"},
    {.minute = 2, DENY, ALICE, ASK("b.acme.internal"), .rule = "old"},
    {.minute = 3, GRANT, ALICE, ASK("c.acme.internal"), .rule = "old"},
    {.minute = 4, .type = AUDIT_REQUEST_REFUSED, ALICE, .reason = "rate_limited"},
};

static void test_replay(void **state)
{
    (void)state;
    struct log l;
    WRITE(&l, replay_rows);
    const struct ran *r = run("policy replay " POLICY "--audit @", &l,
                              CLIENTS RULE("r", "alice", "a.acme.internal, b.acme.internal"));
    exits(r, 1);
    assert_string_equal(r->err, "");
    has(r->out, "4 decisions from 2026-07-22T16:01:00Z to 2026-07-22T16:04:00Z");
    has(r->out, "lost                   1   were allowed");
    has(r->out, "gained                 1");
    has(r->out, "LOST  client alice, then allowed by old, now denied by r (name_not_allowed)");
    has(r->out, "GAINED  client alice, then denied by old, now allowed by r");
    has(r->out, "newcert dns c.acme.internal");
    log_free(&l);
}

static void test_replay_without_flips(void **state)
{
    (void)state;
    struct log l;
    WRITE(&l, replay_rows);
    const struct ran *r = run("policy replay " POLICY "--audit @", &l,
                              CLIENTS RULE("r", "alice", "a.acme.internal, c.acme.internal"));
    exits(r, 0);
    has_not(r->out, "LOST");
    r = run("policy replay " POLICY "--audit @ --since 2026-07-22T16:02:00Z --until "
            "2026-07-22T16:03:00Z",
            &l, CLIENTS RULE("r", "alice", "x.acme.internal"));
    exits(r, 0);
    has(r->out, "1 decision from 2026-07-22T16:02:00Z");
    log_free(&l);
}

static void test_replay_json(void **state)
{
    (void)state;
    struct log l;
    WRITE(&l, replay_rows);
    const struct ran *r = run("policy replay " POLICY "--audit @ --json", &l,
                              CLIENTS RULE("r", "alice", "a.acme.internal, b.acme.internal"));
    exits(r, 1);
    has(r->out, "\"decisions\":4,\"same\":1,\"lost\":1,\"gained\":1,\"unclear\":0,"
                "\"not_redecided\":1,\"flips\":[{\"now\":\"deny\",\"client\":\"alice\"");
    has(r->out, "\"reason\":\"name_not_allowed\",\"count\":1,\"first\":\"2026-07-22T16:03:00Z\"");
    has(r->out, "\"principal\":\"alice\",\"detail\":\"newcert dns c.acme.internal");
    has(r->out, "],\"flips_left_out\":0}\n");
    log_free(&l);
}

static void test_replay_cannot(void **state)
{
    (void)state;
    static const struct {
        const char *line, *policy, *says;
    } cases[] = {
        {"policy replay " POLICY "--audit .build/no-such-log",
         CLIENTS RULE("r", "alice", "a.acme.internal"), ".build/no-such-log"},
        {"policy replay " POLICY "--audit @", "version: 1\nrules: []\n", "test-policy.yaml:"},
        {"policy replay " POLICY, CLIENTS RULE("r", "alice", "a.acme.internal"), "--audit DIR"},
        {"policy replay " POLICY "--audit @ --since yesterday",
         CLIENTS RULE("r", "alice", "a.acme.internal"), "--since: \"yesterday\" is no time"},
        {"policy replay " POLICY "--audit @ --since 2026-01-02 --until 2026-01-01",
         CLIENTS RULE("r", "alice", "a.acme.internal"), "--until must be later"},
        {"policy suggest --audit @", "", "client"},
        {"policy suggest --client x --audit @ --denied --all", "", "only one of"},
        {"policy suggest --client x --audit .build/no-such-log", "", ".build/no-such-log"},
        {"policy unused " POLICY "--audit @ --days 0",
         CLIENTS RULE("r", "alice", "a.acme.internal"), "--days: \"0\""},
        {"policy unused " POLICY "--audit .build/no-such-log",
         CLIENTS RULE("r", "alice", "a.acme.internal"), ".build/no-such-log"},
    };
    struct log l;
    WRITE(&l, replay_rows);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ran *r = run(cases[i].line, &l, cases[i].policy);
        exits(r, 2);
        assert_string_equal(r->out, "");
        has(r->err, cases[i].says);
    }
    log_free(&l);
}

static void test_replay_of_a_damaged_log(void **state)
{
    (void)state;
    struct log l;
    char path[300];
    WRITE(&l, replay_rows);
    log_next_segment(&l, 10);
    (void)snprintf(path, sizeof(path), "%s/seg/00000002.jsonl", l.dir);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -20, SEEK_END), 0);
    assert_int_equal(fputc('#', f), '#');
    assert_int_equal(fclose(f), 0);
    const struct ran *r =
        run("policy replay " POLICY "--audit @", &l, CLIENTS RULE("r", "alice", "a.acme.internal"));
    exits(r, 2);
    assert_string_equal(r->out, "");
    /* Between rows the clock is set on, and the log says so. */
    has(r->err, "seg/00000002.jsonl: record 11: damaged");
    log_free(&l);
}

/* ---- suggest ---- */

/* covers_all - the log, decided again by what was suggested: nothing is denied to alice. */
static void covers_all(const struct log *l, const char *clients, const char *suggested)
{
    char text[1 << 16];
    struct history_replay r;
    struct cb_err err;
    (void)snprintf(text, sizeof(text), "%sclients:\n%s", suggested, clients);
    struct policy *policy = load_policy(text);
    assert_int_equal(history_replay(policy, l->dir, &everything, &r, &err), CB_OK);
    for (size_t i = 0; i < r.num_flips; i++) {
        if (!r.flips[i].now_allowed && strcmp(r.flips[i].client, "alice") == 0) {
            fail_msg("%s\nby:\n%s", r.flips[i].examples[0].detail, suggested);
        }
    }
    history_replay_free(&r);
    policy_free(policy);
}

#define ALICE_CLIENT "  alice: {auth: [{mtls: {uri: \"spiffe://acme.internal/sa/alice\"}}]}\n"
#define BOB_CLIENT "  bob: {auth: [{mtls: {uri: \"spiffe://acme.internal/sa/bob\"}}]}\n"

static const struct row suggest_rows[] = {
    {.minute = 1, GRANT, ALICE, ASK("a.acme.internal"), .cn = "a.acme.internal"},
    {.minute = 2,
     GRANT,
     ALICE,
     ASK("a.acme.internal *.b.acme.internal"),
     .subject = "C=NL OU=x OU=y"},
    {.minute = 3, DENY, ALICE, ASK("c.acme.internal"), .ip = "10.0.0.1 2001:db8::1"},
    {.minute = 4,
     GRANT,
     ALICE,
     .action = "newcert",
     .uri = "spiffe://acme.internal/x",
     .email = "ops@acme.example",
     .key = "rsa-3072",
     .profile = "peer",
     .subject = "C=NL"},
    {.minute = 5, .type = AUDIT_REVOKE_ATTEMPT, ALICE, .action = "revoke", .cert_owner = "alice"},
    {.minute = 6, .type = AUDIT_INFO_OK, ALICE, .action = "info", .profile = "ocsp"},
    {.minute = 7,
     .type = AUDIT_REVOKE_ATTEMPT,
     ALICE,
     .action = "revoke",
     .dns = "d.acme.internal",
     .cert_owner = "bob"},
    {.minute = 8, .type = AUDIT_AUTHZ_DENY, ALICE, .action = "revoke", .reason = "unknown_cert"},
    {.minute = 9,
     .type = AUDIT_AUTHZ_DENY,
     ALICE,
     ASK("never.acme.internal"),
     .reason = "deny_rule"},
    {.minute = 10, GRANT, .who = "bob", .via = "bearer", ASK("bob.acme.internal")},
};

static void test_suggest(void **state)
{
    (void)state;
    struct log l;
    WRITE(&l, suggest_rows);
    const struct ran *r = run("policy suggest --client alice --audit @ --all", &l, "");
    exits(r, 0);
    assert_string_equal(r->err, "");
    has(r->out, "# What 7 requests of alice need, 1 of them denied.");
    has(r->out, "# Not covered, 1 time: what a deny rule refused.");
    has(r->out, "# Not covered, 1 time: revoking certificates not issued here");
    has(r->out, "  - id: alice-seen\n");
    has(r->out, "    actions: [newcert, revoke, info] # newcert 4, revoke 1, info 1\n");
    has(r->out, "        - \"a.acme.internal\" # 2 times, 2026-07-22\n");
    has(r->out, "        - \"c.acme.internal\" # 1 time, 2026-07-22, denied\n");
    has(r->out, "        - \"2001:db8::1\"");
    has(r->out, "    wildcards: true");
    has(r->out, "    no_names: true");
    has(r->out, "    common_name: in_names\n");
    has(r->out, "      C: { values: [\"NL\"] }\n");
    has(r->out, "      OU: { values: [\"x\", \"y\"], max: 2 }\n");
    has(r->out, "    keys: { ecdsa: [256], rsa: [3072] }\n");
    has(r->out, "    profiles: [\"ocsp\", \"peer\", \"server\"]\n");
    has(r->out, "    max_names: 3\n");
    has(r->out, "    max_validity: 24h # no certificate was issued: choose one\n");
    has(r->out, "  - id: alice-seen-revoke\n");
    has(r->out, "    revoke: names");
    has_not(r->out, "bob");
    has_not(r->out, "never");
    covers_all(&l, ALICE_CLIENT "  bob: {auth: [{mtls: {cn: bob}}]}\n", r->out);
    log_free(&l);
}

static void test_suggest_some(void **state)
{
    (void)state;
    struct log l;
    WRITE(&l, suggest_rows);
    const struct ran *r = run("policy suggest --client alice --audit @ --denied", &l, "");
    exits(r, 0);
    has(r->out, "\"c.acme.internal\"");
    has_not(r->out, "\"a.acme.internal\"");
    has(r->out, "    common_name: absent\n");
    has_not(r->out, "subject");
    r = run("policy suggest --client alice --audit @", &l, "");
    exits(r, 0);
    has_not(r->out, "c.acme.internal");
    has_not(r->out, "denied");
    r = run("policy suggest --client alice --audit @ --since 2026-07-22T16:01:00Z --until "
            "2026-07-22T16:02:00Z",
            &l, "");
    exits(r, 0);
    has(r->out, "# What 1 request of alice needs.");
    r = run("policy suggest --client nobody --audit @", &l, "");
    exits(r, 1);
    assert_string_equal(r->out, "");
    has(r->err, "no granted requests of nobody were seen");
    log_free(&l);
}

/* Ids of rules that the policy has are not suggested again. */
static void test_suggest_beside_a_policy(void **state)
{
    (void)state;
    struct log l;
    WRITE(&l, suggest_rows);
    const struct ran *r = run("policy suggest --client alice --audit @ " POLICY, &l,
                              CLIENTS RULE("alice-seen", "alice", "a.acme.internal")
                                  RULE("alice-seen-2", "alice", "a.acme.internal"));
    exits(r, 0);
    has(r->out, "  - id: alice-seen-3\n");
    log_free(&l);
}

/* What a policy asks of its rules is asked of a suggested one; whom it does not know is left out. */
static void test_suggest_by_the_settings(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.minute = 1, GRANT, ALICE, ASK("bob.acme.internal"), .behalf = "evil"},
        {.minute = 2, GRANT, ALICE, ASK("a.acme.internal")},
    };
    static const char settings[] =
        CLIENTS "  - {id: r, clients: [alice], actions: [revoke], owner: o, until: 2030-01-01}\n"
                "settings: {require: [owner, until]}\n"
                "scope: {dns: [\"**.acme.internal\"]}\n";
    struct log l;
    WRITE(&l, rows);
    const struct ran *r = run("policy suggest --client alice --audit @ " POLICY, &l, settings);
    exits(r, 0);
    has(r->out, "    owner: \"fill in: who answers for it\"\n    until: 20");
    has(r->out, "# Not covered, 1 time: asked for somebody whom the policy does not know.\n");
    has(r->out, "#   test-policy.yaml: dns \"**.acme.internal\"\n");
    has_not(r->out, "evil");
    r = run("policy suggest --client alcie --audit @ " POLICY, &l, settings);
    exits(r, 1);
    assert_string_equal(r->out, "");
    has(r->err, "there is no client \"alcie\": did you mean \"alice\"?");
    log_free(&l);
}

static void test_suggest_common_names(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.minute = 1, GRANT, ALICE, ASK("a.acme.internal"), .cn = "a.acme.internal"},
        {.minute = 2, GRANT, ALICE, ASK("a.acme.internal"), .cn = "Fleet \"7\" \\ x"},
        {.minute = 3, GRANT, ALICE, ASK("a.acme.internal"), .subject = "O=ACME"},
    };
    static const struct row wide[] = {
        {.minute = 4, GRANT, ALICE, ASK("a.acme.internal"), .cn = "**.acme.internal"},
        {.minute = 5, GRANT, ALICE, ASK("a.acme.internal"), .cn = "robot"},
    };
    struct log l;
    WRITE(&l, wide); /* what is no pattern in a request must not become one in a rule */
    const struct ran *r = run("policy suggest --client alice --audit @", &l, "");
    exits(r, 0);
    has(r->out, "# left out: common name \"**.acme.internal\"");
    has(r->out, "      - \"robot\" # 1 time");
    log_free(&l);
    WRITE(&l, rows);
    r = run("policy suggest --client alice --audit @", &l, "");
    exits(r, 0);
    has(r->out, "      - \"Fleet \\\"7\\\" \\\\ x\" # 1 time");
    has(r->out, "      - \"a.acme.internal\" # 1 time");
    covers_all(&l, ALICE_CLIENT, r->out);
    log_free(&l);
}

static void test_suggest_patterns(void **state)
{
    (void)state;
    struct log l;
    log_new(&l);
    for (int i = 0; i < 6; i++) {
        char dns[100];
        char ip[40];
        char uri[100];
        (void)snprintf(dns, sizeof(dns), "w%d.pods.acme.internal n%d.internal", i, i);
        (void)snprintf(ip, sizeof(ip), "10.1.2.%d 10.9.%d.1", i, i);
        (void)snprintf(uri, sizeof(uri), "spiffe://acme.internal/ns/x/sa/s%d", i);
        log_add(&l, &(struct row){.minute = i, GRANT, ALICE, ASK(dns), .ip = ip, .uri = uri});
    }
    const struct ran *r = run("policy suggest --client alice --audit @", &l, "");
    exits(r, 0);
    has(r->out, "\"w3.pods.acme.internal\"");
    has_not(r->out, "\"*.pods");
    r = run("policy suggest --client alice --audit @ --patterns", &l, "");
    exits(r, 0);
    has(r->out, "        # wider than what was seen: for 6 names, w0.pods.acme.internal, "
                "w1.pods.acme.internal, w2.pods.acme.internal, ...\n"
                "        - \"*.pods.acme.internal\" # 6 times");
    has(r->out, "- \"10.1.2.0/24\" # 6 times");
    has(r->out, "- \"10.9.3.1\" # 1 time");
    has(r->out, "- \"spiffe://acme.internal/ns/x/sa/*\" # 6 times");
    has_not(r->out, "w3.pods");
    has(r->out, "- \"n3.internal\" # 1 time"); /* *.internal would be a public suffix */
    covers_all(&l, ALICE_CLIENT, r->out);
    log_free(&l);
}

static void test_suggest_for_others(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.minute = 1, GRANT, ALICE, ASK("bob.acme.internal"), .behalf = "bob"},
        {.minute = 2, GRANT, ALICE, ASK("a.acme.internal")},
    };
    struct log l;
    WRITE(&l, rows);
    const struct ran *r = run("policy suggest --client alice --audit @", &l, "");
    exits(r, 0);
    has(r->out, "  - id: alice-seen-for-others\n");
    has(r->out, "    delegate: { for: [\"bob\"] }\n");
    r = run("policy suggest --client bob --audit @", &l, "");
    exits(r, 0);
    has(r->out, "  - id: bob-seen\n");
    has(r->out, "\"bob.acme.internal\"");
    has_not(r->out, "delegate");
    has_not(r->out, "a.acme.internal\"\n");
    log_free(&l);
}

/* ---- unused ---- */

static void test_unused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.minute = 1, GRANT, ALICE, ASK("a.acme.internal")},
    };
    struct log l;
    WRITE(&l, rows);
    const struct ran *r =
        run("policy unused " POLICY "--audit @ --days 36500", &l,
            CLIENTS RULE("r", "alice", "a.acme.internal") RULE("idle", "bob", "b.acme.internal"));
    exits(r, 1);
    has(r->out, "idle");
    has(r->out, "bob");
    has(r->err, "1 request looked at, the first from 2026-07-22T16:01:00Z");
    log_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_replay_without_flips),
        cmocka_unit_test(test_replay_json),
        cmocka_unit_test(test_replay_cannot),
        cmocka_unit_test(test_replay_of_a_damaged_log),
        cmocka_unit_test(test_suggest),
        cmocka_unit_test(test_suggest_some),
        cmocka_unit_test(test_suggest_beside_a_policy),
        cmocka_unit_test(test_suggest_by_the_settings),
        cmocka_unit_test(test_suggest_common_names),
        cmocka_unit_test(test_suggest_patterns),
        cmocka_unit_test(test_suggest_for_others),
        cmocka_unit_test(test_unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
