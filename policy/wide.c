/* wide.c - see wide.h. Splits credentials into segments and looks patterns up; who is who, is decided
 * in identify.c. */
#include "policy/wide.h"

/* How a kind of credential falls into segments. */
struct form {
    size_t start; /* of the first segment */
    char separator;
};

static struct form form_of(enum credential_kind kind, struct slice text)
{
    struct form form = {text.len, '/'};
    const char *at = NULL;
    switch (kind) {
    case CRED_MTLS_URI:
        at = memmem(text.ptr, text.len, "://", 3);
        at = at == NULL ? NULL : memchr(at + 3, '/', text.len - (size_t)(at + 3 - text.ptr));
        break;
    case CRED_MTLS_DNS:
        return (struct form){0, '.'};
    case CRED_JWT:
        form.separator = ':';
        at = memchr(text.ptr, ' ', text.len);
        break;
    case CRED_MTLS_SPKI:
    case CRED_MTLS_CN:
    case CRED_BEARER:
        break;
    }
    if (at != NULL) {
        form.start = (size_t)(at - text.ptr) + 1;
    }
    return form;
}

static size_t count_segments(struct slice text, struct form form)
{
    size_t num = 1;
    for (size_t i = form.start; i < text.len; i++) {
        num += text.ptr[i] == form.separator ? 1 : 0;
    }
    return num;
}

/* next_segment - the segment at *at, which moves behind its separator. */
static struct slice next_segment(struct slice text, struct form form, size_t *at)
{
    const char *start = text.ptr + *at;
    const char *end = *at < text.len ? memchr(start, form.separator, text.len - *at) : NULL;
    const size_t len = end == NULL ? text.len - *at : (size_t)(end - start);
    *at += len + (end == NULL ? 0 : 1);
    return (struct slice){start, len};
}

bool wide_shape_of(enum credential_kind kind, struct slice text, struct wide_shape *ret)
{
    const struct form form = form_of(kind, text);
    const size_t num = count_segments(text, form);
    size_t at = form.start;
    struct wide_shape shape = {.kind = kind, .num_segments = (unsigned)num};
    if (num > WIDE_SEGMENTS_MAX || slice_has_byte((struct slice){text.ptr, form.start}, '*')) {
        return false;
    }
    for (size_t i = 0; i < num; i++) {
        const struct slice segment = next_segment(text, form, &at);
        if (slice_eq(segment, SLICE("*"))) {
            shape.stars |= (uint64_t)1 << i;
        } else if (slice_has_byte(segment, '*')) {
            return false;
        }
    }
    *ret = shape;
    return shape.stars != 0;
}

/* ---- looking up ---- */

static bool byte_fits(enum credential_kind kind, char c)
{
    switch (kind) {
    case CRED_MTLS_URI:
        return ascii_is_alnum(c) || slice_has_byte(SLICE("._~-"), c);
    case CRED_MTLS_DNS:
        return ascii_is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
    case CRED_JWT:
        return ascii_is_print(c) && c != ' ';
    case CRED_MTLS_SPKI:
    case CRED_MTLS_CN:
    case CRED_BEARER:
        break;
    }
    return false;
}

/* segment_fits - may a * stand for this? */
static bool segment_fits(enum credential_kind kind, struct slice segment)
{
    if (segment.len == 0 || slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."))) {
        return false;
    }
    for (size_t i = 0; i < segment.len; i++) {
        if (!byte_fits(kind, segment.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* starred - the text with a * for each segment that is one in the shape; ptr NULL: it can't be. */
static struct slice starred(const struct wide_shape *shape, struct slice text, struct form form,
                            char out[POLICY_PRINCIPAL_MAX * 2])
{
    size_t at = form.start;
    size_t len = at;
    memcpy(out, text.ptr, at);
    for (unsigned i = 0; i < shape->num_segments; i++) {
        const struct slice segment = next_segment(text, form, &at);
        const bool is_star = ((shape->stars >> i) & 1U) != 0;
        if (is_star && !segment_fits(shape->kind, segment)) {
            return (struct slice){0};
        }
        if (i > 0) {
            out[len++] = form.separator;
        }
        const struct slice add = is_star ? SLICE("*") : segment;
        memcpy(out + len, add.ptr, add.len);
        len += add.len;
    }
    return (struct slice){out, len};
}

const struct stored_credential *wide_find(const struct policy *policy,
                                          const struct credential *cred, size_t *at)
{
    char key[POLICY_PRINCIPAL_MAX * 2];
    const struct slice text = cred->text;
    if (policy->num_wide == 0 || text.len == 0 || text.len >= sizeof(key) ||
        slice_has_byte(text, '*')) {
        return NULL;
    }
    const struct form form = form_of(cred->kind, text);
    const size_t num = count_segments(text, form);
    while (*at < policy->num_wide_shapes) {
        const unsigned shape_index = (unsigned)(*at)++;
        const struct wide_shape *shape = &policy->wide_shapes[shape_index];
        size_t index = 0;
        if (shape->kind != cred->kind || shape->num_segments != num) {
            continue;
        }
        const struct slice wanted = starred(shape, text, form, key);
        if (wanted.ptr != NULL && table_get(&policy->wide_index, cred->kind, wanted, &index)) {
            return &policy->wide[index];
        }
    }
    return NULL;
}
