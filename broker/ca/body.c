/* body.c - the request bodies of answer.h, written member by member from the typed ask (P2).
 *
 * Every string goes through buf_add_json_str, so the body is plain ASCII and no byte of a client
 * can end a string. The order of members is fixed; tests compare whole bodies. */
#include "broker/ca/answer.h"

static void add_member(struct buf *out, const char *name, struct slice value)
{
    buf_add_char(out, '"');
    buf_add_str(out, name);
    buf_add_str(out, "\":");
    buf_add_json_str(out, value);
}

static void add_hosts(const struct policy_ask *ask, struct buf *out)
{
    buf_add_str(out, "\"hosts\":[");
    for (size_t i = 0; i < ask->num_names; i++) {
        if (i > 0) {
            buf_add_char(out, ',');
        }
        buf_add_json_str(out, ask->names[i].text);
    }
    buf_add_char(out, ']');
}

/* nth_of - the nth attribute (from 0) of a type, NULL if there are fewer. */
static const struct subject_attr *nth_of(const struct policy_ask *ask, enum subject_attr_type type,
                                         size_t n)
{
    for (size_t i = 0; i < ask->num_subject; i++) {
        if (ask->subject[i].type == type && n-- == 0) {
            return &ask->subject[i];
        }
    }
    return NULL;
}

/* add_name - element n of names: the nth attribute of each type. False when there is none. */
static bool add_name(const struct policy_ask *ask, size_t n, struct buf *out)
{
    static const enum subject_attr_type types[] = {SUBJECT_C, SUBJECT_ST, SUBJECT_L, SUBJECT_O,
                                                   SUBJECT_OU};
    static const char *const members[] = {"C", "ST", "L", "O", "OU"};
    bool any = false;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct subject_attr *attr = nth_of(ask, types[i], n);
        if (attr == NULL) {
            continue;
        }
        if (any) {
            buf_add_char(out, ',');
        } else {
            buf_add_str(out, n == 0 ? "{" : ",{");
        }
        add_member(out, members[i], attr->value);
        any = true;
    }
    if (any) {
        buf_add_char(out, '}');
    }
    return any;
}

static void add_names(const struct policy_ask *ask, struct buf *out)
{
    size_t n = 0;
    buf_add_str(out, ",\"names\":[");
    while (add_name(ask, n, out)) {
        n++;
    }
    buf_add_char(out, ']');
}

static bool is_default(struct slice profile)
{
    return profile.len == 0 || slice_eq_str(profile, "default");
}

bool ca_body_newcert(const struct policy_ask *ask, struct buf *out)
{
    const struct subject_attr *serial = nth_of(ask, SUBJECT_SERIAL, 0);
    if (nth_of(ask, SUBJECT_SERIAL, 1) != NULL) {
        return false; /* CFSSL has room for one only */
    }
    buf_add_str(out, "{\"request\":{");
    if (ask->common_name.ptr != NULL) {
        add_member(out, "CN", ask->common_name);
        buf_add_char(out, ',');
    }
    add_hosts(ask, out);
    if (serial == NULL ? ask->num_subject > 0 : ask->num_subject > 1) {
        add_names(ask, out);
    }
    if (serial != NULL) {
        buf_add_char(out, ',');
        add_member(out, "serialnumber", serial->value);
    }
    buf_add_str(out, ",\"key\":{\"algo\":");
    buf_add_json_str(out, slice_of(key_algo_word(ask->key_algo)));
    buf_add_str(out, ",\"size\":");
    buf_add_u64(out, ask->key_bits);
    buf_add_str(out, "}}");
    if (!is_default(ask->profile)) {
        buf_add_char(out, ',');
        add_member(out, "profile", ask->profile);
    }
    buf_add_char(out, '}');
    return buf_ok(out);
}

bool ca_body_revoke(struct slice serial_dec, struct slice aki, struct slice reason, struct buf *out)
{
    buf_add_char(out, '{');
    add_member(out, "serial", serial_dec);
    buf_add_char(out, ',');
    add_member(out, "authority_key_id", aki);
    buf_add_char(out, ',');
    add_member(out, "reason", reason);
    buf_add_char(out, '}');
    return buf_ok(out);
}

bool ca_body_certinfo(struct slice serial_dec, struct slice aki, struct buf *out)
{
    buf_add_char(out, '{');
    add_member(out, "serial", serial_dec);
    buf_add_char(out, ',');
    add_member(out, "authority_key_id", aki);
    buf_add_char(out, '}');
    return buf_ok(out);
}

bool ca_body_info(struct slice profile, struct buf *out)
{
    buf_add_char(out, '{');
    if (!is_default(profile)) {
        add_member(out, "profile", profile);
    }
    buf_add_char(out, '}');
    return buf_ok(out);
}
