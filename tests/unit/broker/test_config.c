/* test_config.c - certbroker.yaml: what is read, and what an admin is told about a mistake. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "broker/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = P_tmpdir "/certbroker-config-XXXXXX";

static const char good[] = "version: 1\n"
                           "listen: [ { tls: \"127.0.0.1:0\" } ]\n"
                           "tls: { certificate: server.pem, key: /keys/server.key }\n"
                           "policy: policy.yaml\n"
                           "audit: { directory: audit, segment_size: 2MiB, key: a.key }\n"
                           "index: issued.sqlite\n"
                           "ca:\n"
                           "  upstreams: [ { url: \"https://ca.acme.internal:8888\" } ]\n"
                           "  issuer: issuer.pem\n"
                           "  timeout: 1500ms\n"
                           "  aki: empty\n"
                           "  profiles: { server: { usages: [signing, server auth] } }\n";

static int set_up(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd >= 0 && close(fd) == 0 ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

/* load - what comes of this text; the complaints, without the path, go to said. */
static struct config *load(const char *text, char *said, size_t size)
{
    struct config *config = NULL;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    struct diag_list *diags = diag_new();
    assert_non_null(diags);
    if (config_load(path, diags, &config) != CB_OK) {
        config = NULL;
    }
    FILE *out = fmemopen(said, size, "w");
    assert_non_null(out);
    diag_print(diags, out);
    (void)fclose(out);
    diag_free(diags);
    return config;
}

static void test_good(void **state)
{
    (void)state;
    char said[4096] = "";
    struct config *c = load(good, said, sizeof(said));
    assert_string_equal(said, "");
    assert_non_null(c);
    assert_int_equal(c->num_listen, 1);
    assert_true(c->listen[0].is_tls);
    assert_string_equal(c->tls.certificate, P_tmpdir "/server.pem"); /* beside the file */
    assert_string_equal(c->tls.key, "/keys/server.key");
    assert_int_equal(c->audit_segment_bytes, 2 << 20);
    assert_string_equal(c->audit_key, P_tmpdir "/a.key");
    assert_int_equal(c->audit_key_place.line, 5);
    assert_true(c->audit_archive_after_ms == UINT64_C(7) * 86400000);
    assert_null(c->audit_archive_to);
    assert_int_equal(c->ca.timeout_ms, 1500);
    assert_int_equal(c->ca.num_upstreams, 1);
    assert_int_equal(c->request.aki_mode, AKI_EMPTY);
    assert_int_equal(c->request.num_profiles, 1);
    assert_true(c->request.revoke_undelivered);
    assert_null(c->operations);
    assert_null(c->control);
    assert_false(c->reload.require_tests);
    assert_int_equal(c->reload.guard_window_s, 24 * 3600);
    assert_int_equal(c->reload.max_dropped_percent, 20);
    config_free(c);
}

/* Each replaces a piece of the good file, and must be told of in these words. */
static const struct {
    const char *what, *with, *told;
} mistakes[] = {
    {"version: 1\n", "version: 2\n", ":1:10: error: version"},
    {"version: 1\n", "", "error: version is missing: the first line should be \"version: 1\""},
    {"listen: [ { tls: \"127.0.0.1:0\" } ]", "listen: []",
     ":2:9: error: listen must be a list of listeners"},
    {"{ tls: \"127.0.0.1:0\" }", "{ plain: \"0.0.0.0:80\" }",
     ":2:20: error: plain HTTP carries private keys unencrypted"},
    {"{ tls: \"127.0.0.1:0\" }", "{ tsl: \"127.0.0.1:0\" }", "did you mean \"tls\"?"},
    {"tls: { certificate: server.pem, key: /keys/server.key }\n", "",
     "error: listen has a tls address, so tls.certificate and tls.key must be set"},
    {"certificate: server.pem, ", "", "error: tls.certificate is missing"},
    {"audit: { directory: audit, segment_size: 2MiB, key: a.key }\n", "",
     "error: audit is missing: it names the directory of the audit log and its key"},
    {", key: a.key", "", ":5:8: error: audit.key is missing: it names the file of the key"},
    {"2MiB", "2MB", ":5:42: error: audit.segment_size"},
    {", key: a.key", ", key: a.key, archive_after: 7", ":5:75: error: audit.archive_after"},
    {", key: a.key", ", key: a.key, archive_after: sometimes", ":5:75: error: audit.archive_after"},
    {", key: a.key", ", key: a.key, archive_to: []", "error: audit.archive_to"},
    {"https://ca.acme.internal:8888", "http://ca.acme.internal:8888",
     ":8:23: error: this CA is reached over plain http"},
    {"https://ca.acme.internal:8888", "ca.acme.internal:8888",
     "error: a CA's url begins with https://"},
    {"https://ca.acme.internal:8888", "https://ca.acme.internal:8888/api",
     "error: a CA's url is scheme, host and port only"},
    {"aki: empty", "aki: none", ":11:8: error: ca.aki"},
    {"1500ms", "1500", ":10:12: error: ca.timeout"},
    {"server auth", "server-auth", "\"server-auth\" is not a usage: did you mean \"server auth\"?"},
    {"  profiles: { server: { usages: [signing, server auth] } }\n", "",
     "error: ca.profiles must name the CA's profiles and their usages"},
    {"index: issued.sqlite\n", "index: \"\"\n", ":6:8: error: index is empty"},
    {"index: issued.sqlite\n",
     "index: i\ncontrol: /run/"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxx"
     "xxxxxxxxxxxx\n",
     ":7:10: error: control: the path of a socket has at most 107 bytes, this one has 113"},
    {"index: issued.sqlite\n", "index: i\nreload: { guard: { window: 10 } }\n",
     ":7:28: error: reload.guard.window must be a duration"},
    {"index: issued.sqlite\n", "index: i\nreload: { guard: { max_dropped_rules: 101 } }\n",
     ":7:39: error: reload.guard.max_dropped_rules (percent)"},
    {"index: issued.sqlite\n", "index: i\nreload: { guard: { windows: 1h } }\n",
     "did you mean \"window\"?"},
    {"index: issued.sqlite\n", "index: i\nreload: { require_tests: 1 }\n",
     ":7:26: error: reload.require_tests"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        char text[2048];
        char said[4096] = "";
        const char *at = strstr(good, mistakes[i].what);
        assert_non_null(at);
        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, mistakes[i].with,
                       at + strlen(mistakes[i].what));
        struct config *c = load(text, said, sizeof(said));
        if (c != NULL || strstr(said, mistakes[i].told) == NULL) {
            fail_msg("case %zu: expected \"%s\" in:\n%s", i, mistakes[i].told, said);
        }
    }
}

/* One wrong key hides nothing else. */
static void test_all_at_once(void **state)
{
    (void)state;
    char said[4096] = "";
    struct config *c = load("version: 1\nsurprise: 1\nlisten: []\npolicy: \"\"\n"
                            "ca: { aki: x, nonsense: 1 }\n",
                            said, sizeof(said));
    assert_null(c);
    static const char *const all[] = {
        "surprise",     "listen must",      "policy is empty",  "ca.aki",
        "nonsense",     "audit is missing", "index is missing", "ca.issuer is missing",
        "ca.upstreams", "ca.profiles"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strstr(said, all[i]) == NULL) {
            fail_msg("\"%s\" is missing in:\n%s", all[i], said);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_all_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
