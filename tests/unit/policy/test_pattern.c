/* test_pattern.c - what a pattern covers and touches, and properties that no table can miss. */
#include "policy/pattern.h"
#include "policy/placeholder.h"
#include "tests/unit/policy/support.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 8 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct pattern pattern_of(enum name_kind kind, const char *text)
{
    struct pattern p = {0};
    struct cb_err err;
    if (pattern_parse(&arena, kind, slice_of(text), &p, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    return p;
}

enum expected { NEITHER, TOUCHES, BOTH };

static const struct {
    enum name_kind kind;
    const char *pattern;
    const char *name;
    enum expected expected;
} cases[] = {
    {NAME_DNS, "a.x", "a.x", BOTH},
    {NAME_DNS, "A.X", "a.x", BOTH},
    {NAME_DNS, "a.x", "b.a.x", NEITHER},
    {NAME_DNS, "a.x", "x", NEITHER},
    {NAME_DNS, "a.x", "ba.x", NEITHER},
    {NAME_DNS, "a.x", "*.x", TOUCHES},
    {NAME_DNS, "a.x", "*.a.x", NEITHER},
    {NAME_DNS, "x", "*.x", NEITHER},
    {NAME_DNS, "*.x", "a.x", BOTH},
    {NAME_DNS, "*.x", "a.b.x", NEITHER},
    {NAME_DNS, "*.x", "x", NEITHER},
    {NAME_DNS, "*.x", "ax", NEITHER},
    {NAME_DNS, "*.x", "*.x", BOTH},
    {NAME_DNS, "*.x", "*.a.x", NEITHER},
    {NAME_DNS, "*.a.x", "*.x", NEITHER},
    {NAME_DNS, "**.x", "a.x", BOTH},
    {NAME_DNS, "**.x", "a.b.c.x", BOTH},
    {NAME_DNS, "**.x", "x", NEITHER},
    {NAME_DNS, "**.x", "a.xx", NEITHER},
    {NAME_DNS, "**.x", "*.x", BOTH},
    {NAME_DNS, "**.x", "*.a.x", BOTH},
    {NAME_DNS, "**.admin.x", "*.admin.x", BOTH},
    {NAME_DNS, "**.admin.x", "*.x", NEITHER},
    {NAME_DNS, "a.x", "10.0.0.1", NEITHER},
    {NAME_DNS, "**", "a.x", BOTH},
    {NAME_DNS, "**", "x", BOTH},
    {NAME_DNS, "**", "*.x", BOTH},
    {NAME_DNS, "**", "10.0.0.1", NEITHER},
    {NAME_DNS, "**", "s://a.x", NEITHER},
    {NAME_DNS, "**", "a@x", NEITHER},
    {NAME_IP, "10.0.0.1", "10.0.0.1", BOTH},
    {NAME_IP, "10.0.0.1", "10.0.0.2", NEITHER},
    {NAME_IP, "10.0.0.0/8", "10.255.255.255", BOTH},
    {NAME_IP, "10.0.0.0/8", "11.0.0.0", NEITHER},
    {NAME_IP, "10.20.128.0/17", "10.20.255.1", BOTH},
    {NAME_IP, "10.20.128.0/17", "10.20.127.255", NEITHER},
    {NAME_IP, "0.0.0.0/0", "1.2.3.4", BOTH},
    {NAME_IP, "0.0.0.0/0", "::1", NEITHER},
    {NAME_IP, "::/0", "1.2.3.4", NEITHER},
    {NAME_IP, "::ffff:10.0.0.0/104", "10.1.2.3", BOTH},
    {NAME_IP, "10.0.0.0/8", "::ffff:10.1.2.3", BOTH},
    {NAME_IP, "fd00::/8", "fdab::1", BOTH},
    {NAME_IP, "fd00:20::/31", "fd00:21::1", BOTH},
    {NAME_IP, "fd00:20::/31", "fd00:22::1", NEITHER},
    {NAME_IP, "10.0.0.1", "a.x", NEITHER},
    {NAME_URI, "spiffe://a.x/ns/p", "spiffe://a.x/ns/p", BOTH},
    {NAME_URI, "SPIFFE://A.x/ns/p", "spiffe://a.x/ns/p", BOTH},
    {NAME_URI, "spiffe://a.x/ns/p", "spiffe://a.x/ns/P", NEITHER},
    {NAME_URI, "spiffe://a.x/ns/p", "spiffe://a.x/ns/p/q", NEITHER},
    {NAME_URI, "spiffe://a.x/ns/*", "spiffe://a.x/ns/p", BOTH},
    {NAME_URI, "spiffe://a.x/ns/*", "spiffe://a.x/ns", NEITHER},
    {NAME_URI, "spiffe://a.x/ns/*", "spiffe://a.x/ns/p/q", NEITHER},
    {NAME_URI, "spiffe://a.x/ns/*/sa/*", "spiffe://a.x/ns/p/sa/q", BOTH},
    {NAME_URI, "spiffe://a.x/ns/*/sa/*", "spiffe://a.x/ns/p/q/r", NEITHER},
    {NAME_URI, "spiffe://a.x/ns/**", "spiffe://a.x/ns/p", BOTH},
    {NAME_URI, "spiffe://a.x/ns/**", "spiffe://a.x/ns/p/q/r", BOTH},
    {NAME_URI, "spiffe://a.x/ns/**", "spiffe://a.x/ns", NEITHER},
    {NAME_URI, "spiffe://a.x/ns/**", "spiffe://a.x/nsx/p", NEITHER},
    {NAME_URI, "spiffe://a.x/**", "https://a.x/p", NEITHER},
    {NAME_URI, "spiffe://a.x/**", "spiffe://a.xx/p", NEITHER},
    {NAME_URI, "spiffe://*.x/a", "spiffe://b.x/a", BOTH},
    {NAME_URI, "spiffe://*.x/a", "spiffe://c.b.x/a", NEITHER},
    {NAME_URI, "spiffe://**.x/a", "spiffe://c.b.x/a", BOTH},
    {NAME_URI, "spiffe://**.x/a", "spiffe://x/a", NEITHER},
    {NAME_URI, "spiffe://**.x", "spiffe://b.x", BOTH},
    {NAME_URI, "spiffe://**.x", "spiffe://b.x/a", NEITHER},
    {NAME_URI, "spiffe://**/a", "spiffe://b.x/a", BOTH},
    {NAME_URI, "spiffe://**/a", "spiffe://b/a", BOTH},
    {NAME_URI, "spiffe://**/a", "spiffe://10.0.0.1/a", NEITHER},
    {NAME_URI, "spiffe://10.0.0.1/*", "spiffe://10.0.0.1/a", BOTH},
    {NAME_EMAIL, "root@x", "root@X", BOTH},
    {NAME_EMAIL, "root@x", "Root@x", TOUCHES},
    {NAME_EMAIL, "root@x", "toor@x", NEITHER},
    {NAME_EMAIL, "*@x", "anybody@x", BOTH},
    {NAME_EMAIL, "*@x", "anybody@a.x", NEITHER},
    {NAME_EMAIL, "*@**.x", "anybody@a.x", BOTH},
    {NAME_EMAIL, "*@**.x", "anybody@b.a.x", BOTH},
    {NAME_EMAIL, "*@**.x", "anybody@x", NEITHER},
    {NAME_EMAIL, "*@**.x", "anybody@ax", NEITHER},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct pattern p = pattern_of(cases[i].kind, cases[i].pattern);
        const struct name name = name_of(&arena, cases[i].name);
        if (pattern_covers(&p, &name, NULL) != (cases[i].expected == BOTH) ||
            pattern_touches(&p, &name) != (cases[i].expected != NEITHER)) {
            fail_msg("%s and %s: covers %d, touches %d", cases[i].pattern, cases[i].name,
                     pattern_covers(&p, &name, NULL), pattern_touches(&p, &name));
        }
    }
}

static const struct {
    enum name_kind kind;
    const char *pattern;
    const char *message;
} bad[] = {
    {NAME_DNS, "", "is empty"},
    {NAME_DNS, "*", "write \"**\" for every name there is"},
    {NAME_DNS, "*.", "is empty"},
    {NAME_DNS, "*.*", "every name there is"},
    {NAME_DNS, "*.*.x", "more than one *"},
    {NAME_DNS, "***.x", "not the whole first label"},
    {NAME_DNS, "**.*.x", "not the whole first label"},
    {NAME_DNS, "a*.x", "not the whole first label"},
    {NAME_DNS, "*a.x", "not the whole first label"},
    {NAME_DNS, "a.*.x", "not the whole first label"},
    {NAME_DNS, "*..x", "begins with a dot"},
    {NAME_DNS, ".x", "begins with a dot"},
    {NAME_DNS, "*.10.0.0.1", "no host name with *"},
    {NAME_DNS, "10.0.0.1", "put it under ip:"},
    {NAME_DNS, "10.0.0.0/8", "put it under ip:"},
    {NAME_DNS, "*@x", "put it under email:"},
    {NAME_DNS, "https://x", "put it under uri:"},
    {NAME_DNS, "x:443", "leave the port out"},
    {NAME_DNS, "a.x.", "trailing dot: leave it out"},
    {NAME_DNS, "*.a.x.", "\"*.a.x.\" is no good pattern"},
    {NAME_DNS, "a_b.x", "underscore"},
    {NAME_DNS, "*.m\xc3\xbcnchen.x", "A-labels (xn--...)"},
    {NAME_DNS, "**.**", "every name there is"},
    {NAME_DNS, "*.**", "every name there is"},
    {NAME_DNS, "foo*.x", "not the whole first label"},
    {NAME_DNS, "https://x/y", "write the host name alone"},
    {NAME_DNS, "root@x", "put it under email:"},
    {NAME_DNS, "$client.x", "written like ${client}"},
    {NAME_DNS, "${client.x", "written like ${client}"},
    {NAME_DNS, "a-${client}.x", "written like ${client}"},
    {NAME_DNS, "${client}-a.x", "written like ${client}"},
    {NAME_DNS, "${client}${client}.x", "written like ${client}"},
    {NAME_DNS, "${client}.", "trailing dot"},
    {NAME_DNS, "${user}.x", "\"${user}\" is no placeholder: there are ${client}"},
    {NAME_DNS, "${}.x", "no placeholder"},
    {NAME_DNS, "${Client}.x", "no placeholder"},
    {NAME_DNS, "${mtls.uri.path[]}.x", "no placeholder"},
    {NAME_DNS, "${mtls.uri.path[01]}.x", "no placeholder"},
    {NAME_DNS, "${mtls.uri.path[1000]}.x", "no placeholder"},
    {NAME_DNS, "${mtls.uri.path[1}.x", "no placeholder"},
    {NAME_DNS, "${jwt.}.x", "no placeholder"},
    {NAME_DNS, "${jwt.a$b}.x", "no placeholder"},
    {NAME_IP, "10.0.0.${client}", "put it under dns:"},
    {NAME_IP, "10.0.0.0/33", "from 0 to 32"},
    {NAME_IP, "10.0.0.0/", "from 0 to 32"},
    {NAME_IP, "10.0.0.0/08", "from 0 to 32"},
    {NAME_IP, "10.0.0.0/8/8", "from 0 to 32"},
    {NAME_IP, "fd00::/129", "from 0 to 128"},
    {NAME_IP, "10.20.0.5/16", "the network is 10.20.0.0/16"},
    {NAME_IP, "fd00::1/64", "the network is fd00::/64"},
    {NAME_IP, "::ffff:10.0.0.1/104", "the network is 10.0.0.0/8"},
    {NAME_IP, "::ffff:0:0/90", "beyond the IPv4-mapped"},
    {NAME_IP, "10.0.0.*", "no IP address"},
    {NAME_IP, "10.0.0.1-9", "no IP address"},
    {NAME_IP, "10.0/16", "no IP address"},
    {NAME_IP, "a.x", "put it under dns:"},
    {NAME_URI, "a.x/b", "put it under dns:"},
    {NAME_URI, "*://a/b", "no good scheme"},
    {NAME_URI, "*://a/*", "\"*://a/*\" is no good pattern"},
    {NAME_URI, "s://*/b", "every name there is"},
    {NAME_URI, "s://a/b*", "a whole one"},
    {NAME_URI, "s://a/**/b", "only be the last"},
    {NAME_URI, "s://a//b", "empty path segment"},
    {NAME_URI, "s://a*b/c", "not the whole first label"},
    {NAME_URI, "s://a/../*", "path segment"},
    {NAME_URI, "s://a/b${client}", "whole path segment"},
    {NAME_URI, "s://a/${client}b", "whole path segment"},
    {NAME_URI, "s://a/${client}*", "inside a path segment"},
    {NAME_URI, "s://a/$", "whole path segment"},
    {NAME_URI, "s://a/${nobody}", "no placeholder"},
    {NAME_URI, "${client}://a", "scheme"},
    {NAME_URI, "s://a/${client}/", "empty path segment"},
    {NAME_EMAIL, "a*@x", "not all there is"},
    {NAME_EMAIL, "*@", "is empty"},
    {NAME_EMAIL, "*@**", "one mail domain"},
    {NAME_EMAIL, "*@**.", "one mail domain"},
    {NAME_EMAIL, "*@**.*.x", "one mail domain"},
    {NAME_EMAIL, "a@**.x", "only \"*@**.example.org\" may"},
    {NAME_EMAIL, "${client}@x", "may be a label behind it"},
    {NAME_EMAIL, "a@b${client}.x", "written like ${client}"},
    {NAME_EMAIL, "*@*.x", "one mail domain"},
    {NAME_EMAIL, "*@10.0.0.1", "one mail domain"},
    {NAME_EMAIL, "*@a@b", "one mail domain"},
    {NAME_EMAIL, "x", "put it under dns:"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pattern p;
        struct cb_err err;
        if (pattern_parse(&arena, bad[i].kind, slice_of(bad[i].pattern), &p, &err) != CB_EINPUT) {
            fail_msg("accepted: %s", bad[i].pattern);
        }
        if (strstr(err.msg, bad[i].message) == NULL) {
            fail_msg("%s: expected \"%s\", got: %s", bad[i].pattern, bad[i].message, err.msg);
        }
    }
}

/* parse_and_match - as a pattern of every kind, against some names. What is canonical stays so. */
static void parse_and_match(struct slice text, const struct name *names, size_t num)
{
    for (int kind = 0; kind < NAME_KIND_COUNT; kind++) {
        struct arena own;
        struct pattern p;
        struct pattern again;
        struct cb_err err;
        char written[NAME_TEXT_MAX + 1];
        arena_init(&own, 4096);
        err.msg[0] = '\0';
        if (pattern_parse(&own, (enum name_kind)kind, text, &p, &err) != CB_OK) {
            assert_true(err.msg[0] != '\0');
            arena_free(&own);
            continue;
        }
        assert_int_equal(p.kind, kind);
        const struct slice once = slice_of(pattern_text(&p, written));
        assert_int_equal(pattern_parse(&own, p.kind, once, &again, &err), CB_OK);
        assert_true(p.shape == again.shape && slice_eq(p.text, again.text));
        for (size_t i = 0; i < num; i++) {
            assert_true(!pattern_covers(&p, &names[i], NULL) || pattern_touches(&p, &names[i]));
        }
        arena_free(&own);
    }
}

/* Every text of one and two bytes; of three and four, one byte of each class that is told apart. */
static void test_short_strings(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "a.a", "*.a", "::1", "1.1.1.1", "a://a", "a@a"};
    static const char three[] = "\0\t !\"#$%&'()*+,-./019:;<=>?@AFXZ[\\]^_`afxz{|}~\x7f\x80\xc3\xff";
    static const char four[] = "\0*.@:/-a1Z_$ \xff";
    const size_t num3 = sizeof(three) - 1;
    const size_t num4 = sizeof(four) - 1;
    struct name names[7];
    char text[4];
    for (size_t i = 0; i < 7; i++) {
        names[i] = name_of(&arena, texts[i]);
    }
    for (size_t i = 0; i < 65536; i++) {
        text[0] = (char)(i % 256);
        text[1] = (char)(i / 256);
        parse_and_match((struct slice){text, 1 + (i >= 256)}, names, 7);
    }
    for (size_t i = 0; i < num3 * num3 * num3; i++) {
        text[0] = three[i % num3];
        text[1] = three[i / num3 % num3];
        text[2] = three[i / num3 / num3];
        parse_and_match((struct slice){text, 3}, names, 7);
    }
    for (size_t i = 0; i < num4 * num4 * num4 * num4; i++) {
        for (size_t k = 0, rest = i; k < 4; k++, rest /= num4) {
            text[k] = four[rest % num4];
        }
        parse_and_match((struct slice){text, 4}, names, 7);
    }
    parse_and_match((struct slice){NULL, 0}, names, 7);
}

/* ---- properties over all names of up to three labels from {a, b, x} ---- */

#define NUM_HOSTS 39 /* 3 + 9 + 27 */

static size_t all_hosts(struct name hosts[NUM_HOSTS])
{
    static const char *const labels[] = {"a", "b", "x"};
    size_t num = 0;
    for (size_t i = 0; i < 3; i++) {
        hosts[num++] = name_of(&arena, labels[i]);
    }
    for (size_t from = 0, to = 3, round = 0; round < 2; round++) {
        for (size_t k = from; k < to; k++) {
            for (size_t i = 0; i < 3; i++) {
                char text[16];
                (void)snprintf(text, sizeof(text), "%s.%s", labels[i], hosts[k].text.ptr);
                hosts[num++] = name_of(&arena, text);
            }
        }
        from = to;
        to = num;
    }
    return num;
}

static struct pattern prefixed(const char *stars, const struct name *base)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%s%s", stars, base->text.ptr);
    return pattern_of(NAME_DNS, text);
}

static struct name child(const char *label, const struct name *parent)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%s.%s", label, parent->text.ptr);
    return name_of(&arena, text);
}

/* A name that a narrower pattern allows is allowed by a wider one. */
static void test_wider(void **state)
{
    (void)state;
    struct name hosts[NUM_HOSTS];
    const size_t num = all_hosts(hosts);
    assert_int_equal(num, NUM_HOSTS);
    for (size_t i = 0; i < num; i++) {
        const struct pattern one = prefixed("*.", &hosts[i]);
        const struct pattern many = prefixed("**.", &hosts[i]);
        for (size_t k = 0; k < num; k++) {
            const struct name wild = child("*", &hosts[k]);
            const struct pattern deeper = prefixed("**.", &hosts[k]);
            assert_true(!pattern_covers(&one, &hosts[k], NULL) || pattern_covers(&many, &hosts[k], NULL));
            assert_true(!pattern_covers(&one, &wild, NULL) || pattern_covers(&many, &wild, NULL));
            /* **.k is inside **.i when k is below i or i itself. */
            if (pattern_covers(&many, &hosts[k], NULL) || i == k) {
                for (size_t n = 0; n < num; n++) {
                    assert_true(!pattern_covers(&deeper, &hosts[n], NULL) ||
                                pattern_covers(&many, &hosts[n], NULL));
                }
            }
        }
    }
}

/* A wildcard name is covered if all its names are, and touched if one of them is. "q" stands for
 * any label that no pattern speaks of. */
static void check_wildcard(const struct pattern *p, const struct name *parent)
{
    static const char *const labels[] = {"a", "b", "x", "q"};
    const struct name wild = child("*", parent);
    bool all = true;
    bool any = false;
    for (size_t i = 0; i < 4; i++) {
        const struct name one = child(labels[i], parent);
        const bool covered = pattern_covers(p, &one, NULL);
        assert_int_equal(covered, pattern_touches(p, &one));
        all = all && covered;
        any = any || covered;
    }
    assert_int_equal(pattern_covers(p, &wild, NULL), all);
    assert_int_equal(pattern_touches(p, &wild), any);
}

static void test_wildcards_mean_their_names(void **state)
{
    (void)state;
    struct name hosts[NUM_HOSTS];
    const size_t num = all_hosts(hosts);
    for (size_t i = 0; i < num; i++) {
        const struct pattern patterns[] = {prefixed("", &hosts[i]), prefixed("*.", &hosts[i]),
                                           prefixed("**.", &hosts[i])};
        for (size_t k = 0; k < num * 3; k++) {
            check_wildcard(&patterns[k % 3], &hosts[k / 3]);
        }
    }
}

/* Every prefix length of one address: the network with fewer bits has at least the same ones. */
static void test_networks(void **state)
{
    (void)state;
    static const char *const addresses[] = {"10.20.30.40", "10.20.30.41", "10.21.0.0", "138.0.0.1"};
    for (unsigned bits = 32; bits > 0; bits--) {
        struct pattern narrow = pattern_of(NAME_IP, "10.20.30.40");
        struct pattern wide = narrow;
        narrow.bits = (unsigned char)bits;
        wide.bits = (unsigned char)(bits - 1);
        for (size_t i = 0; i < 4; i++) {
            const struct name ip = name_of(&arena, addresses[i]);
            assert_true(!pattern_covers(&narrow, &ip, NULL) || pattern_covers(&wide, &ip, NULL));
        }
        const struct name self = name_of(&arena, addresses[0]);
        assert_true(pattern_covers(&narrow, &self, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cases, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wider, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wildcards_mean_their_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_networks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
