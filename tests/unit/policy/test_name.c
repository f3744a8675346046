/* test_name.c - classification, canonical forms, refusals, order. */
#include "tests/unit/policy/support.h"

static const struct {
    const char *text;
    enum name_kind kind;
    const char *canonical;
} good[] = {
    {"api.example", NAME_DNS, "api.example"},
    {"MS1.ACME.Internal", NAME_DNS, "ms1.acme.internal"},
    {"localhost", NAME_DNS, "localhost"},
    {"*.Example.org", NAME_DNS, "*.example.org"},
    {"xn--mnchen-3ya.example", NAME_DNS, "xn--mnchen-3ya.example"},
    {"1.2.3.example", NAME_DNS, "1.2.3.example"},
    {"a-b.c--d.e1", NAME_DNS, "a-b.c--d.e1"},
    {"0xyz", NAME_DNS, "0xyz"},
    {"10.0.0.5", NAME_IP, "10.0.0.5"},
    {"::FFFF:10.0.0.5", NAME_IP, "10.0.0.5"},
    {"FD00:0:0:0:0:0:0:1", NAME_IP, "fd00::1"},
    {"::", NAME_IP, "::"},
    {"spiffe://ACME.internal/ns/Prod/sa/x", NAME_URI, "spiffe://acme.internal/ns/Prod/sa/x"},
    {"HTTPS://a.example", NAME_URI, "https://a.example"},
    {"https://10.0.0.1/a", NAME_URI, "https://10.0.0.1/a"},
    {"svc+v1://h/a.b_c~d", NAME_URI, "svc+v1://h/a.b_c~d"},
    {"Root@ACME.Internal", NAME_EMAIL, "Root@acme.internal"},
    {"first.last+tag@x", NAME_EMAIL, "first.last+tag@x"},
};

static const struct {
    const char *text;
    enum name_kind kind;
    const char *message;
} bad[] = {
    {"", NAME_DNS, "is empty"},
    {".", NAME_DNS, "empty label"},
    {"*", NAME_DNS, "every host"},
    {"*.", NAME_DNS, "empty label"},
    {"**", NAME_DNS, "has a *"},
    {"**.x", NAME_DNS, "has a *"},
    {"*.*.x", NAME_DNS, "has a *"},
    {"a*.x", NAME_DNS, "has a *"},
    {"x.*", NAME_DNS, "has a *"},
    {"a.example.", NAME_DNS, "trailing dot: leave it out"},
    {"${client}.example", NAME_DNS, "no host name may have"},
    {".example", NAME_DNS, "leading"},
    {"a..b", NAME_DNS, "double"},
    {"-a.example", NAME_DNS, "hyphen"},
    {"a-.example", NAME_DNS, "hyphen"},
    {"a_b.example", NAME_DNS, "underscore"},
    {" a.example", NAME_DNS, "no host name may have"},
    {"a.example\n", NAME_DNS, "no host name may have"},
    {"a,b", NAME_DNS, "no host name may have"},
    {"a.example:443", NAME_DNS, "leave the port out"},
    {"/a.example", NAME_DNS, "no host name may have"},
    {"[::1]", NAME_DNS, "no host name may have"},
    {"fe80::1%eth0", NAME_DNS, "no host name may have"},
    {"10.0.0.0/8", NAME_DNS, "no host name may have"},
    {"m\xc3\xbcnchen.example", NAME_DNS, "A-labels"},
    {"a\xef\xbc\x8e"
     "b",
     NAME_DNS, "A-labels"},
    {"010.0.0.5", NAME_DNS, "ends in a number"},
    {"10.5", NAME_DNS, "ends in a number"},
    {"0x0a000005", NAME_DNS, "ends in a number"},
    {"a.0X1F", NAME_DNS, "ends in a number"},
    {"a.0x", NAME_DNS, "ends in a number"},
    {"256.1.1.1", NAME_DNS, "ends in a number"},
    {"a@b@c", NAME_EMAIL, "more than one @"},
    {"@b", NAME_EMAIL, "in front of the @"},
    {"a@", NAME_EMAIL, "empty label"},
    {"*@b", NAME_EMAIL, "may not have"},
    {".a@b", NAME_EMAIL, "leading or double dot"},
    {"a..b@c", NAME_EMAIL, "leading or double dot"},
    {"a.@b", NAME_EMAIL, "just before the @"},
    {"\"a\"@b", NAME_EMAIL, "may not have"},
    {"x <root@evil.example>", NAME_EMAIL, "may not have"},
    {"a@1.2.3.4", NAME_EMAIL, "ends in a number"},
    {"a@*.b", NAME_EMAIL, "has a *"},
    {"https://user@host/x", NAME_EMAIL, "may not have"},
    {"://host", NAME_URI, "scheme"},
    {"1a://host", NAME_URI, "scheme"},
    {"a b://host", NAME_URI, "scheme"},
    {"spiffe://", NAME_URI, "no host"},
    {"file:///etc", NAME_URI, "no host"},
    {"https://h:443/", NAME_URI, "port"},
    {"https://h/", NAME_URI, "empty path segment"},
    {"https://h//a", NAME_URI, "empty path segment"},
    {"https://h/a/", NAME_URI, "empty path segment"},
    {"https://h/../a", NAME_URI, "path segment"},
    {"https://h/./a", NAME_URI, "path segment"},
    {"https://h/%61", NAME_URI, "path"},
    {"https://h/a?b", NAME_URI, "path"},
    {"https://h/a#b", NAME_URI, "path"},
    {"https://h?a", NAME_URI, "no host name may have"},
    {"https://h/*", NAME_URI, "path"},
    {"https://*.h/a", NAME_URI, "has a *"},
    {"https://h_x/a", NAME_URI, "underscore"},
    {"https://h/a\xc3\xbc", NAME_URI, "path"},
    {"spiffe://a/b,DNS:evil", NAME_URI, "path"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct arena arena;
        arena_init(&arena, 4096);
        struct name name;
        struct cb_err err;
        if (name_parse(&arena, slice_of(good[i].text), &name, &err) != CB_OK) {
            fail_msg("%s: %s", good[i].text, err.msg);
        }
        assert_int_equal(name.kind, good[i].kind);
        assert_string_equal(name.text.ptr, good[i].canonical);
        assert_int_equal(name.text.len, strlen(good[i].canonical));
        assert_int_equal(name.ip_len != 0, name.kind == NAME_IP);
        arena_free(&arena);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char out[NAME_TEXT_MAX + 1];
        struct name name;
        struct cb_err err;
        assert_int_equal(name_classify(slice_of(bad[i].text)), bad[i].kind);
        if (name_parse_into(slice_of(bad[i].text), out, &name, &err) != CB_EINPUT) {
            fail_msg("accepted: %s", bad[i].text);
        }
        if (strstr(err.msg, bad[i].message) == NULL) {
            fail_msg("%s: expected \"%s\", got: %s", bad[i].text, bad[i].message, err.msg);
        }
    }
}

static void test_nul_inside(void **state)
{
    (void)state;
    char out[NAME_TEXT_MAX + 1];
    struct name name;
    struct cb_err err;
    const struct slice texts[] = {SLICE("10.0.0.5\0"), SLICE("a.example\0.evil"), SLICE("\0"),
                                  SLICE("a\0@b"), SLICE("s://h/\0")};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(name_parse_into(texts[i], out, &name, &err), CB_EINPUT);
        assert_true(strlen(err.msg) > 0);
    }
}

static enum cb_code parse_repeated(const char *unit, size_t times, const char *tail)
{
    char text[4096] = "";
    size_t used = 0;
    for (size_t i = 0; i < times; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", unit);
    }
    (void)snprintf(text + used, sizeof(text) - used, "%s", tail);
    char out[NAME_TEXT_MAX + 1];
    struct name name;
    struct cb_err err;
    return name_parse_into(slice_of(text), out, &name, &err);
}

static void test_lengths(void **state)
{
    (void)state;
    assert_int_equal(parse_repeated("a", 63, ""), CB_OK);
    assert_int_equal(parse_repeated("a", 64, ""), CB_EINPUT);
    assert_int_equal(parse_repeated("a.", 126, "a"), CB_OK);      /* 253 */
    assert_int_equal(parse_repeated("a.", 126, "aa"), CB_EINPUT); /* 254 */
    assert_int_equal(parse_repeated("a", 64, "@b"), CB_OK);
    assert_int_equal(parse_repeated("a", 65, "@b"), CB_EINPUT);
    assert_int_equal(parse_repeated("a", 3000, "@b"), CB_EINPUT);
    assert_int_equal(parse_repeated("s://h", 1, ""), CB_OK);
    char path[2100];
    memset(path, 'a', sizeof(path));
    memcpy(path, "s://h/", 6);
    char out[NAME_TEXT_MAX + 1];
    struct name name;
    struct cb_err err;
    assert_int_equal(name_parse_into((struct slice){path, 2048}, out, &name, &err), CB_OK);
    assert_int_equal(name_parse_into((struct slice){path, 2049}, out, &name, &err), CB_EINPUT);
}

/* Canonicalising twice changes nothing, and refusing always says why. */
static void check_one(struct slice text)
{
    char out[NAME_TEXT_MAX + 1];
    char again[NAME_TEXT_MAX + 1];
    struct name name;
    struct name twice;
    struct cb_err err;
    err.msg[0] = '\0';
    if (name_parse_into(text, out, &name, &err) != CB_OK) {
        assert_true(err.msg[0] != '\0');
        return;
    }
    assert_int_equal(name_parse_into(name.text, again, &twice, &err), CB_OK);
    assert_int_equal(name_cmp(&name, &twice), 0);
    assert_true(slice_eq(name.text, twice.text));
    assert_int_equal(strlen(out), name.text.len);
}

static void test_short_strings(void **state)
{
    (void)state;
    char text[3];
    for (unsigned a = 0; a < 256; a++) {
        text[0] = (char)a;
        check_one((struct slice){text, 1});
        for (unsigned b = 0; b < 256; b++) {
            text[1] = (char)b;
            check_one((struct slice){text, 2});
        }
    }
    /* Three bytes: one of each class that the code tells apart, and every sign. */
    static const char alphabet[] =
        "\0\t\n !\"#$%&'()*+,-./0159:;<=>?@AFXZ[\\]^_`afxz{|}~\x7f\x80\xc3\xff";
    const size_t num = sizeof(alphabet) - 1;
    for (size_t i = 0; i < num * num * num; i++) {
        text[0] = alphabet[i % num];
        text[1] = alphabet[i / num % num];
        text[2] = alphabet[i / num / num];
        check_one((struct slice){text, 3});
    }
    check_one((struct slice){NULL, 0});
}

static void test_from_ip(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    struct name name;
    struct cb_err err;
    const unsigned char mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3};
    assert_int_equal(name_from_ip(&arena, mapped, 16, &name, &err), CB_OK);
    assert_string_equal(name.text.ptr, "10.1.2.3");
    const struct name same = name_of(&arena, "10.1.2.3");
    assert_int_equal(name_cmp(&name, &same), 0);
    assert_int_equal(name_from_ip(&arena, mapped, 5, &name, &err), CB_EINPUT);
    arena_free(&arena);
    arena_init(&arena, 0);
    assert_int_equal(name_from_ip(&arena, mapped, 4, &name, &err), CB_ENOMEM);
    assert_int_equal(name_parse(&arena, SLICE("a"), &name, &err), CB_ENOMEM);
}

static void test_sort_unique(void **state)
{
    (void)state;
    static const char *const texts[] = {"b.example", "a@b",   "10.0.0.2", "B.example",
                                        "a.example", "s://h", "fd00::1",  "::ffff:10.0.0.2",
                                        "10.0.0.1"};
    static const char *const sorted[] = {"a.example", "b.example", "10.0.0.1", "10.0.0.2",
                                         "fd00::1",   "s://h",     "a@b"};
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct name names[9];
    for (size_t i = 0; i < 9; i++) {
        names[i] = name_of(&arena, texts[i]);
    }
    assert_int_equal(name_sort_unique(names, 9), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(names[i].text.ptr, sorted[i]);
    }
    assert_int_equal(name_sort_unique(names, 0), 0);
    arena_free(&arena);
}

static void test_quote(void **state)
{
    (void)state;
    char out[NAME_QUOTE_SIZE];
    char text[100];
    memset(text, 'x', sizeof(text));
    assert_string_equal(name_quote(SLICE("a\n\x1b[31m\xc3\xbc"), out), "a??[31m??");
    assert_int_equal(strlen(name_quote((struct slice){text, 80}, out)), 80);
    assert_int_equal(strlen(name_quote((struct slice){text, 81}, out)), 83);
    assert_string_equal(name_quote((struct slice){NULL, 0}, out), "");
}

static void test_wildcard_and_words(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    const struct name wild = name_of(&arena, "*.x");
    const struct name plain = name_of(&arena, "x");
    assert_true(name_is_wildcard(&wild));
    assert_false(name_is_wildcard(&plain));
    assert_string_equal(name_kind_word(NAME_DNS), "dns");
    assert_string_equal(name_kind_word(NAME_IP), "ip");
    assert_string_equal(name_kind_word(NAME_URI), "uri");
    assert_string_equal(name_kind_word(NAME_EMAIL), "email");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_nul_inside),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_short_strings),
        cmocka_unit_test(test_from_ip),
        cmocka_unit_test(test_sort_unique),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_wildcard_and_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
