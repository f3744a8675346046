/* note_key.c - who signs notes: names, keys and their texts. Does not sign or verify (note.c). */
#include "audit/tlog/note_signer.h"

#include "broker/base/base64.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_LEN 4U
#define KEY_BYTES (1U + NOTE_ED25519_LEN) /* type, key */

struct range {
    uint32_t from, to;
};

/* Characters beyond ASCII that no name may have: white space (as C2SP has it), and those that show
 * nothing, join, or turn the direction of what stands around them. A name is printed by whoever reads
 * notes, and it must look like what it is. */
static const struct range refused[] = {
    {0x0080, 0x00a0},   {0x00ad, 0x00ad},    {0x034f, 0x034f}, {0x061c, 0x061c}, {0x115f, 0x1160},
    {0x1680, 0x1680},   {0x17b4, 0x17b5},    {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f},
    {0x205f, 0x206f},   {0x3000, 0x3000},    {0x3164, 0x3164}, {0xd800, 0xf8ff}, {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},   {0xffa0, 0xffa0},    {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};

/* character_at - the first one of s, which is UTF-8 and not empty; *ret_len: its bytes. */
static uint32_t character_at(struct slice s, size_t *ret_len)
{
    const unsigned char first = (unsigned char)s.ptr[0];
    const size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? first : first & (0xffU >> (len + 1));
    for (size_t i = 1; i < len && i < s.len; i++) {
        code = code << 6 | ((unsigned char)s.ptr[i] & 0x3fU);
    }
    *ret_len = len;
    return code;
}

static bool is_refused(uint32_t code)
{
    if (code <= 0x20 || code == 0x7f || code == '+') {
        return true;
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (code >= refused[i].from && code <= refused[i].to) {
            return true;
        }
    }
    return false;
}

bool note_name_valid(struct slice name)
{
    if (name.len == 0 || name.len > NOTE_NAME_MAX || !utf8_valid(name)) {
        return false;
    }
    size_t len = 0;
    for (size_t i = 0; i < name.len; i += len) {
        if (is_refused(character_at(slice_from(name, i), &len))) {
            return false;
        }
    }
    return true;
}

/* set_key - everything of a key from its name, type and public half. */
static enum cb_code set_key(struct slice name, enum note_type type,
                            const unsigned char public_key[NOTE_ED25519_LEN], struct note_key *ret,
                            struct cb_err *err)
{
    unsigned char bytes[NOTE_NAME_MAX + 1 + KEY_BYTES];
    unsigned char digest[SHA256_LEN];
    memcpy(bytes, name.ptr, name.len);
    bytes[name.len] = '\n';
    bytes[name.len + 1] = (unsigned char)type;
    memcpy(bytes + name.len + 2, public_key, NOTE_ED25519_LEN);
    if (EVP_Digest(bytes, name.len + 1 + KEY_BYTES, digest, NULL, EVP_sha256(), NULL) != 1) {
        return cb_fail(err, CB_ECRYPTO, "SHA-256 is not available");
    }
    struct note_key key = {.type = type,
                           .id = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                                 (uint32_t)digest[2] << 8 | (uint32_t)digest[3]};
    memcpy(key.name, name.ptr, name.len);
    memcpy(key.public_key, public_key, NOTE_ED25519_LEN);
    *ret = key;
    return CB_OK;
}

/* The parts of NAME+ID+BASE64(type, key). */
struct key_parts {
    struct slice name;
    uint32_t id;
    enum note_type type;
    unsigned char bytes[KEY_BYTES]; /* wiped by whoever read a private key */
};

static enum cb_code read_parts(struct slice text, struct key_parts *ret, struct cb_err *err)
{
    unsigned char id[ID_LEN];
    size_t len = 0;
    const size_t name_end = slice_find(text, '+');
    const struct slice rest = slice_from(text, name_end);
    ret->name = (struct slice){text.ptr, name_end};
    if (!note_name_valid(ret->name)) {
        return cb_fail(
            err, CB_EINPUT,
            "a key begins with the signer's name, 1 to %u characters without white space and "
            "invisible ones, and a plus sign",
            NOTE_NAME_MAX);
    }
    if (rest.len < 10 || rest.ptr[9] != '+' ||
        !hex_decode((struct slice){rest.ptr + 1, 2 * (size_t)ID_LEN}, id, ID_LEN)) {
        return cb_fail(
            err, CB_EINPUT,
            "behind the name of a key there must be a plus sign, its id of 8 hexadecimal "
            "digits and another plus sign");
    }
    if (!base64_decode(slice_from(rest, 10), ret->bytes, KEY_BYTES, &len) || len != KEY_BYTES) {
        return cb_fail(err, CB_EINPUT, "a key ends with the base64 of its type and %u bytes",
                       NOTE_ED25519_LEN);
    }
    if (ret->bytes[0] != NOTE_LOG && ret->bytes[0] != NOTE_WITNESS) {
        return cb_fail(err, CB_EINPUT,
                       "a key of type 0x%02x: only Ed25519 keys of logs (0x01) and of witnesses "
                       "(0x04) are known",
                       ret->bytes[0]);
    }
    ret->type = ret->bytes[0] == NOTE_LOG ? NOTE_LOG : NOTE_WITNESS;
    ret->id =
        (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | (uint32_t)id[3];
    return CB_OK;
}

static enum cb_code check_id(const struct note_key *key, uint32_t id, struct cb_err *err)
{
    if (key->id != id) {
        return cb_fail(
            err, CB_EINPUT,
            "the key's id is %08x, but its name and bytes give %08x: a character was lost "
            "or changed",
            id, key->id);
    }
    return CB_OK;
}

enum cb_code note_key_parse(struct slice text, struct note_key *ret, struct cb_err *err)
{
    struct key_parts parts = {.id = 0};
    struct note_key key = {.id = 0};
    if (slice_has_prefix(text, SLICE("PRIVATE+"))) {
        return cb_fail(err, CB_EINPUT, "this is a private key; what verifies is its public half");
    }
    TRY(read_parts(text, &parts, err));
    TRY(set_key(parts.name, parts.type, parts.bytes + 1, &key, err));
    TRY(check_id(&key, parts.id, err));
    *ret = key;
    return CB_OK;
}

void note_key_text(const struct note_key *key, char out[NOTE_KEY_TEXT_MAX])
{
    unsigned char bytes[KEY_BYTES] = {(unsigned char)key->type};
    struct buf text;
    memcpy(bytes + 1, key->public_key, NOTE_ED25519_LEN);
    buf_init(&text, NOTE_KEY_TEXT_MAX - 1);
    buf_printf(&text, "%s+%08x+", key->name, key->id);
    buf_add_base64(&text, bytes, sizeof(bytes));
    (void)snprintf(out, NOTE_KEY_TEXT_MAX, "%s", buf_ok(&text) ? text.data : "");
    buf_free(&text);
}

bool note_key_eq(const struct note_key *a, const struct note_key *b)
{
    return a->id == b->id && a->type == b->type && strcmp(a->name, b->name) == 0 &&
           memcmp(a->public_key, b->public_key, NOTE_ED25519_LEN) == 0;
}

/* signer_of - the signer with this name, type and seed. */
static enum cb_code signer_of(struct slice name, enum note_type type,
                              const unsigned char seed[NOTE_ED25519_LEN], struct note_signer **ret,
                              struct cb_err *err)
{
    unsigned char public_key[NOTE_ED25519_LEN];
    size_t len = sizeof(public_key);
    struct note_signer *signer = calloc(1, sizeof(*signer));
    if (signer == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for a key");
    }
    memcpy(signer->seed, seed, NOTE_ED25519_LEN);
    signer->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_ED25519_LEN);
    enum cb_code code = CB_OK;
    if (signer->pkey == NULL || EVP_PKEY_get_raw_public_key(signer->pkey, public_key, &len) != 1) {
        code = cb_fail(err, CB_ECRYPTO, "OpenSSL does not take the Ed25519 key");
    } else {
        code = set_key(name, type, public_key, &signer->key, err);
    }
    if (code != CB_OK) {
        note_signer_free(signer);
        return code;
    }
    *ret = signer;
    return CB_OK;
}

enum cb_code note_signer_new(struct slice name, enum note_type type, struct note_signer **ret,
                             struct cb_err *err)
{
    unsigned char seed[NOTE_ED25519_LEN];
    if (!note_name_valid(name)) {
        return cb_fail(err, CB_EINPUT,
                       "the name of a key must have 1 to %u characters, no white space and no plus "
                       "sign",
                       NOTE_NAME_MAX);
    }
    if (RAND_priv_bytes(seed, sizeof(seed)) != 1) {
        return cb_fail(err, CB_ECRYPTO, "OpenSSL has no random bytes");
    }
    const enum cb_code code = signer_of(name, type, seed, ret, err);
    secret_wipe(seed, sizeof(seed));
    return code;
}

enum cb_code note_signer_parse(struct slice text, struct note_signer **ret, struct cb_err *err)
{
    static const struct slice prefix = {"PRIVATE+KEY+", 12};
    struct key_parts parts = {.id = 0};
    struct note_signer *signer = NULL;
    if (!slice_has_prefix(text, prefix)) {
        return cb_fail(err, CB_EINPUT, "a private key begins with %s", prefix.ptr);
    }
    enum cb_code code = read_parts(slice_from(text, prefix.len), &parts, err);
    if (code == CB_OK) {
        code = signer_of(parts.name, parts.type, parts.bytes + 1, &signer, err);
    }
    secret_wipe(parts.bytes, sizeof(parts.bytes));
    if (code == CB_OK && signer != NULL) {
        code = check_id(&signer->key, parts.id, err);
    }
    if (code != CB_OK) {
        note_signer_free(signer);
        return code;
    }
    *ret = signer;
    return CB_OK;
}

void note_signer_text(const struct note_signer *signer, struct buf *secret_out)
{
    unsigned char bytes[KEY_BYTES] = {(unsigned char)signer->key.type};
    memcpy(bytes + 1, signer->seed, NOTE_ED25519_LEN);
    buf_printf(secret_out, "PRIVATE+KEY+%s+%08x+", signer->key.name, signer->key.id);
    buf_add_base64(secret_out, bytes, sizeof(bytes));
    secret_wipe(bytes, sizeof(bytes));
}

const struct note_key *note_signer_key(const struct note_signer *signer)
{
    return &signer->key;
}

void note_signer_free(struct note_signer *signer)
{
    if (signer != NULL) {
        EVP_PKEY_free(signer->pkey); /* which wipes its own copy */
        secret_wipe(signer, sizeof(*signer));
        free(signer);
    }
}
