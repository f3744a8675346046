/* parse_newcert.c - the body of CFSSL's newcert as a typed ask in canonical form. Decides nothing
 * about who may have what; makes sure there is exactly one reading of what was asked. */
#include "broker/request/parse.h"

#include "broker/request/parse_body.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#define COMMON_NAME_CHARS_MAX 64U  /* X.520 ub-common-name */
#define COMMON_NAME_BYTES_MAX 256U /* the same in UTF-8 */
#define SERIALNUMBER_MAX 64U       /* X.520 ub-serial-number */
#define SUBJECT_VALUE_MAX 128U
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

enum { TOP_REQUEST, TOP_PROFILE, TOP_LABEL, TOP_BUNDLE, TOP_ON_BEHALF_OF, TOP_NUM };
static const struct member top_members[TOP_NUM] = {
    [TOP_REQUEST] = {"request", MEMBER_OBJECT},
    [TOP_PROFILE] = {"profile", MEMBER_STRING},
    [TOP_LABEL] = {"label", MEMBER_STRING},
    [TOP_BUNDLE] = {"bundle", MEMBER_BOOL},
    [TOP_ON_BEHALF_OF] = {"on_behalf_of", MEMBER_STRING},
};

enum { REQ_CN, REQ_HOSTS, REQ_NAMES, REQ_KEY, REQ_SERIALNUMBER, REQ_NUM };
static const struct member request_members[REQ_NUM] = {
    [REQ_CN] = {"CN", MEMBER_STRING},
    [REQ_HOSTS] = {"hosts", MEMBER_ARRAY},
    [REQ_NAMES] = {"names", MEMBER_ARRAY},
    [REQ_KEY] = {"key", MEMBER_OBJECT},
    [REQ_SERIALNUMBER] = {"serialnumber", MEMBER_STRING},
};

enum { KEY_ALGO, KEY_SIZE, KEY_NUM };
static const struct member key_members[KEY_NUM] = {
    [KEY_ALGO] = {"algo", MEMBER_STRING},
    [KEY_SIZE] = {"size", MEMBER_INTEGER},
};

/* The row number is the attribute's type. */
#define NAME_NUM ((size_t)SUBJECT_OU + 1)
static const struct member name_members[] = {
    [SUBJECT_C] = {"C", MEMBER_STRING},   [SUBJECT_ST] = {"ST", MEMBER_STRING},
    [SUBJECT_L] = {"L", MEMBER_STRING},   [SUBJECT_O] = {"O", MEMBER_STRING},
    [SUBJECT_OU] = {"OU", MEMBER_STRING},
};

static enum cb_code fail_memory(struct cb_err *err)
{
    return cb_fail(err, CB_ENOMEM, "the request does not fit into its memory");
}

/* ---- hosts and CN ---- */
static enum cb_code read_host(struct arena *arena, const cJSON *host, size_t i, struct name *ret,
                              struct cb_err *err)
{
    if (!cJSON_IsString(host)) {
        char path[BODY_PATH_MAX];
        (void)snprintf(path, sizeof(path), "request.hosts[%zu]", i);
        return body_check_type(host, MEMBER_STRING, path, err);
    }
    struct cb_err why;
    const enum cb_code code = name_parse(arena, slice_of(host->valuestring), ret, &why);
    return code == CB_OK ? CB_OK : cb_fail(err, code, "request.hosts[%zu]: %s", i, why.msg);
}

/* read_hosts - absent and [] both mean "no names": whether that may be is the policy's to say. */
static enum cb_code read_hosts(struct arena *arena, const cJSON *hosts, struct policy_ask *ask,
                               struct cb_err *err)
{
    const int size = hosts == NULL ? 0 : cJSON_GetArraySize(hosts);
    const size_t num = (size_t)size;
    if (num > ASK_NAMES_MAX) {
        return cb_fail(err, CB_ELIMIT, "request.hosts: more than %u names", ASK_NAMES_MAX);
    }
    if (num == 0) {
        return CB_OK;
    }
    struct name *names = arena_array(arena, num, sizeof(*names));
    if (names == NULL) {
        return fail_memory(err);
    }
    size_t i = 0;
    size_t bytes = 0;
    const cJSON *host = NULL;
    cJSON_ArrayForEach(host, hosts)
    {
        TRY(read_host(arena, host, i, &names[i], err));
        bytes += names[i].text.len;
        i++;
    }
    if (bytes > ASK_NAMES_BYTES_MAX) {
        return cb_fail(err, CB_ELIMIT, "request.hosts: more than %u bytes of names",
                       ASK_NAMES_BYTES_MAX);
    }
    ask->names = names;
    ask->num_names = name_sort_unique(names, num);
    return CB_OK;
}

/* read_common_name - a CN that is a host name or address takes that name's canonical form, so that
 * it can be compared with the names; any other text stays as it is for the policy's patterns. */
static enum cb_code read_common_name(struct arena *arena, const cJSON *member, struct slice *ret,
                                     struct cb_err *err)
{
    const struct slice text = body_text(member);
    if (text.ptr == NULL) {
        return CB_OK;
    }
    TRY(text_check(text, COMMON_NAME_CHARS_MAX, COMMON_NAME_BYTES_MAX, "request.CN", err));
    struct name name;
    struct cb_err ignored;
    const bool is_name = name_parse(arena, text, &name, &ignored) == CB_OK &&
                         (name.kind == NAME_DNS || name.kind == NAME_IP);
    const struct slice copy = is_name ? name.text : arena_slice(arena, text);
    if (copy.ptr == NULL) {
        return fail_memory(err);
    }
    *ret = copy;
    return CB_OK;
}

/* ---- subject ---- */
struct subject {
    struct subject_attr attrs[ASK_SUBJECT_MAX];
    size_t num;
};

static bool is_country(struct slice s)
{
    return s.len == 2 && s.ptr[0] >= 'A' && s.ptr[0] <= 'Z' && s.ptr[1] >= 'A' && s.ptr[1] <= 'Z';
}

/* is_printable_string - the characters of ASN.1's PrintableString (X.680 41.4). */
static bool is_printable_string(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_alnum(s.ptr[i]) && !slice_has_byte(SLICE(" '()+,-./:=?"), s.ptr[i])) {
            return false;
        }
    }
    return true;
}

static enum cb_code check_value(enum subject_attr_type type, struct slice value, const char *path,
                                struct cb_err *err)
{
    TRY(text_check(value, SUBJECT_VALUE_MAX, SUBJECT_VALUE_MAX, path, err));
    if (type == SUBJECT_C && !is_country(value)) {
        return cb_fail(err, CB_EINPUT, "%s: must be a country code of two upper-case letters",
                       path);
    }
    if (type == SUBJECT_SERIAL && (value.len > SERIALNUMBER_MAX || !is_printable_string(value))) {
        return cb_fail(err, CB_EINPUT,
                       "%s: must be at most %u letters, digits, spaces or any of '()+,-./:=?", path,
                       SERIALNUMBER_MAX);
    }
    return CB_OK;
}

/* add_attr - insert behind the last one of the same or an earlier type: CFSSL groups the subject
 * by type and keeps the order of repeats, so this is the same subject in a canonical order. */
static enum cb_code add_attr(struct arena *arena, struct subject *subject,
                             enum subject_attr_type type, const cJSON *member, const char *path,
                             struct cb_err *err)
{
    const struct slice value = body_text(member);
    if (value.ptr == NULL) {
        return CB_OK;
    }
    TRY(check_value(type, value, path, err));
    if (subject->num == ASK_SUBJECT_MAX) {
        return cb_fail(err, CB_ELIMIT, "request.names: more than %u subject attributes in all",
                       ASK_SUBJECT_MAX);
    }
    const struct slice copy = arena_slice(arena, value);
    if (copy.ptr == NULL) {
        return fail_memory(err);
    }
    size_t at = subject->num++;
    while (at > 0 && subject->attrs[at - 1].type > type) {
        subject->attrs[at] = subject->attrs[at - 1];
        at--;
    }
    subject->attrs[at] = (struct subject_attr){type, copy};
    return CB_OK;
}

static enum cb_code read_name_element(struct arena *arena, const cJSON *element, size_t i,
                                      struct subject *subject, struct cb_err *err)
{
    char where[BODY_PATH_MAX];
    (void)snprintf(where, sizeof(where), "request.names[%zu]", i);
    TRY(body_check_type(element, MEMBER_OBJECT, where, err));
    const cJSON *values[NAME_NUM];
    TRY(body_members(element, where, name_members, NAME_NUM, values, err));
    for (size_t type = 0; type < NAME_NUM; type++) {
        if (values[type] == NULL) {
            continue;
        }
        char path[BODY_PATH_MAX + 4];
        (void)snprintf(path, sizeof(path), "%s.%s", where, name_members[type].name);
        TRY(add_attr(arena, subject, (enum subject_attr_type)type, values[type], path, err));
    }
    return CB_OK;
}

static enum cb_code read_subject(struct arena *arena, const cJSON *names, const cJSON *serialnumber,
                                 struct policy_ask *ask, struct cb_err *err)
{
    struct subject subject = {.num = 0};
    size_t i = 0;
    const cJSON *element = NULL;
    cJSON_ArrayForEach(element, names)
    {
        TRY(read_name_element(arena, element, i, &subject, err));
        i++;
    }
    TRY(add_attr(arena, &subject, SUBJECT_SERIAL, serialnumber, "request.serialnumber", err));
    if (subject.num == 0) {
        return CB_OK;
    }
    struct subject_attr *attrs = arena_array(arena, subject.num, sizeof(*attrs));
    if (attrs == NULL) {
        return fail_memory(err);
    }
    memcpy(attrs, subject.attrs, subject.num * sizeof(*attrs));
    ask->subject = attrs;
    ask->num_subject = subject.num;
    return CB_OK;
}

/* ---- key ---- */
static enum cb_code check_key(enum key_algo algo, int bits, struct cb_err *err)
{
    switch (algo) {
    case KEY_ECDSA:
        if (bits == 256 || bits == 384 || bits == 521) {
            return CB_OK;
        }
        return cb_fail(err, CB_EINPUT, "request.key.size: ecdsa keys have 256, 384 or 521 bits");
    case KEY_RSA:
        if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX) {
            return CB_OK;
        }
        return cb_fail(err, CB_EINPUT, "request.key.size: rsa keys have %d to %d bits",
                       RSA_BITS_MIN, RSA_BITS_MAX);
    }
    return cb_fail(err, CB_EINTERNAL, "no such key algorithm");
}

/* read_key - absent means CFSSL's own default. A partial object is refused: CFSSL would fill the
 * other half in with a default that differs between its versions. */
static enum cb_code read_key(const cJSON *key, struct policy_ask *ask, struct cb_err *err)
{
    ask->key_algo = KEY_ECDSA;
    ask->key_bits = 256;
    if (key == NULL) {
        return CB_OK;
    }
    const cJSON *values[KEY_NUM];
    TRY(body_members(key, "request.key", key_members, KEY_NUM, values, err));
    if (values[KEY_ALGO] == NULL || values[KEY_SIZE] == NULL) {
        return cb_fail(err, CB_EINPUT,
                       "request.key: give both algo and size, e.g. "
                       "{\"algo\":\"ecdsa\",\"size\":256}, or leave key out for that one");
    }
    const struct slice algo = slice_of(values[KEY_ALGO]->valuestring);
    if (slice_eq_str(algo, "rsa")) {
        ask->key_algo = KEY_RSA;
    } else if (!slice_eq_str(algo, "ecdsa")) {
        return cb_fail(err, CB_EINPUT, "request.key.algo: must be \"ecdsa\" or \"rsa\"");
    }
    const int bits = values[KEY_SIZE]->valueint;
    TRY(check_key(ask->key_algo, bits, err));
    ask->key_bits = (unsigned)bits;
    return CB_OK;
}

static enum cb_code read_request(struct arena *arena, const cJSON *request, struct policy_ask *ask,
                                 struct cb_err *err)
{
    const cJSON *values[REQ_NUM];
    TRY(body_members(request, "request", request_members, REQ_NUM, values, err));
    TRY(read_common_name(arena, values[REQ_CN], &ask->common_name, err));
    TRY(read_hosts(arena, values[REQ_HOSTS], ask, err));
    TRY(read_subject(arena, values[REQ_NAMES], values[REQ_SERIALNUMBER], ask, err));
    return read_key(values[REQ_KEY], ask, err);
}

static enum cb_code read_top(struct arena *arena, const cJSON *root, struct policy_ask *ask,
                             struct cb_err *err)
{
    const cJSON *values[TOP_NUM];
    TRY(body_members(root, "", top_members, TOP_NUM, values, err));
    TRY(body_no_label(values[TOP_LABEL], err));
    if (values[TOP_BUNDLE] != NULL && cJSON_IsTrue(values[TOP_BUNDLE])) {
        return cb_fail(err, CB_EINPUT, "bundle: only false is accepted: bundles are not made here");
    }
    if (values[TOP_REQUEST] == NULL) {
        return cb_fail(err, CB_EINPUT,
                       "request: this member is missing; "
                       "it holds CN, hosts, names, key, serialnumber");
    }
    struct slice profile;
    TRY(body_profile(values[TOP_PROFILE], &profile, err));
    ask->profile = arena_slice(arena, profile);
    ask->profile_omitted = values[TOP_PROFILE] == NULL;
    if (ask->profile.ptr == NULL) {
        return fail_memory(err);
    }
    TRY(body_on_behalf_of(arena, values[TOP_ON_BEHALF_OF], &ask->on_behalf_of, err));
    return read_request(arena, values[TOP_REQUEST], ask, err);
}

enum cb_code parse_newcert(struct arena *arena, struct slice body, struct policy_ask *ret,
                           struct cb_err *err)
{
    cJSON *root = NULL;
    TRY(body_open(body, &root, err));
    struct policy_ask ask = {.action = ACTION_NEWCERT};
    const enum cb_code code = read_top(arena, root, &ask, err);
    cJSON_Delete(root);
    if (code == CB_OK) {
        *ret = ask;
    }
    return code;
}
