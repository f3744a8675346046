/* check_fields.c - see check_fields.h: subject, names, and the small extensions. Reads in place;
 * what a name may look like is policy/name.h's business alone. */
#include "broker/ca/check_fields.h"

#include "broker/ca/check_der.h"

/* ---- subject ---- */

#define ATTRS_MAX 32

static const struct {
    enum subject_attr_type type;
    char last; /* the last byte of 2.5.4.x */
} attr_oids[SUBJECT_ATTR_COUNT] = {
    {SUBJECT_C, 6},  {SUBJECT_ST, 8},  {SUBJECT_L, 7},
    {SUBJECT_O, 10}, {SUBJECT_OU, 11}, {SUBJECT_SERIAL, 5},
};

struct subject_reader {
    const struct subject_attr *want;
    size_t num_want;
    bool met[ATTRS_MAX]; /* want[i] was found */
    struct slice common_name;
    size_t num_common_names;
};

/* meet - tick off one wanted attribute with this type and value. */
static bool meet(struct subject_reader *r, enum subject_attr_type type, struct slice value)
{
    for (size_t i = 0; i < r->num_want; i++) {
        if (!r->met[i] && r->want[i].type == type && slice_eq(r->want[i].value, value)) {
            r->met[i] = true;
            return true;
        }
    }
    return false;
}

static bool take_attr(struct subject_reader *r, struct slice oid, struct slice value)
{
    if (slice_eq(oid, SLICE("\x55\x04\x03"))) {
        r->common_name = value;
        r->num_common_names++;
        return true;
    }
    for (size_t i = 0; i < SUBJECT_ATTR_COUNT; i++) {
        const char want[3] = {'\x55', '\x04', attr_oids[i].last};
        if (slice_eq(oid, (struct slice){want, sizeof(want)})) {
            return meet(r, attr_oids[i].type, value);
        }
    }
    return false;
}

/* read_rdn - false: malformed, mixed, or something that was not asked for. */
static bool read_rdn(struct subject_reader *r, struct slice set)
{
    struct slice first = {0};
    bool fits = set.len > 0;
    while (set.len > 0) {
        struct slice attr = {0};
        struct slice oid = {0};
        struct slice value = {0};
        unsigned tag = 0;
        if (!der_take(&set, DER_SEQUENCE, &attr) || !der_take(&attr, DER_OID, &oid) ||
            !der_any(&attr, &tag, &value, NULL) || attr.len > 0) {
            return false;
        }
        first = first.ptr == NULL ? oid : first;
        fits = slice_eq(oid, first) && (tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING) &&
               take_attr(r, oid, value) && fits;
    }
    return fits;
}

bool subject_matches(struct slice name, const struct subject_attr *want, size_t num_want,
                     struct slice *common_name, size_t *num_common_names)
{
    struct subject_reader r = {.want = want, .num_want = num_want};
    struct slice rdns = {0};
    bool fits = num_want <= ATTRS_MAX && der_only(name, DER_SEQUENCE, &rdns);
    r.num_want = fits ? num_want : 0;
    while (rdns.len > 0) {
        struct slice set = {0};
        if (!der_take(&rdns, DER_SET, &set)) {
            fits = false;
            break;
        }
        fits = read_rdn(&r, set) && fits;
    }
    for (size_t i = 0; i < r.num_want; i++) {
        fits = fits && r.met[i];
    }
    *common_name = r.common_name;
    *num_common_names = r.num_common_names;
    return fits;
}

/* ---- names ---- */

#define NAMES_MAX 256 /* more than a request may ask for */

static bool text_name(struct slice text, enum name_kind kind, struct arena *arena, struct name *ret)
{
    struct cb_err err;
    return name_classify(text) == kind && name_parse(arena, text, ret, &err) == CB_OK;
}

static bool read_name(unsigned tag, struct slice value, struct arena *arena, struct name *ret)
{
    struct cb_err err;
    switch (tag) {
    case DER_CONTEXT(1):
        return text_name(value, NAME_EMAIL, arena, ret);
    case DER_CONTEXT(2):
        return text_name(value, NAME_DNS, arena, ret);
    case DER_CONTEXT(6):
        return text_name(value, NAME_URI, arena, ret);
    case DER_CONTEXT(7):
        /* An IPv4-mapped address would be folded: then it is not the address that was asked for. */
        return name_from_ip(arena, (const unsigned char *)value.ptr, value.len, ret, &err) ==
                   CB_OK &&
               ret->ip_len == value.len;
    default:
        return false;
    }
}

/* count_names - how many entries the list has, as far as it can be read; at most NAMES_MAX. */
static size_t count_names(struct slice list)
{
    unsigned tag = 0;
    struct slice value = {0};
    size_t num = 0;
    while (num < NAMES_MAX && list.len > 0 && der_any(&list, &tag, &value, NULL)) {
        num++;
    }
    return num;
}

bool names_read(struct slice san, struct arena *arena, struct name **ret, size_t *ret_num)
{
    struct slice list = {0};
    bool good = der_only(san, DER_SEQUENCE, &list) && list.len > 0;
    const size_t room = count_names(list);
    struct name *names = arena_array(arena, room, sizeof(*names));
    size_t num = 0;
    good = good && names != NULL;
    while (names != NULL && list.len > 0) {
        unsigned tag = 0;
        struct slice value = {0};
        if (num == room || !der_any(&list, &tag, &value, NULL)) {
            good = false;
            break;
        }
        if (read_name(tag, value, arena, &names[num])) {
            num++;
        } else {
            good = false;
        }
    }
    *ret = names;
    *ret_num = num == 0 ? 0 : name_sort_unique(names, num);
    return good && *ret_num == num;
}

/* ---- small extensions ---- */

bool basic_read(struct slice ext, bool *ret_ca)
{
    struct slice seq = {0};
    struct slice flag = {0};
    struct slice path = {0};
    if (!der_only(ext, DER_SEQUENCE, &seq)) {
        return false;
    }
    *ret_ca = der_has(seq, DER_BOOLEAN);
    if (!*ret_ca) {
        return seq.len == 0;
    }
    if (!der_take(&seq, DER_BOOLEAN, &flag) || !slice_eq(flag, SLICE("\xff"))) {
        return false;
    }
    return seq.len == 0 || (der_uint(&seq, &path) && seq.len == 0);
}

bool ski_read(struct slice ext, struct slice *ret)
{
    return der_only(ext, DER_OCTET_STRING, ret) && ret->len > 0;
}

bool aki_read(struct slice ext, struct slice *ret)
{
    struct slice seq = {0};
    return der_only(ext, DER_SEQUENCE, &seq) && der_only(seq, DER_CONTEXT(0), ret) && ret->len > 0;
}
