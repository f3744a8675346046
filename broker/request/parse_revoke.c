/* parse_revoke.c - the body of CFSSL's revoke as a typed ask. Whose certificate it is, and whether
 * the caller may revoke it, is not known here. */
#include "broker/request/parse.h"

#include "broker/request/parse_body.h"

#include <cjson/cJSON.h>

#define SERIAL_BYTES_MAX 20U  /* RFC 5280 4.1.2.2 */
#define SERIAL_DIGITS_MAX 49U /* decimal digits of 2^160 - 1 */
#define AKI_BYTES_MAX 32U

enum { REVOKE_SERIAL, REVOKE_AKI, REVOKE_WHY, REVOKE_ON_BEHALF_OF, REVOKE_NUM };
static const struct member revoke_members[REVOKE_NUM] = {
    [REVOKE_SERIAL] = {"serial", MEMBER_STRING},
    [REVOKE_AKI] = {"authority_key_id", MEMBER_STRING},
    [REVOKE_WHY] = {"reason", MEMBER_STRING},
    [REVOKE_ON_BEHALF_OF] = {"on_behalf_of", MEMBER_STRING},
};

/* decimal_to_bytes - decimal digits as a big-endian number; false when it does not fit. */
static bool decimal_to_bytes(struct slice digits, unsigned char out[SERIAL_BYTES_MAX])
{
    memset(out, 0, SERIAL_BYTES_MAX);
    for (size_t d = 0; d < digits.len; d++) {
        unsigned carry = (unsigned)(digits.ptr[d] - '0');
        for (size_t i = SERIAL_BYTES_MAX; i > 0; i--) {
            const unsigned value = out[i - 1] * 10U + carry;
            out[i - 1] = (unsigned char)(value & 0xffU);
            carry = value >> 8;
        }
        if (carry != 0) {
            return false;
        }
    }
    return true;
}

/* read_serial - CFSSL compares the text of a serial, so exactly one spelling can ever match:
 * decimal without sign, space or leading zero. */
static enum cb_code read_serial(const cJSON *member, struct revoke_ask *ask, struct cb_err *err)
{
    const struct slice text = body_text(member);
    if (text.ptr == NULL) {
        return cb_fail(err, CB_EINPUT,
                       "serial: missing; give the certificate's serial number in "
                       "decimal digits, as a string");
    }
    bool is_canonical = text.len <= SERIAL_DIGITS_MAX && text.ptr[0] != '0';
    for (size_t i = 0; i < text.len; i++) {
        is_canonical = is_canonical && ascii_is_digit(text.ptr[i]);
    }
    unsigned char bytes[SERIAL_BYTES_MAX];
    if (!is_canonical || !decimal_to_bytes(text, bytes)) {
        return cb_fail(err, CB_EINPUT,
                       "serial: must be a decimal number from 1 to 2^160-1 without leading zeros "
                       "(not hexadecimal)");
    }
    size_t skip = 0;
    while (bytes[skip] == 0) {
        skip++; /* the number is not 0, so this ends */
    }
    hex_encode(bytes + skip, SERIAL_BYTES_MAX - skip, ask->serial_hex);
    memcpy(ask->serial_dec, text.ptr, text.len);
    ask->serial_dec[text.len] = '\0';
    return CB_OK;
}

/* without_colons - "F6:65:C7" as "F665C7"; false unless a colon stands between all bytes. */
static bool without_colons(struct slice text, char out[2 * AKI_BYTES_MAX], size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (i % 3 == 2 && text.ptr[i] == ':') {
            continue;
        }
        if (i % 3 == 2 || len == 2 * (size_t)AKI_BYTES_MAX) {
            return false;
        }
        out[len++] = text.ptr[i];
    }
    *ret_len = len;
    return text.len % 3 == 2;
}

static enum cb_code read_aki(const cJSON *member, struct revoke_ask *ask, struct cb_err *err)
{
    struct slice text = body_text(member);
    if (text.ptr == NULL) {
        return CB_OK;
    }
    char plain[2 * AKI_BYTES_MAX];
    size_t len = 0;
    bool is_good = true;
    if (slice_has_byte(text, ':')) {
        is_good = without_colons(text, plain, &len);
        text = (struct slice){plain, len};
    }
    unsigned char bytes[AKI_BYTES_MAX];
    is_good = is_good && text.len > 0 && text.len % 2 == 0 && text.len <= 2 * (size_t)AKI_BYTES_MAX;
    if (!is_good || !hex_decode(text, bytes, text.len / 2)) {
        return cb_fail(err, CB_EINPUT,
                       "authority_key_id: must be at most %u bytes in hexadecimal, with or "
                       "without colons between them; it may be left out",
                       AKI_BYTES_MAX);
    }
    hex_encode(bytes, text.len / 2, ask->aki_hex);
    return CB_OK;
}

static enum cb_code read_reason(const cJSON *member, struct revoke_ask *ask, struct cb_err *err)
{
    const struct slice word = body_text(member);
    if (word.ptr == NULL || revoke_reason_parse(word, &ask->reason)) {
        return CB_OK;
    }
    const char *refusal = revoke_reason_refusal(word);
    if (refusal != NULL) {
        return cb_fail(err, CB_EINPUT, "reason: %s", refusal);
    }
    return cb_fail(err, CB_EINPUT,
                   "reason: \"%s\" is not one of unspecified, keyCompromise, cACompromise, "
                   "affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn",
                   text_piece(word).text);
}

static enum cb_code read_revoke(struct arena *arena, const cJSON *root, struct revoke_ask *ask,
                                struct cb_err *err)
{
    const cJSON *values[REVOKE_NUM];
    TRY(body_members(root, "", revoke_members, REVOKE_NUM, values, err));
    TRY(read_serial(values[REVOKE_SERIAL], ask, err));
    TRY(read_aki(values[REVOKE_AKI], ask, err));
    TRY(body_on_behalf_of(arena, values[REVOKE_ON_BEHALF_OF], &ask->on_behalf_of, err));
    return read_reason(values[REVOKE_WHY], ask, err);
}

enum cb_code parse_revoke(struct arena *arena, struct slice body, struct revoke_ask *ret,
                          struct cb_err *err)
{
    cJSON *root = NULL;
    TRY(body_open(body, &root, err));
    struct revoke_ask ask = {.reason = REVOKE_UNSPECIFIED};
    const enum cb_code code = read_revoke(arena, root, &ask, err);
    cJSON_Delete(root);
    if (code == CB_OK) {
        *ret = ask;
    }
    return code;
}
