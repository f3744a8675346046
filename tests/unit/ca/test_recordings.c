/* test_recordings.c - every recorded answer of two real CFSSL builds, sorted; and the certificates
 * among them held against what was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ca/answer.h"
#include "broker/ca/check.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLDER "tests/data/recordings/"

enum want {
    DONE = CA_DONE,
    REFUSED = CA_REFUSED,
    TEMPORARY = CA_TEMPORARY,
    NOT_FOUND = CA_NOT_FOUND,
    GARBLED = CA_GARBLED,
    ABSENT, /* not recorded with this build */
};

static const struct {
    const char *name; /* begins with the endpoint's word */
    struct {
        enum want verdict;
        uint64_t code;
    } build[2]; /* old, new */
} rows[] = {
#define BOTH(name, verdict, code)                                                                  \
    {                                                                                              \
        name,                                                                                      \
        {                                                                                          \
            {verdict, code},                                                                       \
            {                                                                                      \
                verdict, code                                                                      \
            }                                                                                      \
        }                                                                                          \
    }
#define EACH(name, old, old_code, new, new_code)                                                   \
    {                                                                                              \
        name,                                                                                      \
        {                                                                                          \
            {old, old_code},                                                                       \
            {                                                                                      \
                new, new_code                                                                      \
            }                                                                                      \
        }                                                                                          \
    }
    EACH("health", REFUSED, 404, DONE, 0),
    EACH("health_post", REFUSED, 404, REFUSED, 405),
    BOTH("info_empty", REFUSED, 400),
    BOTH("info_get", REFUSED, 405),
    BOTH("info_label", DONE, 0),
    BOTH("info_ok", DONE, 0),
    BOTH("info_profile", DONE, 0),
    BOTH("info_profile_unknown", DONE, 0),
    BOTH("newcert_array_body", REFUSED, 400),
    EACH("newcert_bundle_fails_after_issue", ABSENT, 0, GARBLED, 1220),
    BOTH("newcert_bundle_true", DONE, 0),
    BOTH("newcert_bundle_with_bundler", DONE, 0),
    BOTH("newcert_ca_empty", REFUSED, 400),
    BOTH("newcert_ca_null", DONE, 0),
    BOTH("newcert_ca_section", REFUSED, 400),
    BOTH("newcert_cn_number", REFUSED, 400),
    BOTH("newcert_ct_form", DONE, 0),
    BOTH("newcert_db_locked", TEMPORARY, 11000),
    BOTH("newcert_db_no_table", TEMPORARY, 11000),
    BOTH("newcert_dblslash", GARBLED, 0),
    BOTH("newcert_dotdot", GARBLED, 0),
    BOTH("newcert_empty_body", REFUSED, 400),
    BOTH("newcert_empty_obj", DONE, 0),
    BOTH("newcert_empty_request_obj", DONE, 0),
    BOTH("newcert_get", REFUSED, 405),
    BOTH("newcert_hosts_null_elem", DONE, 0),
    BOTH("newcert_hosts_number", REFUSED, 400),
    BOTH("newcert_hosts_string", REFUSED, 400),
    BOTH("newcert_key_RSA_upper", REFUSED, 2400),
    BOTH("newcert_key_badalgo", REFUSED, 2400),
    BOTH("newcert_key_ecdsa224", REFUSED, 2400),
    BOTH("newcert_key_ecdsa_nosize", DONE, 0),
    EACH("newcert_key_ed25519", REFUSED, 2400, DONE, 0),
    BOTH("newcert_key_null", DONE, 0),
    BOTH("newcert_key_rsa1024", REFUSED, 2400),
    BOTH("newcert_key_rsa8193", REFUSED, 2400),
    BOTH("newcert_key_rsa_nosize", REFUSED, 2400),
    BOTH("newcert_key_size_exp", REFUSED, 400),
    BOTH("newcert_key_size_float", REFUSED, 400),
    BOTH("newcert_key_size_huge", REFUSED, 400),
    BOTH("newcert_key_size_string", REFUSED, 400),
    BOTH("newcert_label", DONE, 0),
    BOTH("newcert_no_hosts", DONE, 0),
    BOTH("newcert_no_profile", DONE, 0),
    BOTH("newcert_not_json", REFUSED, 400),
    BOTH("newcert_null_body", DONE, 0),
    BOTH("newcert_null_request", REFUSED, 400),
    BOTH("newcert_ok", DONE, 0),
    BOTH("newcert_pct", DONE, 0),
    BOTH("newcert_peer_authkey_profile", DONE, 0),
    BOTH("newcert_profile_clientserial", REFUSED, 1400),
    BOTH("newcert_profile_intermediate", DONE, 0),
    BOTH("newcert_profile_namewl_bad", REFUSED, 5500),
    BOTH("newcert_profile_namewl_ok", DONE, 0),
    BOTH("newcert_put", REFUSED, 405),
    BOTH("newcert_query", DONE, 0),
    BOTH("newcert_rsa2048", DONE, 0),
    BOTH("newcert_string_body", REFUSED, 400),
    BOTH("newcert_trailing_data", REFUSED, 400),
    BOTH("newcert_trailing_slash", REFUSED, 404),
    BOTH("newcert_trailing_ws", DONE, 0),
    BOTH("newcert_truncated", REFUSED, 400),
    BOTH("newcert_unknown_profile", DONE, 0),
    BOTH("newcert_upper", REFUSED, 404),
    BOTH("revoke_again_no_reason", DONE, 0),
    BOTH("revoke_again_other_reason", DONE, 0),
    BOTH("revoke_aki_colons", NOT_FOUND, 11200),
    EACH("revoke_aki_empty", DONE, 0, NOT_FOUND, 11200),
    EACH("revoke_aki_hex_lower", NOT_FOUND, 11200, DONE, 0),
    BOTH("revoke_aki_hex_upper", NOT_FOUND, 11200),
    EACH("revoke_aki_null", DONE, 0, NOT_FOUND, 11200),
    BOTH("revoke_aki_wrong", NOT_FOUND, 11200),
    BOTH("revoke_array", REFUSED, 400),
    BOTH("revoke_bad_json", REFUSED, 400),
    BOTH("revoke_db_locked", TEMPORARY, 11000),
    BOTH("revoke_db_no_table", TEMPORARY, 11000),
    BOTH("revoke_dup_serial", DONE, 0),
    BOTH("revoke_empty_obj", REFUSED, 400),
    BOTH("revoke_fold_serial", DONE, 0),
    BOTH("revoke_get", REFUSED, 405),
    EACH("revoke_no_aki_member", DONE, 0, NOT_FOUND, 11200),
    BOTH("revoke_not_found", NOT_FOUND, 11200),
    BOTH("revoke_ok", DONE, 0),
    BOTH("revoke_reason_+1", DONE, 0),
    BOTH("revoke_reason_-1", REFUSED, 400),
    BOTH("revoke_reason_0", REFUSED, 400),
    BOTH("revoke_reason_01", DONE, 0),
    BOTH("revoke_reason_1.0", REFUSED, 400),
    BOTH("revoke_reason_1", DONE, 0),
    BOTH("revoke_reason_10", REFUSED, 400),
    BOTH("revoke_reason_11", REFUSED, 400),
    BOTH("revoke_reason_4", DONE, 0),
    BOTH("revoke_reason_6", DONE, 0),
    BOTH("revoke_reason_7", DONE, 0),
    BOTH("revoke_reason_8", DONE, 0),
    BOTH("revoke_reason_9", DONE, 0),
    BOTH("revoke_reason_KEYCOMPROMISE", DONE, 0),
    BOTH("revoke_reason__1", REFUSED, 400),
    BOTH("revoke_reason_aACompromise", DONE, 0),
    BOTH("revoke_reason_affiliationChanged", DONE, 0),
    BOTH("revoke_reason_cACompromise", DONE, 0),
    BOTH("revoke_reason_certificateHold", DONE, 0),
    BOTH("revoke_reason_cessationOfOperation", DONE, 0),
    BOTH("revoke_reason_emptystring", DONE, 0),
    BOTH("revoke_reason_keyCompromise", DONE, 0),
    BOTH("revoke_reason_key_compromise", REFUSED, 400),
    BOTH("revoke_reason_null", DONE, 0),
    BOTH("revoke_reason_number", REFUSED, 400),
    BOTH("revoke_reason_privilegeWithdrawn", DONE, 0),
    BOTH("revoke_reason_removeFromCRL", DONE, 0),
    BOTH("revoke_reason_superseded", DONE, 0),
    BOTH("revoke_reason_unspecified", DONE, 0),
    BOTH("revoke_serial_empty", REFUSED, 400),
    BOTH("revoke_serial_hex", NOT_FOUND, 11200),
    BOTH("revoke_serial_hex_colons", NOT_FOUND, 11200),
    BOTH("revoke_serial_leading_zero", NOT_FOUND, 11200),
    BOTH("revoke_serial_missing", REFUSED, 400),
    BOTH("revoke_serial_nul", NOT_FOUND, 11200),
    BOTH("revoke_serial_number_type", REFUSED, 400),
    BOTH("revoke_serial_percent", NOT_FOUND, 11200),
    BOTH("revoke_serial_space", NOT_FOUND, 11200),
    BOTH("revoke_serial_sqli", NOT_FOUND, 11200),
};
#define NUM_ROWS (sizeof(rows) / sizeof(rows[0]))
static const char *const builds[2] = {"old", "new"};

static cJSON *read_recording(const char *build, const char *name)
{
    static char text[65536];
    char path[300];
    (void)snprintf(path, sizeof(path), FOLDER "%s/%s.json", build, name);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return NULL;
    }
    const size_t len = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f);
    cJSON *root = cJSON_ParseWithLength(text, len);
    assert_non_null(root);
    return root;
}

static enum ca_endpoint endpoint_of(const char *name)
{
    const struct slice s = slice_of(name);
    return slice_has_prefix(s, SLICE("newcert"))  ? CA_NEWCERT
           : slice_has_prefix(s, SLICE("revoke")) ? CA_REVOKE
           : slice_has_prefix(s, SLICE("info"))   ? CA_INFO
                                                  : CA_HEALTH;
}

/* answer_of - what ca_answer_read makes of a recording; false if there is none. */
static bool answer_of(const char *build, const char *name, struct arena *arena,
                      struct ca_answer *ret)
{
    cJSON *root = read_recording(build, name);
    if (root == NULL) {
        return false;
    }
    const cJSON *response = cJSON_GetObjectItemCaseSensitive(root, "response");
    const int status = cJSON_GetObjectItemCaseSensitive(root, "status")->valueint;
    char *text =
        cJSON_IsString(response) ? strdup(response->valuestring) : cJSON_PrintUnformatted(response);
    ca_answer_read(endpoint_of(name), status, slice_of(text), arena, ret);
    free(text);
    cJSON_Delete(root);
    return true;
}

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_ROWS; i++) {
        for (size_t b = 0; b < 2; b++) {
            struct arena arena;
            struct ca_answer got;
            arena_init_secret(&arena, 200000);
            const bool there = answer_of(builds[b], rows[i].name, &arena, &got);
            if (there != (rows[i].build[b].verdict != ABSENT) ||
                (there && ((int)got.verdict != (int)rows[i].build[b].verdict ||
                           got.code != rows[i].build[b].code))) {
                fail_msg("%s/%s: verdict %d code %d", builds[b], rows[i].name, (int)got.verdict,
                         (int)got.code);
            }
            arena_free(&arena);
        }
    }
}

/* No recording is forgotten in the table. */
static void test_all_listed(void **state)
{
    (void)state;
    for (size_t b = 0; b < 2; b++) {
        char path[100];
        size_t listed = 0;
        size_t files = 0;
        for (size_t i = 0; i < NUM_ROWS; i++) {
            listed += rows[i].build[b].verdict != ABSENT;
        }
        (void)snprintf(path, sizeof(path), FOLDER "%s", builds[b]);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
            files += slice_has_suffix(slice_of(e->d_name), SLICE(".json"));
        }
        (void)closedir(dir);
        assert_int_equal(files, listed);
    }
}

static void test_info(void **state)
{
    (void)state;
    for (size_t b = 0; b < 2; b++) {
        struct arena arena;
        struct ca_answer got;
        arena_init(&arena, 200000);
        assert_true(answer_of(builds[b], "info_ok", &arena, &got));
        assert_int_equal(got.num_usages, 3);
        assert_true(slice_eq_str(got.usages[0], "signing"));
        assert_true(slice_eq_str(got.usages[1], "key encipherment"));
        assert_true(slice_eq_str(got.usages[2], "server auth"));
        assert_true(slice_eq_str(got.expiry, "720h"));
        assert_true(slice_has_prefix(got.info_certificate, SLICE("-----BEGIN CERTIFICATE-----\n")));
        arena_free(&arena);
    }
}

/* ---- the certificates ---- */

#define BIT(field) (1U << (field))

/* Each was answered to a request that asked for less than this, or more, or something else: all
 * are held against CN and host ms1.acme.internal, O=ACME, ECDSA 256, the server profile. */
static const struct {
    const char *build, *name;
    unsigned differs;
} certificates[] = {
    {"old", "newcert_ok", 0},
    {"new", "newcert_ok", 0},
    {"old", "newcert_ct_form", 0},
    {"new", "newcert_ct_form", 0},
    {"new", "newcert_bundle_true", 0},
    {"new", "newcert_rsa2048", BIT(FIELD_KEY)},
    {"old", "newcert_rsa2048", BIT(FIELD_KEY)},
    {"new", "newcert_hosts_null_elem", BIT(FIELD_NAMES)},
    {"new", "newcert_key_ed25519", BIT(FIELD_KEY)},
    {"new", "newcert_no_hosts", BIT(FIELD_NAMES) | BIT(FIELD_COMMON_NAME) | BIT(FIELD_SUBJECT)},
    {"new", "newcert_empty_obj", BIT(FIELD_NAMES) | BIT(FIELD_COMMON_NAME) | BIT(FIELD_SUBJECT)},
    {"new", "newcert_profile_intermediate",
     BIT(FIELD_CA) | BIT(FIELD_NAMES) | BIT(FIELD_KEY_USAGE) | BIT(FIELD_EXT_KEY_USAGE) |
         BIT(FIELD_VALIDITY)},
};

static struct ca_issuer *load_issuer(const char *build)
{
    struct arena arena;
    struct ca_answer info;
    struct ca_issuer *issuer = NULL;
    struct cb_err err = {0};
    char path[64] = "/tmp/certbroker-test-XXXXXX";
    arena_init(&arena, 200000);
    assert_true(answer_of(build, "info_ok", &arena, &info));
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, info.info_certificate.ptr, info.info_certificate.len),
                     (ssize_t)info.info_certificate.len);
    (void)close(fd);
    const enum cb_code code = ca_issuer_load(path, &issuer, &err);
    (void)unlink(path);
    arena_free(&arena);
    if (code != CB_OK) {
        fail_msg("%s", err.msg);
    }
    return issuer;
}

static void test_certificates(void **state)
{
    (void)state;
    static const struct subject_attr subject = {SUBJECT_O, {"ACME", 4}};
    struct cb_err err = {0};
    struct arena names;
    struct name name;
    arena_init(&names, 10000);
    assert_int_equal(name_parse(&names, SLICE("ms1.acme.internal"), &name, &err), CB_OK);
    const struct policy_ask ask = {.names = &name,
                                   .num_names = 1,
                                   .common_name = SLICE("ms1.acme.internal"),
                                   .subject = &subject,
                                   .num_subject = 1,
                                   .key_algo = KEY_ECDSA,
                                   .key_bits = 256,
                                   .profile = SLICE("server")};
    struct cert_expected expected = {.ask = &ask, .max_validity_s = 720 * 3600};
    (void)usage_add(&expected.usages, SLICE("signing"));
    (void)usage_add(&expected.usages, SLICE("key encipherment"));
    (void)usage_add(&expected.usages, SLICE("server auth"));
    for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
        struct arena arena;
        struct ca_answer got;
        struct cert_facts facts;
        struct ca_issuer *issuer = load_issuer(certificates[i].build);
        arena_init_secret(&arena, 400000);
        assert_true(answer_of(certificates[i].build, certificates[i].name, &arena, &got));
        expected.now_s = 1795279178; /* 2026-11-21T16:39:38Z, when they were made */
        (void)ca_check(issuer, got.certificate, got.private_key, &expected, &arena, &facts);
        if (facts.differs != certificates[i].differs) {
            fail_msg("%s/%s: %x", certificates[i].build, certificates[i].name, facts.differs);
        }
        arena_free(&arena);
        ca_issuer_free(issuer);
    }
    arena_free(&names);
}

int main(void)
{
    ca_answer_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_all_listed),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
