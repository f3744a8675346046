/* test_effective.c - everything a client may get, as text and as JSON. */
#include "policy/trace.h"
#include "tests/unit/policy/asking.h"

static const char text[] =
    "version: 1\n"
    "clients:\n"
    "  pods: {description: Pods of all teams, auth: [{mtls: {uri: "
    "\"spiffe://x.y/ns/*/sa/api\"}}]}\n"
    "  web: {auth: [{mtls: {cn: web}}]}\n"
    "  idle: {auth: [{mtls: {cn: idle}}]}\n"
    "groups:\n"
    "  everything: [pods, web]\n"
    "  inner: [pods]\n"
    "rules:\n"
    "  - id: main\n"
    "    description: certificates of pods\n"
    "    owner: team@x.y\n"
    "    ticket: T-1\n"
    "    reason: they need them\n"
    "    until: 2026-12-31\n"
    "    clients: [everything]\n"
    "    actions: [newcert, revoke]\n"
    "    names:\n"
    "      dns: [\"${mtls.uri.path[1]}.pods.x.y\", \"${jwt.team}.x.y\", \"**.deep.x.y\"]\n"
    "      ip: [10.20.0.0/16]\n"
    "      email: [\"*@x.y\"]\n"
    "    wildcards: true\n"
    "    common_name: [\"*.pods.x.y\", The Fleet]\n"
    "    subject:\n"
    "      C: [NL, BE]\n"
    "      O: {values: [Acme, \"Acme, Inc.\"], required: true, max: 2}\n"
    "      OU: {fixed: Pods}\n"
    "    keys: {ecdsa: [256, 384], rsa: {min: 2048, max: 3072}}\n"
    "    profiles: [server, peer]\n"
    "    max_names: 5\n"
    "    max_validity: 720h\n"
    "    from: [10.0.0.0/8, \"2001:db8::/32\"]\n"
    "    when: {days: [mon-wed], hours: [\"08:00-18:00\"], zone: Europe/Amsterdam}\n"
    "    rate: {count: 30, per: 1m, burst: 60}\n"
    "    max_active: 500\n"
    "    auto_revoke_oldest: true\n"
    "  - {id: old, clients: [web], actions: [info], profiles: [ca], until: 2026-01-01}\n"
    "  - {id: acts, clients: [web], delegate: {for: [inner, idle]}, actions: [revoke]}\n"
    "  - {id: never, effect: deny, names: {dns: [red.pods.x.y, blue.pods.x.y, \"**.a.deep.x.y\", "
    "\"*.z.y\"], ip: [10.20.1.0/24, 11.0.0.0/8]}}\n"
    "  - {id: no-peer, effect: deny, clients: [pods], profiles: [peer, ca]}\n"
    "  - {id: elsewhere, effect: deny, names: {dns: [\"**.z.y\"]}}\n"
    "  - {id: no-info, effect: deny, actions: [info], clients: [pods]}\n";

static char *shown(const char *principal, bool json)
{
    struct policy *p = load_text(text);
    struct policy_caller caller;
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_true(policy_caller_by_principal(p, slice_of(principal), &caller));
    assert_true(policy_effective(p, &caller, NOW_S, json, &out));
    char *said = strdup(out.data);
    assert_non_null(said);
    buf_free(&out);
    policy_free(p);
    return said;
}

static void check_shown(const char *principal, bool json, const char *expected)
{
    char *said = shown(principal, json);
    assert_string_equal(said, expected);
    free(said);
}

static void test_text(void **state)
{
    (void)state;
    check_shown("pods:spiffe://x.y/ns/red/sa/api", false,
                "client pods\n"
                "  principal           pods:spiffe://x.y/ns/red/sa/api\n"
                "  description         Pods of all teams\n"
                "  groups              everything, inner\n"
                "\n"
                "rule main\n"
                "  place               test.yaml:10:5\n"
                "  state               not at this time\n"
                "  description         certificates of pods\n"
                "  owner               team@x.y\n"
                "  ticket              T-1\n"
                "  reason              they need them\n"
                "  until               2026-12-31\n"
                "  actions             newcert, revoke\n"
                "  dns                 red.pods.x.y\n"
                "                      ${jwt.team}.x.y\n"
                "                      **.deep.x.y\n"
                "  ip                  10.20.0.0/16\n"
                "  email               *@x.y\n"
                "  wildcards           true\n"
                "  common_name         *.pods.x.y\n"
                "                      The Fleet\n"
                "  subject C           \"NL\" or \"BE\"\n"
                "  subject O           \"Acme\" or \"Acme, Inc.\", at most 2, required\n"
                "  subject OU          always \"Pods\"\n"
                "  keys                ecdsa 256, ecdsa 384, rsa 2048 to 3072\n"
                "  max_names           5\n"
                "  max_validity        720h\n"
                "  profiles            server, peer\n"
                "  revoke              own\n"
                "  from                10.0.0.0/8\n"
                "                      2001:db8::/32\n"
                "  days                mon, tue, wed\n"
                "  hours               08:00-18:00\n"
                "  zone                Europe/Amsterdam\n"
                "  rate                30 in 1m, at most 60 at once\n"
                "  max_active          500\n"
                "  auto_revoke_oldest  true\n"
                "  but not, by rule    no-peer\n"
                "    actions           newcert\n"
                "    profiles          peer, ca\n"
                "  but not, by rule    never\n"
                "    names             red.pods.x.y\n"
                "                      **.a.deep.x.y\n"
                "                      10.20.1.0/24\n"
                "    actions           newcert\n");
}

static void test_json(void **state)
{
    (void)state;
    check_shown(
        "pods:spiffe://x.y/ns/red/sa/api", true,
        "{\"client\":\"pods\",\"principal\":\"pods:spiffe://x.y/ns/red/sa/api\",\"descri"
        "ption\":\"Pods of all teams\",\"groups\":[\"everything\",\"inner\"],\"rules\":[{\""
        "rule\":\"main\",\"place\":\"test.yaml:10:5\",\"state\":\"not at this time\",\"desc"
        "ription\":\"certificates of pods\",\"owner\":\"team@x.y\",\"ticket\":\"T-1\",\"rea"
        "son\":\"they need them\",\"until\":\"2026-12-31\",\"actions\":[\"newcert\",\"revok"
        "e\"],\"names\":{\"dns\":[\"red.pods.x.y\",\"${jwt.team}.x.y\",\"**.deep.x.y\"],\"i"
        "p\":[\"10.20.0.0/16\"],\"email\":[\"*@x.y\"]},\"wildcards\":true,\"common_name\":"
        "[\"*.pods.x.y\",\"The Fleet\"],\"subject\":{\"C\":{\"values\":[\"NL\",\"BE\"],\"requi"
        "red\":false,\"max\":1},\"O\":{\"values\":[\"Acme\",\"Acme, Inc.\"],\"required\":tru"
        "e,\"max\":2},\"OU\":{\"fixed\":\"Pods\"}},\"keys\":[\"ecdsa 256\",\"ecdsa 384\",\"rsa"
        " 2048 to 3072\"],\"max_names\":5,\"max_validity_s\":2592000,\"profiles\":[\"se"
        "rver\",\"peer\"],\"revoke\":\"own\",\"from\":[\"10.0.0.0/8\",\"2001:db8::/32\"],\"wh"
        "en\":{\"days\":[\"mon\",\"tue\",\"wed\"],\"hours\":[\"08:00-18:00\"],\"zone\":\"Europe"
        "/Amsterdam\"},\"rate\":{\"count\":30,\"per_s\":60,\"burst\":60},\"max_active\":50"
        "0,\"auto_revoke_oldest\":true,\"but_not\":[{\"rule\":\"no-peer\",\"actions\":[\"n"
        "ewcert\"],\"profiles\":[\"peer\",\"ca\"]},{\"rule\":\"never\",\"names\":[\"red.pods."
        "x.y\",\"**.a.deep.x.y\",\"10.20.1.0/24\"],\"actions\":[\"newcert\"]}]}]}\n");
}

static void test_others(void **state)
{
    (void)state;
    check_shown("idle", false,
                "client idle\n"
                "  principal           idle\n"
                "\n"
                "no rule allows this client anything\n");
    check_shown("idle", true,
                "{\"client\":\"idle\",\"principal\":\"idle\",\"groups\":[],\"rules\":[]}\n");
    char *said = shown("web", false);
    static const char *const parts[] = {
        /* no value for its placeholders */
        "  dns                 ${mtls.uri.path[1]}.pods.x.y\n",
        "rule old\n  place               test.yaml:37:5\n  state               ended\n",
        "  acts_for            pods, idle\n",
        "  but not, by rule    never\n    names             red.pods.x.y\n",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strstr(said, parts[i]) == NULL) {
            fail_msg("%s is not in %s", parts[i], said);
        }
    }
    assert_null(strstr(said, "no-peer"));
    assert_null(strstr(said, "elsewhere"));
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
