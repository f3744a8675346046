/* read_ask.c - from a record of the log back to what the policy was asked.
 *
 * The way back of broker/request/record.c. Does not guess: a record in which something that a
 * decision looks at is missing, was cut, or is not written as this program writes it, is unclear. */
#include "broker/history/read_ask.h"

/* may_hold - can a line of this type be about a decision at all? Most lines cannot. */
static bool may_hold(enum audit_type type)
{
    return audit_type_is_attempt(type) || type == AUDIT_AUTHZ_DENY || type == AUDIT_INFO_OK ||
           type == AUDIT_REQUEST_REFUSED || type == AUDIT_LIMIT_DROP;
}

static bool is_quota_word(struct slice reason)
{
    return slice_eq(reason, SLICE("rate_limited")) || slice_eq(reason, SLICE("too_many_active"));
}

/* was_cut - is anything that is decided by in the list of what was cut? */
static bool was_cut(struct slice trunc)
{
    static const struct slice needed[] = {
        {"\"who.id\"", 8}, {"\"who.via\"", 9}, {"\"who.credential\"", 16}, {"\"on_behalf_of\"", 14},
        {"\"peer\"", 6},   {"\"action\"", 8},  {"\"profile\"", 9},         {"\"cert_owner\"", 12}};
    for (size_t i = 0; trunc.ptr != NULL && i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (memmem(trunc.ptr, trunc.len, needed[i].ptr, needed[i].len) != NULL) {
            return true;
        }
    }
    return false;
}

static bool read_action(struct slice word, enum policy_action *ret)
{
    for (unsigned i = 0; i < POLICY_ACTION_COUNT; i++) {
        if (slice_eq_str(word, policy_action_word((enum policy_action)i))) {
            *ret = (enum policy_action)i;
            return true;
        }
    }
    return false;
}

static bool read_key(struct slice text, struct policy_ask *ask)
{
    static const enum key_algo algos[] = {KEY_ECDSA, KEY_RSA};
    for (size_t i = 0; i < sizeof(algos) / sizeof(algos[0]); i++) {
        const struct slice word = slice_of(key_algo_word(algos[i]));
        uint64_t bits = 0;
        if (text.len <= word.len || !slice_has_prefix(text, word) || text.ptr[word.len] != '-') {
            continue;
        }
        const struct slice number = {text.ptr + word.len + 1, text.len - word.len - 1};
        if (!slice_to_u64(number, &bits) || bits > UINT16_MAX) {
            return false;
        }
        ask->key_algo = algos[i];
        ask->key_bits = (unsigned)bits;
        return true;
    }
    return false;
}

static bool read_subject(const struct audit_event *e, struct arena *arena, struct policy_ask *ask,
                         bool *ret_no_memory)
{
    if (e->num_subject == 0) {
        return true;
    }
    struct subject_attr *attrs = arena_array(arena, e->num_subject, sizeof(*attrs));
    if (attrs == NULL) {
        *ret_no_memory = true;
        return false;
    }
    for (size_t i = 0; i < e->num_subject; i++) {
        unsigned type = 0;
        while (type < SUBJECT_ATTR_COUNT &&
               !slice_eq_str(e->subject[i].key, subject_attr_word((enum subject_attr_type)type))) {
            type++;
        }
        if (type == SUBJECT_ATTR_COUNT) {
            return false;
        }
        attrs[i] = (struct subject_attr){(enum subject_attr_type)type, e->subject[i].value};
    }
    ask->subject = attrs;
    ask->num_subject = e->num_subject;
    return true;
}

/* read_list - the names of one kind behind those already there; each must be what the log was given:
 * canonical, of this kind. */
static bool read_list(const struct slice *texts, size_t num, enum name_kind kind,
                      struct arena *arena, struct name *names, size_t *num_names)
{
    for (size_t i = 0; i < num; i++) {
        struct name *name = &names[*num_names];
        struct cb_err err;
        if (name_parse(arena, texts[i], name, &err) != CB_OK || name->kind != kind ||
            !slice_eq(name->text, texts[i])) {
            return false;
        }
        *num_names += 1;
    }
    return true;
}

static bool is_sorted(const struct name *names, size_t num)
{
    for (size_t i = 1; i < num; i++) {
        if (name_cmp(&names[i - 1], &names[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static bool read_names(const struct audit_names *want, struct arena *arena, struct policy_ask *ask,
                       bool *ret_no_memory)
{
    const size_t num = want->num_dns + want->num_ip + want->num_uri + want->num_email;
    size_t got = 0;
    ask->common_name = want->cn;
    if (num == 0) {
        return true;
    }
    struct name *names = arena_array(arena, num, sizeof(*names));
    if (names == NULL) {
        *ret_no_memory = true;
        return false;
    }
    if (!read_list(want->dns, want->num_dns, NAME_DNS, arena, names, &got) ||
        !read_list(want->ip, want->num_ip, NAME_IP, arena, names, &got) ||
        !read_list(want->uri, want->num_uri, NAME_URI, arena, names, &got) ||
        !read_list(want->email, want->num_email, NAME_EMAIL, arena, names, &got)) {
        return false;
    }
    ask->names = names;
    ask->num_names = is_sorted(names, num) ? num : name_sort_unique(names, num);
    return true;
}

/* read_peer - "10.20.0.7:41234" or "[2001:db8::7]:41234". Anything else (a local socket) has no
 * address. */
static struct name read_peer(struct slice text, struct arena *arena)
{
    struct name peer = {0};
    struct cb_err err;
    const char *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
    if (colon == NULL) {
        return peer;
    }
    struct slice host = {text.ptr, (size_t)(colon - text.ptr)};
    if (host.len > 1 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        host.ptr++;
        host.len -= 2;
    }
    if (name_parse(arena, host, &peer, &err) != CB_OK || peer.kind != NAME_IP) {
        return (struct name){0};
    }
    return peer;
}

static bool read_claims(const struct audit_event *e, struct arena *arena, struct history_ask *ret,
                        bool *ret_no_memory)
{
    if (e->num_claims == 0) {
        return true;
    }
    struct policy_claim *claims = arena_array(arena, e->num_claims, sizeof(*claims));
    if (claims == NULL) {
        *ret_no_memory = true;
        return false;
    }
    for (size_t i = 0; i < e->num_claims; i++) {
        claims[i] = (struct policy_claim){e->claims[i].key, e->claims[i].value};
    }
    ret->claims = claims;
    ret->num_claims = e->num_claims;
    return true;
}

/* relation_of - as stage_lookup.c found it, seen from whom it is for. */
static enum cert_relation relation_of(const struct history_ask *ask)
{
    if (ask->cert_owner.ptr == NULL) {
        return CERT_UNKNOWN;
    }
    const struct slice party =
        ask->ask.on_behalf_of.ptr != NULL ? ask->ask.on_behalf_of : ask->principal;
    return slice_eq(ask->cert_owner, party) ? CERT_OWN : CERT_FOREIGN;
}

static void read_plain(const struct audit_event *e, struct history_ask *ret)
{
    ret->req = e->req;
    ret->principal = e->who_id;
    ret->via = e->who_via;
    ret->credential = e->who_credential;
    ret->uri = slice_eq(e->who_via, SLICE("mtls.uri")) ? e->who_credential : (struct slice){0};
    ret->was_allowed = e->type != AUDIT_AUTHZ_DENY && e->type != AUDIT_REQUEST_REFUSED;
    ret->by_quota = !ret->was_allowed && is_quota_word(e->reason);
    ret->rule = e->rule;
    ret->reason = e->reason;
    ret->policy_sha256 = e->policy_sha256;
    ret->cert_owner = e->cert_owner;
    ret->ask.on_behalf_of = e->on_behalf_of;
    ret->ask.profile = e->profile;
}

static bool is_complete(const struct audit_event *e, struct arena *arena, struct history_ask *ret,
                        bool *ret_no_memory)
{
    struct policy_ask *ask = &ret->ask;
    if (e->who_id.len == 0 || !read_action(e->action, &ask->action) ||
        !read_names(&e->want, arena, ask, ret_no_memory) ||
        !read_claims(e, arena, ret, ret_no_memory)) {
        return false;
    }
    ret->peer = read_peer(e->peer, arena);
    if (ask->action == ACTION_REVOKE) {
        ask->relation = relation_of(ret);
        return e->type != AUDIT_ISSUE_ATTEMPT;
    }
    return e->type != AUDIT_REVOKE_ATTEMPT && ask->profile.len > 0 &&
           (ask->action == ACTION_INFO ||
            (read_key(e->key, ask) && read_subject(e, arena, ask, ret_no_memory)));
}

/* read_event - no_memory apart, this cannot fail: what can't be read is unclear. */
static void read_event(const struct audit_line *line, const struct audit_event *e,
                       struct slice trunc, struct arena *arena, struct ask_line *ret,
                       bool *ret_no_memory)
{
    const bool is_quota = is_quota_word(e->reason);
    if (line->type == AUDIT_LIMIT_DROP) {
        ret->kind = is_quota && e->count != UINT64_MAX ? LINE_COUNT : LINE_OTHER;
        ret->count = e->count;
        return;
    }
    if (slice_eq(e->who_via, SLICE("broker")) ||
        (line->type == AUDIT_REQUEST_REFUSED && !is_quota)) {
        return;
    }
    ret->ask = (struct history_ask){.seq = line->seq, .ts_us = line->ts_us};
    read_plain(e, &ret->ask);
    const bool complete = !was_cut(trunc) && is_complete(e, arena, &ret->ask, ret_no_memory);
    ret->kind = complete || ret->ask.by_quota ? LINE_ASK : LINE_UNCLEAR;
}

enum cb_code read_ask(const struct audit_line *line, struct arena *arena, struct ask_line *ret,
                      struct cb_err *err)
{
    struct audit_event e;
    struct slice trunc = {0};
    bool no_memory = false;
    ret->kind = LINE_OTHER;
    if (!may_hold(line->type)) {
        return CB_OK;
    }
    const enum cb_code code = audit_line_decode(line, arena, &e, &trunc, err);
    if (code == CB_ENOMEM) {
        return code;
    }
    if (code != CB_OK) {
        ret->kind = LINE_UNCLEAR;
        return CB_OK;
    }
    read_event(line, &e, trunc, arena, ret, &no_memory);
    return no_memory ? cb_fail(err, CB_ENOMEM, "no memory to read a record") : CB_OK;
}
