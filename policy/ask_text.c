/* ask_text.c - see ask_text.h. Holds to the limits of a request; who may have what is not its matter. */
#include "policy/ask_text.h"

#define COMMON_NAME_MAX 256U
#define SUBJECT_VALUE_MAX 128U
#define RSA_BITS_LEAST 2048U
#define RSA_BITS_MOST 8192U

const char *const ask_text_actions[] = {"newcert", "revoke", "info", NULL};
const char *const ask_text_relations[] = {"own", "foreign", "unknown", NULL};

void ask_text_init(struct ask_text *a, struct arena *arena)
{
    a->arena = arena;
    a->ask = (struct policy_ask){.action = ACTION_NEWCERT,
                                 .key_algo = KEY_ECDSA,
                                 .key_bits = 256,
                                 .profile = SLICE("default"),
                                 .profile_omitted = true,
                                 .relation = CERT_OWN};
}

static enum cb_code no_memory(struct cb_err *err)
{
    return cb_fail(err, CB_ENOMEM, "out of memory");
}

enum cb_code ask_text_add_name(struct ask_text *a, struct slice text, struct cb_err *err)
{
    if (a->ask.num_names == ASK_TEXT_NAMES_MAX) {
        return cb_fail(err, CB_EINPUT, "more than %u names", ASK_TEXT_NAMES_MAX);
    }
    TRY(name_parse(a->arena, text, &a->names[a->ask.num_names], err));
    a->ask.num_names++;
    return CB_OK;
}

/* is_line - text as a certificate may carry it; what is invisible but no control character is left to
 * the parser of requests. */
static bool is_line(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
            return false;
        }
    }
    return utf8_valid(text);
}

static enum cb_code check_text(struct slice text, size_t max, struct cb_err *err)
{
    if (text.len == 0 || text.len > max || !is_line(text)) {
        return cb_fail(err, CB_EINPUT, "must be 1 to %zu bytes of text without control characters",
                       max);
    }
    return CB_OK;
}

enum cb_code ask_text_set_common_name(struct ask_text *a, struct slice text, struct cb_err *err)
{
    struct name name;
    struct cb_err ignored;
    TRY(check_text(text, COMMON_NAME_MAX, err));
    const bool is_name = name_parse(a->arena, text, &name, &ignored) == CB_OK &&
                         (name.kind == NAME_DNS || name.kind == NAME_IP);
    a->ask.common_name = is_name ? name.text : arena_slice(a->arena, text);
    return a->ask.common_name.ptr == NULL ? no_memory(err) : CB_OK;
}

static bool subject_type(struct slice word, enum subject_attr_type *ret)
{
    for (unsigned i = 0; i < SUBJECT_ATTR_COUNT; i++) {
        if (slice_eq_str(word, subject_attr_word((enum subject_attr_type)i))) {
            *ret = (enum subject_attr_type)i;
            return true;
        }
    }
    return false;
}

enum cb_code ask_text_add_subject(struct ask_text *a, struct slice word, struct slice value,
                                  struct cb_err *err)
{
    enum subject_attr_type type = SUBJECT_C;
    char quoted[NAME_QUOTE_SIZE];
    if (!subject_type(word, &type)) {
        return cb_fail(err, CB_EINPUT,
                       "there is no subject attribute \"%s\": it is one of C, ST, L, O, OU, "
                       "serialNumber",
                       name_quote(word, quoted));
    }
    if (a->ask.num_subject == ASK_TEXT_SUBJECT_MAX) {
        return cb_fail(err, CB_EINPUT, "more than %u subject attributes", ASK_TEXT_SUBJECT_MAX);
    }
    TRY(check_text(value, SUBJECT_VALUE_MAX, err));
    const struct slice copy = arena_slice(a->arena, value);
    if (copy.ptr == NULL) {
        return no_memory(err);
    }
    size_t at = a->ask.num_subject++; /* by type, and in their order within one, as in a request */
    for (; at > 0 && a->subject[at - 1].type > type; at--) {
        a->subject[at] = a->subject[at - 1];
    }
    a->subject[at] = (struct subject_attr){type, copy};
    return CB_OK;
}

enum cb_code ask_text_set_key(struct ask_text *a, struct slice text, struct cb_err *err)
{
    const struct slice ecdsa = SLICE("ecdsa-");
    const struct slice rsa = SLICE("rsa-");
    const bool is_ecdsa = slice_has_prefix(text, ecdsa);
    const size_t front = is_ecdsa ? ecdsa.len : rsa.len;
    uint64_t bits = 0;
    const bool is_number = (is_ecdsa || slice_has_prefix(text, rsa)) &&
                           slice_to_u64((struct slice){text.ptr + front, text.len - front}, &bits);
    const bool good = is_ecdsa ? bits == 256 || bits == 384 || bits == 521
                               : bits >= RSA_BITS_LEAST && bits <= RSA_BITS_MOST;
    if (!is_number || !good) {
        char quoted[NAME_QUOTE_SIZE];
        return cb_fail(err, CB_EINPUT,
                       "must be ecdsa-256, ecdsa-384, ecdsa-521 or rsa- and %u to %u, not \"%s\"",
                       RSA_BITS_LEAST, RSA_BITS_MOST, name_quote(text, quoted));
    }
    a->ask.key_algo = is_ecdsa ? KEY_ECDSA : KEY_RSA;
    a->ask.key_bits = (unsigned)bits;
    return CB_OK;
}

void ask_text_done(struct ask_text *a)
{
    a->ask.num_names = name_sort_unique(a->names, a->ask.num_names);
    a->ask.names = a->names;
    a->ask.subject = a->subject;
}

enum cb_code ask_text_peer(struct arena *arena, struct slice text, struct name *ret,
                           struct cb_err *err)
{
    char quoted[NAME_QUOTE_SIZE];
    if (name_classify(text) != NAME_IP) {
        return cb_fail(err, CB_EINPUT, "must be one IP address, not \"%s\"",
                       name_quote(text, quoted));
    }
    return name_parse(arena, text, ret, err);
}
