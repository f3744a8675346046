/* test_check_fields.c - a certificate that is right passes; one that is wrong in one field is refused
 * and that field is named, and no other. */
#include "tests/unit/ca/check_kit.h"

/* ---- one wrong field each ---- */

typedef void change_fn(struct plan *p, struct asked *a);

#define CHANGE(name) static void name(struct plan *p, struct asked *a)
/* SIMPLE - a change of one statement, of the certificate alone. */
#define SIMPLE(name, statement)                                                                    \
    CHANGE(name)                                                                                   \
    {                                                                                              \
        (void)a;                                                                                   \
        statement;                                                                                 \
    }
#define EXT_HEX(slot, text) p->exts[slot].hex = (text)

SIMPLE(nothing, (void)p)
CHANGE(version_1)
{
    p->version = 0;
    memset(p->exts, 0, sizeof(p->exts));
    a->expected.usages = (struct usage_set){0};
    a->ask.num_names = 0;
}
SIMPLE(serial_zero, p->serial_hex = "00")
SIMPLE(serial_negative, p->serial_hex = "-01")
SIMPLE(serial_21_bytes, p->serial_hex = "010102030405060708090a0b0c0d0e0f1011121314")
CHANGE(serial_top_bit)
{
    p->serial_hex = "ff0102030405060708090a0b0c0d0e0f10111213"; /* 20 bytes and a leading zero */
    (void)a;
}
SIMPLE(other_signer, p->sign_key = other_ca_key)
SIMPLE(signer_of_other_kind, p->sign_key = rsa_ca_key)
SIMPLE(sha1_signature, p->hash = "SHA1")
CHANGE(unknown_issuer)
{
    p->issuer[0] = (struct plan_attr){.type = "CN", .value = "Somebody Else"};
    (void)a;
}
CHANGE(expired_issuer)
{
    p->issuer[0] = (struct plan_attr){.type = "CN", .value = "Old CA"};
    (void)a;
}
CHANGE(from_the_future)
{
    p->not_before = PLAN_NOW + CHECK_CLOCK_SKEW_S + 1;
    p->not_after = p->not_before + DAY;
    (void)a;
}
CHANGE(within_skew)
{
    p->not_before = PLAN_NOW + CHECK_CLOCK_SKEW_S;
    p->not_after = p->not_before + DAY;
    (void)a;
}
SIMPLE(expired, p->not_after = PLAN_NOW)
SIMPLE(expires_soon, p->not_after = PLAN_NOW + 1)
SIMPLE(too_long, p->not_after += 1)
CHANGE(long_without_cap)
{
    p->not_after = 4102444800 + 365 * DAY; /* 2101: GeneralizedTime */
    a->expected.max_validity_s = 0;
}
SIMPLE(subject_value, p->subject[1].value = "ACME Inc")
SIMPLE(subject_case, p->subject[1].value = "acme inc.")
CHANGE(subject_missing)
{
    p->subject[0] = p->subject[2];
    p->subject[2].type = NULL;
    (void)a;
}
CHANGE(subject_extra)
{
    p->subject[3] = (struct plan_attr){.type = "O", .value = "system:masters"};
    (void)a;
}
SIMPLE(subject_twice, p->subject[3] = p->subject[1])
CHANGE(subject_email)
{
    p->subject[3] = (struct plan_attr){
        .type = "emailAddress", .value = "x@example.test", .string = V_ASN1_IA5STRING};
    (void)a;
}
SIMPLE(subject_mixed_rdn, p->subject[1].set = -1)
SIMPLE(subject_odd_string, p->subject[1].string = V_ASN1_T61STRING)
CHANGE(subject_reordered)
{
    const struct plan_attr first = p->subject[0];
    p->subject[0] = p->subject[2];
    p->subject[2] = first;
    (void)a;
}
static const struct subject_attr two_units[] = {{SUBJECT_O, {"ACME Inc.", 9}},
                                                {SUBJECT_OU, {"b", 1}},
                                                {SUBJECT_C, {"NL", 2}},
                                                {SUBJECT_OU, {"a", 1}}};
CHANGE(subject_two_units)
{
    p->subject[3] = (struct plan_attr){.type = "OU", .value = "a"};
    p->subject[4] = (struct plan_attr){.type = "OU", .value = "b", .set = -1};
    a->ask.subject = two_units;
    a->ask.num_subject = 4;
}
SIMPLE(cn_other, p->subject[2].value = "b.example.test")
SIMPLE(cn_missing, p->subject[2].type = NULL)
SIMPLE(cn_twice, p->subject[3] = p->subject[2])
CHANGE(cn_not_asked)
{
    (void)p;
    a->ask.common_name = (struct slice){0};
}
SIMPLE(name_missing, EXT_HEX(SLOT_SAN, "3010" SAN_A))
SIMPLE(name_extra, EXT_HEX(SLOT_SAN, "3030" SAN_A SAN_B SAN_C))
SIMPLE(name_other, EXT_HEX(SLOT_SAN, "3020" SAN_A SAN_C))
SIMPLE(name_twice, EXT_HEX(SLOT_SAN, "3030" SAN_A SAN_B SAN_A))
SIMPLE(name_other_type, EXT_HEX(SLOT_SAN, "3020" SAN_A "860e622e6578616d706c652e74657374"))
CHANGE(name_with_nul)
{
    EXT_HEX(SLOT_SAN, "3022" SAN_A "8210622e6578616d706c652e7465737400"
                      "2e");
    (void)a;
}
SIMPLE(name_with_ip_text, EXT_HEX(SLOT_SAN, "302a" SAN_A SAN_B "820831302e302e302e31"))
SIMPLE(name_directory, EXT_HEX(SLOT_SAN, "3024" SAN_A SAN_B "a4023000"))
SIMPLE(name_list_torn, EXT_HEX(SLOT_SAN, "3020" SAN_A "820f622e6578616d706c652e74657374"))
SIMPLE(name_list_trailing, EXT_HEX(SLOT_SAN, "3020" SAN_A SAN_B "00"))
SIMPLE(names_absent, p->exts[SLOT_SAN].oid = NULL)
CHANGE(names_empty)
{
    EXT_HEX(SLOT_SAN, "3000");
    a->ask.num_names = 0;
}
SIMPLE(name_upper_case, EXT_HEX(SLOT_SAN, "3020" SAN_A "820e422e4558414d504c452e54455354"))
CHANGE(names_all_kinds)
{
    static const char *const names[] = {"a.example.test",          "b.example.test",
                                        "spiffe://example.test/a", "10.0.0.1",
                                        "x@example.test",          NULL};
    EXT_HEX(SLOT_SAN, "304f" SAN_A SAN_B SAN_URI SAN_IP SAN_MAIL);
    ask_names(a, names);
}
CHANGE(name_mapped_ip)
{
    static const char *const names[] = {"a.example.test", "10.0.0.1", NULL};
    EXT_HEX(SLOT_SAN, "3022" SAN_A "871000000000000000000000ffff0a000001");
    ask_names(a, names);
}
SIMPLE(key_size, p->key = p384_key)
SIMPLE(key_kind, p->key = rsa_key)
CHANGE(key_p384)
{
    p->key = p384_key;
    a->ask.key_bits = 384;
}
CHANGE(key_p521)
{
    p->key = p521_key;
    a->ask.key_bits = 521;
}
CHANGE(key_rsa)
{
    p->key = rsa_key;
    a->ask.key_algo = KEY_RSA;
    a->ask.key_bits = 2048;
}
CHANGE(key_rsa_a_bit_short)
{
    p->key = rsa_small_key;
    a->ask.key_algo = KEY_RSA;
    a->ask.key_bits = 2048;
}
SIMPLE(is_ca, EXT_HEX(SLOT_BC, "30030101ff"))
SIMPLE(path_length, EXT_HEX(SLOT_BC, "3003020100"))
SIMPLE(false_written_out, EXT_HEX(SLOT_BC, "3003010100"))
CHANGE(no_basic)
{
    p->exts[SLOT_BC] = p->exts[SLOT_SAN];
    p->exts[SLOT_SAN].oid = NULL;
    (void)a;
}
CHANGE(cert_sign_asked_too)
{
    EXT_HEX(SLOT_KU, "030202a4");
    assert_true(usage_add(&a->expected.usages, SLICE("cert sign")));
}
SIMPLE(usage_more, EXT_HEX(SLOT_KU, "030203a8"))
SIMPLE(usage_less, EXT_HEX(SLOT_KU, "03020780"))
CHANGE(usage_absent)
{
    p->exts[SLOT_KU] = p->exts[SLOT_SAN];
    p->exts[SLOT_SAN].oid = NULL;
    (void)a;
}
SIMPLE(usage_torn, EXT_HEX(SLOT_KU, "030204a0"))
SIMPLE(ext_usage_other, EXT_HEX(SLOT_EKU, "300a06082b06010505070302"))
SIMPLE(ext_usage_more, EXT_HEX(SLOT_EKU, "301406082b0601050507030106082b06010505070302"))
SIMPLE(ext_usage_any, EXT_HEX(SLOT_EKU, "30060604551d2500"))
SIMPLE(ext_usage_unknown, EXT_HEX(SLOT_EKU, "301006082b0601050507030106042a030405"))
CHANGE(ext_usage_absent)
{
    p->exts[SLOT_EKU] = p->exts[SLOT_SAN];
    p->exts[SLOT_SAN].oid = NULL;
    (void)a;
}
CHANGE(ext_unknown)
{
    p->exts[SLOT_FREE] = (struct plan_ext){"1.3.6.1.4.1.44363.44", "0500", 0};
    (void)a;
}
CHANGE(ext_unknown_critical)
{
    p->exts[SLOT_FREE] = (struct plan_ext){"1.2.3.4", "0500", 1};
    (void)a;
}
CHANGE(ext_name_constraints)
{
    p->exts[SLOT_FREE] = (struct plan_ext){"2.5.29.30", "3000", 0};
    (void)a;
}
SIMPLE(ext_repeated, p->exts[SLOT_FREE] = p->exts[SLOT_SKI])
SIMPLE(ext_critical, p->exts[SLOT_SKI].critical = 1)
CHANGE(ext_from_profile)
{
    p->exts[SLOT_FREE] = (struct plan_ext){"2.5.29.31", "3000", 0};
    p->exts[SLOT_FREE + 1] = (struct plan_ext){"1.3.6.1.5.5.7.1.1", "3000", 0};
    p->exts[SLOT_FREE + 2] = (struct plan_ext){"2.5.29.32", "3000", 0};
    (void)a;
}
CHANGE(aki_other)
{
    EXT_HEX(SLOT_AKI, "30168014"
                      "00a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4");
    (void)a;
}
SIMPLE(aki_by_serial, EXT_HEX(SLOT_AKI, "3003820101"))
SIMPLE(aki_huge, EXT_HEX(SLOT_AKI, "30238021" SKI_HEX "0102030405060708090a0b0c0d"))
CHANGE(aki_absent)
{
    p->exts[SLOT_AKI] = p->exts[SLOT_SAN];
    p->exts[SLOT_SAN].oid = NULL;
    (void)a;
}
CHANGE(by_rsa_ca)
{
    p->issuer[0] = rsa_ca_subject[0];
    p->sign_key = rsa_ca_key;
    p->hash = "SHA512";
    (void)a;
}
CHANGE(by_ed_ca)
{
    p->issuer[0] = ed_ca_subject[0];
    p->sign_key = ed_ca_key;
    p->hash = NULL;
    (void)a;
}
SIMPLE(by_ec_sha384, p->hash = "SHA384")
CHANGE(by_rotated_old)
{
    p->issuer[0] = rotated_subject[0];
    p->sign_key = other_ca_key;
    EXT_HEX(SLOT_AKI, "300480020001");
    (void)a;
}
CHANGE(by_rotated_new)
{
    p->issuer[0] = rotated_subject[0];
    EXT_HEX(SLOT_AKI, "300480020002");
    (void)a;
}
CHANGE(by_rotated_wrong)
{
    p->issuer[0] = rotated_subject[0];
    EXT_HEX(SLOT_AKI, "300480020001");
    (void)a;
}

static const struct {
    const char *what;
    change_fn *change;
    unsigned differs;
} rows[] = {
#define ROW(change, bits)                                                                          \
    {                                                                                              \
#change, change, bits                                                                      \
    }
    ROW(nothing, 0),
    ROW(version_1, BIT(FIELD_VERSION)),
    ROW(serial_zero, BIT(FIELD_SERIAL)),
    ROW(serial_negative, BIT(FIELD_SERIAL)),
    ROW(serial_21_bytes, BIT(FIELD_SERIAL)),
    ROW(serial_top_bit, 0),
    ROW(other_signer, BIT(FIELD_SIGNATURE)),
    ROW(signer_of_other_kind, BIT(FIELD_SIGNATURE)),
    ROW(sha1_signature, BIT(FIELD_SIGNATURE)),
    ROW(unknown_issuer, BIT(FIELD_ISSUER)),
    ROW(expired_issuer, BIT(FIELD_ISSUER)),
    ROW(from_the_future, BIT(FIELD_NOT_BEFORE)),
    ROW(within_skew, 0),
    ROW(expired, BIT(FIELD_NOT_AFTER)),
    ROW(expires_soon, 0),
    ROW(too_long, BIT(FIELD_VALIDITY)),
    ROW(long_without_cap, 0),
    ROW(subject_value, BIT(FIELD_SUBJECT)),
    ROW(subject_case, BIT(FIELD_SUBJECT)),
    ROW(subject_missing, BIT(FIELD_SUBJECT)),
    ROW(subject_extra, BIT(FIELD_SUBJECT)),
    ROW(subject_twice, BIT(FIELD_SUBJECT)),
    ROW(subject_email, BIT(FIELD_SUBJECT)),
    ROW(subject_mixed_rdn, BIT(FIELD_SUBJECT)),
    ROW(subject_odd_string, BIT(FIELD_SUBJECT)),
    ROW(subject_reordered, 0),
    ROW(subject_two_units, 0),
    ROW(cn_other, BIT(FIELD_COMMON_NAME)),
    ROW(cn_missing, BIT(FIELD_COMMON_NAME)),
    ROW(cn_twice, BIT(FIELD_COMMON_NAME)),
    ROW(cn_not_asked, BIT(FIELD_COMMON_NAME)),
    ROW(name_missing, BIT(FIELD_NAMES)),
    ROW(name_extra, BIT(FIELD_NAMES)),
    ROW(name_other, BIT(FIELD_NAMES)),
    ROW(name_twice, BIT(FIELD_NAMES)),
    ROW(name_other_type, BIT(FIELD_NAMES)),
    ROW(name_with_nul, BIT(FIELD_NAMES)),
    ROW(name_with_ip_text, BIT(FIELD_NAMES)),
    ROW(name_directory, BIT(FIELD_NAMES)),
    ROW(name_list_torn, BIT(FIELD_NAMES)),
    ROW(name_list_trailing, BIT(FIELD_NAMES)),
    ROW(names_absent, BIT(FIELD_NAMES)),
    ROW(names_empty, BIT(FIELD_NAMES)),
    ROW(name_upper_case, 0),
    ROW(names_all_kinds, 0),
    ROW(name_mapped_ip, BIT(FIELD_NAMES)),
    ROW(key_size, BIT(FIELD_KEY)),
    ROW(key_kind, BIT(FIELD_KEY)),
    ROW(key_p384, 0),
    ROW(key_p521, 0),
    ROW(key_rsa, 0),
    ROW(key_rsa_a_bit_short, BIT(FIELD_KEY)),
    ROW(is_ca, BIT(FIELD_CA)),
    ROW(path_length, BIT(FIELD_CA)),
    ROW(false_written_out, BIT(FIELD_CA)),
    ROW(no_basic, 0),
    ROW(cert_sign_asked_too, BIT(FIELD_CA)),
    ROW(usage_more, BIT(FIELD_KEY_USAGE)),
    ROW(usage_less, BIT(FIELD_KEY_USAGE)),
    ROW(usage_absent, BIT(FIELD_KEY_USAGE)),
    ROW(usage_torn, BIT(FIELD_KEY_USAGE)),
    ROW(ext_usage_other, BIT(FIELD_EXT_KEY_USAGE)),
    ROW(ext_usage_more, BIT(FIELD_EXT_KEY_USAGE)),
    ROW(ext_usage_any, BIT(FIELD_EXT_KEY_USAGE)),
    ROW(ext_usage_unknown, BIT(FIELD_EXT_KEY_USAGE)),
    ROW(ext_usage_absent, BIT(FIELD_EXT_KEY_USAGE)),
    ROW(ext_unknown, BIT(FIELD_EXTENSIONS)),
    ROW(ext_unknown_critical, BIT(FIELD_EXTENSIONS)),
    ROW(ext_name_constraints, BIT(FIELD_EXTENSIONS)),
    ROW(ext_repeated, BIT(FIELD_EXTENSIONS)),
    ROW(ext_critical, BIT(FIELD_EXTENSIONS)),
    ROW(ext_from_profile, 0),
    ROW(aki_other, BIT(FIELD_AKI)),
    ROW(aki_by_serial, BIT(FIELD_AKI)),
    ROW(aki_huge, BIT(FIELD_AKI)),
    ROW(aki_absent, 0),
    ROW(by_rsa_ca, 0),
    ROW(by_ed_ca, 0),
    ROW(by_ec_sha384, 0),
    ROW(by_rotated_old, 0),
    ROW(by_rotated_new, 0),
    ROW(by_rotated_wrong, BIT(FIELD_SIGNATURE)),
};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan p = plan_copy();
        struct asked a;
        ask_good(&a);
        rows[i].change(&p, &a);
        must_differ(rows[i].what, check_plan(&p, &a), rows[i].differs);
        arena_free(&a.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
