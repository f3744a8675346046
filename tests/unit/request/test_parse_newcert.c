/* test_parse_newcert.c - what newcert bodies become, or why they are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/buf.h"
#include "broker/request/parse.h"

#define ARENA_CAP (256U << 10)
#define HOST "\"hosts\":[\"a.example\"]"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, ARENA_CAP);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* describe - an ask as text: cn|names|key|profile|subject. */
static void describe(const struct policy_ask *ask, struct buf *out)
{
    static const char *const attr_words[] = {"C", "ST", "L", "O", "OU", "serialNumber"};
    buf_add_slice(out, ask->common_name.ptr == NULL ? SLICE("-") : ask->common_name);
    buf_add_char(out, '|');
    for (size_t i = 0; i < ask->num_names; i++) {
        buf_printf(out, "%s%s:", i == 0 ? "" : ",", name_kind_word(ask->names[i].kind));
        buf_add_slice(out, ask->names[i].text);
    }
    buf_printf(out, "|%s-%u|", ask->key_algo == KEY_RSA ? "rsa" : "ecdsa", ask->key_bits);
    buf_add_slice(out, ask->profile);
    buf_add_char(out, '|');
    for (size_t i = 0; i < ask->num_subject; i++) {
        buf_printf(out, "%s%s=", i == 0 ? "" : ",", attr_words[ask->subject[i].type]);
        buf_add_slice(out, ask->subject[i].value);
    }
    assert_true(buf_ok(out));
}

static void test_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"{\"request\":{}}", "-||ecdsa-256|default|"},
        {"{\"request\":{\"hosts\":[]},\"label\":\"\",\"bundle\":false,\"profile\":\"\"}",
         "-||ecdsa-256|default|"},
        {"{\"request\":{" HOST "},\"profile\":\"default\"}", "-|dns:a.example|ecdsa-256|default|"},
        {" {\n\t\"profile\" : \"server\" ,\r\n \"request\" : {" HOST "} } ",
         "-|dns:a.example|ecdsa-256|server|"},
        {"{\"request\":{\"CN\":\"\"," HOST ",\"names\":[],\"serialnumber\":\"\"}}",
         "-|dns:a.example|ecdsa-256|default|"},
        /* canonical forms, sorted, merged */
        {"{\"request\":{\"CN\":\"MS1.Example\",\"hosts\":[\"z.example\",\"MS1.example\",\"10.0.0."
         "5\","
         "\"::ffff:10.0.0.5\",\"ms1.example\",\"\\u0061.example\"]}}",
         "ms1.example|dns:a.example,dns:ms1.example,dns:z.example,ip:10.0.0.5|ecdsa-256|default|"},
        {"{\"request\":{\"CN\":\"FD00:0::1\"," HOST "}}",
         "fd00::1|dns:a.example|ecdsa-256|default|"},
        /* a CN that is no host name stays as it is */
        {"{\"request\":{\"CN\":\"Payments API (prod)\"," HOST "}}",
         "Payments API (prod)|dns:a.example|ecdsa-256|default|"},
        {"{\"request\":{\"CN\":\"Root@Example\"," HOST "}}",
         "Root@Example|dns:a.example|ecdsa-256|default|"},
        {"{\"request\":{\"CN\":\"J\\u00f8rgen\"," HOST "}}",
         "J\xc3\xb8rgen|dns:a.example|ecdsa-256|default|"},
        {"{\"request\":{\"CN\":\""
         "0123456789012345678901234567890123456789012345678901234567890-64"
         "\"," HOST "}}",
         "0123456789012345678901234567890123456789012345678901234567890-64"
         "|dns:a.example|ecdsa-256|default|"},
        /* what looks like a number inside a string is none */
        {"{\"request\":{\"CN\":\"a\\\"1.5e3\\\\\"," HOST
         ",\"key\":{\"algo\":\"ecdsa\",\"size\":384}}}",
         "a\"1.5e3\\|dns:a.example|ecdsa-384|default|"},
        /* keys */
        {"{\"request\":{" HOST ",\"key\":{\"algo\":\"ecdsa\",\"size\":521}}}",
         "-|dns:a.example|ecdsa-521|default|"},
        {"{\"request\":{" HOST ",\"key\":{\"size\":2048,\"algo\":\"rsa\"}}}",
         "-|dns:a.example|rsa-2048|default|"},
        {"{\"request\":{" HOST ",\"key\":{\"algo\":\"rsa\",\"size\":8192}}}",
         "-|dns:a.example|rsa-8192|default|"},
        /* subject: grouped by type, repeats in the order given, "" left out */
        {"{\"request\":{" HOST ",\"names\":[{\"O\":\"ACME Inc.\",\"C\":\"NL\",\"L\":\"Amsterdam\","
         "\"ST\":\"North-Holland\",\"OU\":\"\"}]}}",
         "-|dns:a.example|ecdsa-256|default|C=NL,ST=North-Holland,L=Amsterdam,O=ACME Inc."},
        {"{\"request\":{" HOST ",\"names\":[{\"OU\":\"b\"},{},{\"C\":\"NL\"},{\"OU\":\"a\"},"
         "{\"OU\":\"b\"}],\"serialnumber\":\"A-1 (x)\"}}",
         "-|dns:a.example|ecdsa-256|default|C=NL,OU=b,OU=a,OU=b,serialNumber=A-1 (x)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_ask ask;
        struct cb_err err = {.msg = ""};
        const enum cb_code code = parse_newcert(&arena, slice_of(cases[i].body), &ask, &err);
        if (code != CB_OK) {
            fail_msg("%s: %s", cases[i].body, err.msg);
        }
        assert_int_equal(ask.action, ACTION_NEWCERT);
        struct buf got;
        buf_init(&got, 4096);
        describe(&ask, &got);
        assert_string_equal(got.data, cases[i].want);
        buf_free(&got);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *message; /* a part of it */
    } cases[] = {
        {"", "JSON"},
        {"null", "the body: must be an object"},
        {"[]", "the body: must be an object"},
        {"\"x\"", "the body: must be an object"},
        {"{\"request\":{}}x", "JSON"},
        {"{}", "request: this member is missing"},
        {"{\"request\":null}", "request: must be an object, not null"},
        {"{\"request\":[]}", "request: must be an object"},
        {"{\"request\":{},\"request\":{}}", "twice"},
        {"{\"Request\":{}}", "did you mean \"request\"?"},
        {"{\"request\":{},\"ttl\":\"1h\"}", "accepted here: request, profile, label, bundle"},
        {"{\"request\":{},\"label\":\"x\"}", "label: only \"\" is accepted"},
        {"{\"request\":{},\"label\":null}", "label: must be a string, not null"},
        {"{\"request\":{},\"bundle\":true}", "bundle: only false"},
        {"{\"request\":{},\"bundle\":\"false\"}", "bundle: must be true or false"},
        {"{\"request\":{},\"bundle\":0}", "bundle: must be true or false"},
        {"{\"request\":{},\"profile\":7}", "profile: must be a string"},
        {"{\"request\":{},\"profile\":\"a\\tb\"}", "profile: must be 1 to 64 printable"},
        {"{\"request\":{},\"profile\":\"\\u00fc\"}", "profile: must be 1 to 64 printable"},
        {"{\"request\":{\"cn\":\"a\"}}", "request.cn: letter case counts, did you mean \"CN\"?"},
        {"{\"request\":{\"CN\":1}}", "request.CN: must be a string"},
        {"{\"request\":{\"CN\":null}}", "request.CN: must be a string, not null"},
        {"{\"request\":{\"CN\":\"a\\nb\"}}", "request.CN: control and invisible"},
        {"{\"request\":{\"CN\":\"a\\u0085b\"}}", "request.CN: control and invisible"},
        {"{\"request\":{\"CN\":\"a\\u202eb\"}}", "request.CN: control and invisible"},
        {"{\"request\":{\"CN\":\"a\\u200bb\"}}", "request.CN: control and invisible"},
        {"{\"request\":{\"CN\":\"a\\u0000b\"}}", "NUL"},
        {"{\"request\":{\"CN\":\""
         "0123456789012345678901234567890123456789012345678901234567890--65\"}}",
         "request.CN: longer than 64"},
        {"{\"request\":{\"hosts\":null}}", "request.hosts: must be an array, not null"},
        {"{\"request\":{\"hosts\":\"a.example\"}}", "request.hosts: must be an array"},
        {"{\"request\":{\"hosts\":{}}}", "request.hosts: must be an array"},
        {"{\"request\":{\"hosts\":[\"a.example\",null]}}",
         "request.hosts[1]: must be a string, not"},
        {"{\"request\":{\"hosts\":[[\"a.example\"]]}}", "request.hosts[0]: must be a string"},
        {"{\"request\":{\"hosts\":[\"a.example\",\"\"]}}", "request.hosts[1]: "},
        {"{\"request\":{\"hosts\":[\"a.example\",\"b_c\"]}}", "request.hosts[1]: "},
        {"{\"request\":{\"names\":{}}}", "request.names: must be an array"},
        {"{\"request\":{\"names\":[null]}}", "request.names[0]: must be an object, not null"},
        {"{\"request\":{\"names\":[{},{\"CN\":\"x\"}]}}",
         "request.names[1].CN: this member is not"},
        {"{\"request\":{\"names\":[{\"o\":\"x\"}]}}", "did you mean \"O\"?"},
        {"{\"request\":{\"names\":[{\"O\":null}]}}", "request.names[0].O: must be a string, not"},
        {"{\"request\":{\"names\":[{\"O\":\"a\\u0007\"}]}}", "request.names[0].O: control"},
        {"{\"request\":{\"names\":[{\"C\":\"nl\"}]}}", "request.names[0].C: must be a country"},
        {"{\"request\":{\"names\":[{\"C\":\"NLD\"}]}}", "request.names[0].C: must be a country"},
        {"{\"request\":{\"names\":[{\"C\":\"N\"}]}}", "request.names[0].C: must be a country"},
        {"{\"request\":{\"serialnumber\":\"a_b\"}}", "request.serialnumber: must be at most"},
        {"{\"request\":{\"serialnumber\":42}}", "request.serialnumber: must be a string"},
        {"{\"request\":{\"key\":null}}", "request.key: must be an object, not null"},
        {"{\"request\":{\"key\":{}}}", "request.key: give both"},
        {"{\"request\":{\"key\":{\"algo\":\"rsa\"}}}", "request.key: give both"},
        {"{\"request\":{\"key\":{\"size\":256}}}", "request.key: give both"},
        {"{\"request\":{\"key\":{\"algo\":\"RSA\",\"size\":2048}}}", "request.key.algo: must be"},
        {"{\"request\":{\"key\":{\"algo\":\"\",\"size\":2048}}}", "request.key.algo: must be"},
        {"{\"request\":{\"key\":{\"algo\":\"ed25519\",\"size\":256}}}",
         "request.key.algo: must be"},
        {"{\"request\":{\"key\":{\"algo\":\"ecdsa\",\"size\":\"256\"}}}", "must be a whole number"},
        {"{\"request\":{\"key\":{\"algo\":\"ecdsa\",\"size\":null}}}", "must be a whole number"},
        {"{\"request\":{\"key\":{\"algo\":\"ecdsa\",\"size\":256.0}}}",
         "256.0: write a whole number"},
        {"{\"request\":{\"key\":{\"algo\":\"ecdsa\",\"size\":2.56e2}}}", "2.56e2: write a whole"},
        {"{\"request\":{\"key\":{\"algo\":\"ecdsa\",\"size\":256E0}}}", "256E0: write a whole"},
        {"{\"request\":{\"CN\":\"\\\\\",\"key\":{\"algo\":\"rsa\",\"size\":2048.0}}}",
         "2048.0: write a"},
        {"{\"request\":{\"key\":{\"algo\":\"rsa\",\"size\":4294969344}}}", "more than 9 digits"},
        {"{\"request\":{\"key\":{\"algo\":\"rsa\",\"size\":-2048}}}", "request.key.size: rsa"},
        {"{\"request\":{\"key\":{\"algo\":\"rsa\",\"size\":02048}}}", "JSON"},
        {"{\"request\":{\"key\":{\"algo\":\"ecdsa\",\"size\":224}}}", "request.key.size: ecdsa"},
        {"{\"request\":{\"key\":{\"algo\":\"ecdsa\",\"size\":-0}}}", "request.key.size: ecdsa"},
        {"{\"request\":{\"key\":{\"algo\":\"rsa\",\"size\":2047}}}", "request.key.size: rsa"},
        {"{\"request\":{\"key\":{\"algo\":\"rsa\",\"size\":8193}}}", "request.key.size: rsa"},
        {"{\"request\":{\"key\":{\"algo\":\"rsa\",\"size\":2048,\"x\":1}}}", "request.key.x: this"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_ask ask = {.profile = SLICE("untouched")};
        struct cb_err err = {.msg = ""};
        const enum cb_code code = parse_newcert(&arena, slice_of(cases[i].body), &ask, &err);
        if (code != CB_EINPUT || strstr(err.msg, cases[i].message) == NULL) {
            fail_msg("%s: code %d, \"%s\" instead of \"%s\"", cases[i].body, (int)code, err.msg,
                     cases[i].message);
        }
        assert_true(slice_eq(ask.profile, SLICE("untouched")));
    }
}

/* many - {"request":{"MEMBER":[ITEM,ITEM,...]}} with %zu in the item replaced by its number. */
static enum cb_code parse_many(const char *member, size_t num, const char *before,
                               const char *after, struct policy_ask *ret)
{
    struct buf body;
    struct cb_err err = {.msg = ""};
    buf_init(&body, 1U << 20);
    buf_printf(&body, "{\"request\":{\"%s\":[", member);
    for (size_t i = 0; i < num; i++) {
        buf_printf(&body, "%s%s%zu%s", i == 0 ? "" : ",", before, i, after);
    }
    buf_add_str(&body, "]}}");
    assert_true(buf_ok(&body));
    const enum cb_code code = parse_newcert(&arena, buf_slice(&body), ret, &err);
    buf_free(&body);
    return code;
}

static void test_limits(void **state)
{
    (void)state;
    struct policy_ask ask = {.num_names = 0};
    assert_int_equal(parse_many("hosts", ASK_NAMES_MAX, "\"h", ".example\"", &ask), CB_OK);
    assert_int_equal(ask.num_names, ASK_NAMES_MAX);
    assert_int_equal(parse_many("hosts", ASK_NAMES_MAX + 1, "\"h", ".example\"", &ask), CB_ELIMIT);
    assert_int_equal(parse_many("names", ASK_SUBJECT_MAX, "{\"OU\":\"", "\"}", &ask), CB_OK);
    assert_int_equal(ask.num_subject, ASK_SUBJECT_MAX);
    assert_true(slice_eq(ask.subject[15].value, SLICE("15")));
    assert_int_equal(parse_many("names", ASK_SUBJECT_MAX + 1, "{\"OU\":\"", "\"}", &ask),
                     CB_ELIMIT);
}

/* An arena that is too small at any point gives an error, never half an ask. */
static void test_small_arena(void **state)
{
    (void)state;
    static const char body[] = "{\"request\":{\"CN\":\"a.example\",\"hosts\":[\"a.example\","
                               "\"10.0.0.1\"],\"names\":[{\"O\":\"x\",\"OU\":\"y\"}]}}";
    bool was_ok = false;
    for (size_t cap = 0; cap < 1024; cap += 16) {
        struct arena small;
        arena_init(&small, cap);
        struct policy_ask ask = {.num_names = 77};
        struct cb_err err = {.msg = ""};
        const enum cb_code code = parse_newcert(&small, slice_of(body), &ask, &err);
        assert_true(code == CB_OK || code == CB_ENOMEM);
        assert_int_equal(ask.num_names, code == CB_OK ? 2 : 77);
        assert_true(!was_ok || code == CB_OK);
        was_ok = code == CB_OK;
        arena_free(&small);
    }
    assert_true(was_ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_arena, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
