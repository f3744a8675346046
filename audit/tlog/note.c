/* note.c - see note.h: reads, verifies and signs notes. What a text says is not its business. */
#include "audit/tlog/note_signer.h"

#include "broker/base/base64.h"

#include <openssl/evp.h>

#define DASH "\xe2\x80\x94 " /* an em dash and a space */
#define DASH_LEN 4U
#define ID_LEN 4U
#define TIME_LEN 8U
#define ED25519_SIGNATURE_LEN 64U
#define COSIGNED_EXTRA 64U /* the two lines before a cosigned text are shorter */

_Static_assert(sizeof(((struct note_signature *)0)->bytes) == TIME_LEN + ED25519_SIGNATURE_LEN,
               "the longest signature that is ours");

/* check_bytes - what the whole of a note must be. */
static enum cb_code check_bytes(struct slice bytes, struct cb_err *err)
{
    if (bytes.len > NOTE_BYTES_MAX) {
        return cb_fail(err, CB_EINPUT, "the note has %zu bytes, at most %u are read", bytes.len,
                       NOTE_BYTES_MAX);
    }
    if (bytes.len == 0 || bytes.ptr[bytes.len - 1] != '\n') {
        return cb_fail(err, CB_EINPUT, "the note does not end with a newline: it is cut off");
    }
    if (!utf8_valid(bytes)) {
        return cb_fail(err, CB_EINPUT, "the note is not UTF-8");
    }
    for (size_t i = 0; i < bytes.len; i++) {
        if ((unsigned char)bytes.ptr[i] < 0x20 && bytes.ptr[i] != '\n') {
            return cb_fail(err, CB_EINPUT, "the note has a control character (0x%02x) at byte %zu",
                           (unsigned char)bytes.ptr[i], i);
        }
    }
    return CB_OK;
}

/* text_len - up to and with the newline before the last empty line; 0: there is none. */
static size_t text_len(struct slice bytes)
{
    for (size_t i = bytes.len; i > 1; i--) {
        if (bytes.ptr[i - 1] == '\n' && bytes.ptr[i - 2] == '\n') {
            return i - 1;
        }
    }
    return 0;
}

/* parse_signature - a signature line, line with its newline. */
static bool parse_signature(struct slice line, struct note_signature *ret)
{
    unsigned char bytes[ID_LEN + sizeof(ret->bytes)];
    size_t len = 0;
    if (!slice_has_prefix(line, SLICE(DASH))) {
        return false;
    }
    const struct slice rest = {line.ptr + DASH_LEN, line.len - DASH_LEN - 1};
    const size_t space = slice_find(rest, ' ');
    const struct slice name = {rest.ptr, space};
    if (space == rest.len || !note_name_valid(name) ||
        !base64_decode(slice_from(rest, space + 1), bytes, sizeof(bytes), &len) || len <= ID_LEN) {
        return false;
    }
    const size_t own = len > sizeof(bytes) ? 0 : len - ID_LEN;
    *ret = (struct note_signature){.name = name,
                                   .id = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                                         (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3],
                                   .len = own,
                                   .line = line};
    memcpy(ret->bytes, bytes + ID_LEN, own);
    return true;
}

enum cb_code note_parse(struct slice bytes, struct note *ret, struct cb_err *err)
{
    TRY(check_bytes(bytes, err));
    const size_t text = text_len(bytes);
    if (text == 0 || text + 1 == bytes.len) {
        return cb_fail(err, CB_EINPUT,
                       text == 0 ? "the note has no empty line before its signatures"
                                 : "the note has no signature");
    }
    ret->text = (struct slice){bytes.ptr, text};
    ret->num = 0;
    struct slice rest = slice_from(bytes, text + 1);
    while (rest.len > 0) {
        const size_t line_len = slice_find(rest, '\n') + 1;
        if (ret->num == NOTE_SIGNATURES_MAX) {
            return cb_fail(err, CB_EINPUT, "the note has more than %u signatures",
                           NOTE_SIGNATURES_MAX);
        }
        if (!parse_signature((struct slice){rest.ptr, line_len}, &ret->signatures[ret->num])) {
            return cb_fail(
                err, CB_EINPUT,
                "signature line %zu of the note is not an em dash, a name and the base64 "
                "of a signature",
                ret->num + 1);
        }
        ret->num++;
        rest = slice_from(rest, line_len);
    }
    return CB_OK;
}

/* add_signed_bytes - what an Ed25519 signature of this type is made over. */
static void add_signed_bytes(struct buf *out, enum note_type type, uint64_t time_s,
                             struct slice text)
{
    if (type == NOTE_WITNESS) {
        buf_add_str(out, "cosignature/v1\ntime ");
        buf_add_u64(out, time_s);
        buf_add_char(out, '\n');
    }
    buf_add_slice(out, text);
}

static bool verify_ed25519(const unsigned char public_key[NOTE_ED25519_LEN], struct slice message,
                           const unsigned char signature[ED25519_SIGNATURE_LEN])
{
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, NOTE_ED25519_LEN);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool is_good = pkey != NULL && ctx != NULL &&
                         EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
                         EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE_LEN,
                                          (const unsigned char *)message.ptr, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return is_good;
}

static uint64_t read_time(const unsigned char bytes[TIME_LEN])
{
    uint64_t time_s = 0;
    for (size_t i = 0; i < TIME_LEN; i++) {
        time_s = time_s << 8 | bytes[i];
    }
    return time_s;
}

/* is_good - one signature that says it is by key. */
static bool is_good(const struct note *note, const struct note_signature *s,
                    const struct note_key *key, uint64_t *ret_time_s)
{
    const size_t time_len = key->type == NOTE_WITNESS ? TIME_LEN : 0;
    const uint64_t time_s = time_len > 0 ? read_time(s->bytes) : 0;
    if (s->len != time_len + ED25519_SIGNATURE_LEN || time_s > INT64_MAX) {
        return false;
    }
    struct buf message;
    buf_init(&message, NOTE_BYTES_MAX + COSIGNED_EXTRA);
    add_signed_bytes(&message, key->type, time_s, note->text);
    const bool good = buf_ok(&message) &&
                      verify_ed25519(key->public_key, buf_slice(&message), s->bytes + time_len);
    buf_free(&message);
    *ret_time_s = time_s;
    return good;
}

enum note_verdict note_verify(const struct note *note, const struct note_key *key,
                              uint64_t *ret_time_s)
{
    enum note_verdict verdict = NOTE_UNSIGNED;
    uint64_t latest = 0;
    for (size_t i = 0; i < note->num; i++) {
        const struct note_signature *s = &note->signatures[i];
        uint64_t time_s = 0;
        if (s->id != key->id || !slice_eq_str(s->name, key->name)) {
            continue;
        }
        if (!is_good(note, s, key, &time_s)) {
            return NOTE_BAD;
        }
        verdict = NOTE_GOOD;
        latest = time_s > latest ? time_s : latest;
    }
    if (verdict == NOTE_GOOD) {
        *ret_time_s = latest;
    }
    return verdict;
}

/* check_text - whether a note with this text can be parsed again. */
static enum cb_code check_text(struct slice text, struct cb_err *err)
{
    TRY(check_bytes(text, err));
    return text.len < NOTE_BYTES_MAX / 2
               ? CB_OK
               : cb_fail(err, CB_EINPUT, "the text is too long for a note");
}

static enum cb_code sign_ed25519(EVP_PKEY *pkey, struct slice message,
                                 unsigned char ret[ED25519_SIGNATURE_LEN], struct cb_err *err)
{
    size_t len = ED25519_SIGNATURE_LEN;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool is_signed =
        ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
        EVP_DigestSign(ctx, ret, &len, (const unsigned char *)message.ptr, message.len) == 1 &&
        len == ED25519_SIGNATURE_LEN;
    EVP_MD_CTX_free(ctx);
    return is_signed ? CB_OK : cb_fail(err, CB_ECRYPTO, "OpenSSL does not sign with Ed25519");
}

enum cb_code note_sign(struct slice text, const struct note_signer *signer, uint64_t time_s,
                       struct buf *out, struct cb_err *err)
{
    const struct note_key *key = &signer->key;
    unsigned char bytes[ID_LEN + TIME_LEN + ED25519_SIGNATURE_LEN];
    size_t len = 0;
    TRY(check_text(text, err));
    for (size_t i = 0; i < ID_LEN; i++) {
        bytes[len++] = (unsigned char)(key->id >> (24 - 8 * i));
    }
    for (size_t i = 0; i < TIME_LEN && key->type == NOTE_WITNESS; i++) {
        bytes[len++] = (unsigned char)(time_s >> (56 - 8 * i));
    }
    struct buf message;
    buf_init(&message, NOTE_BYTES_MAX + COSIGNED_EXTRA);
    add_signed_bytes(&message, key->type, time_s, text);
    const enum cb_code code =
        buf_ok(&message) ? sign_ed25519(signer->pkey, buf_slice(&message), bytes + len, err)
                         : cb_fail(err, CB_ENOMEM, "no memory to sign a note");
    buf_free(&message);
    TRY(code);
    buf_printf(out, DASH "%s ", key->name);
    buf_add_base64(out, bytes, len + ED25519_SIGNATURE_LEN);
    buf_add_char(out, '\n');
    return buf_ok(out) ? CB_OK : cb_fail(err, CB_ELIMIT, "the signed note is too long");
}
