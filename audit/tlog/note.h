/* note.h - C2SP signed notes: a text, an empty line, and signature lines.
 *
 *   text ...\n
 *   \n
 *   — NAME BASE64(key id, signature)\n        (an em dash and a space first)
 *
 * Two kinds of signature, both Ed25519: of a log over the text itself (type 0x01), and of a witness
 * over the text and a time (cosignature/v1, type 0x04). Source: C2SP signed-note, tlog-cosignature.
 * Texts of keys are those of Go's sumdb/note, so its tools work with them. */
#ifndef AUDIT_TLOG_NOTE_H
#define AUDIT_TLOG_NOTE_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

#define NOTE_NAME_MAX 128U
#define NOTE_KEY_TEXT_MAX 256U  /* a verifier's or signer's key as text, with its NUL */
#define NOTE_BYTES_MAX 65536U   /* longer notes are refused */
#define NOTE_SIGNATURES_MAX 32U /* more are refused */
#define NOTE_ED25519_LEN 32U

enum note_type { NOTE_LOG = 0x01, NOTE_WITNESS = 0x04 };

/* Who may sign: NAME+ID+BASE64(type, public key), "acme.example/log+1b2c3d4e+AVPr...". */
struct note_key {
    char name[NOTE_NAME_MAX + 1];
    uint32_t id; /* the first four bytes of SHA-256(name, 0x0a, type, public key) */
    enum note_type type;
    unsigned char public_key[NOTE_ED25519_LEN];
};

struct note_signer; /* opaque: a key and its private half, in wiped memory */

/* note_key_parse - text without a line end. CB_EINPUT: not a key, or its id is not the one of its
 * name and bytes. */
enum cb_code note_key_parse(struct slice text, struct note_key *ret,
                            struct cb_err *err) CB_MUST_USE;
void note_key_text(const struct note_key *key, char out[NOTE_KEY_TEXT_MAX]);
bool note_key_eq(const struct note_key *a, const struct note_key *b);
/* note_name_valid - 1..NOTE_NAME_MAX bytes of UTF-8 without white space and plus signs (C2SP), and
 * without characters that show nothing or turn the direction of others: control, format, private use. */
bool note_name_valid(struct slice name);

/* note_signer_new - a fresh random key; the name must be valid. note_signer_parse - PRIVATE+KEY+NAME+ID+BASE64(type, seed).
 * note_signer_text - the same back, into a secret buffer. note_signer_free wipes; NULL ok. */
enum cb_code note_signer_new(struct slice name, enum note_type type, struct note_signer **ret,
                             struct cb_err *err) CB_MUST_USE;
enum cb_code note_signer_parse(struct slice text, struct note_signer **ret,
                               struct cb_err *err) CB_MUST_USE;
void note_signer_text(const struct note_signer *signer, struct buf *secret_out);
const struct note_key *note_signer_key(const struct note_signer *signer);
void note_signer_free(struct note_signer *signer);

struct note_signature {
    struct slice name; /* points into the note */
    uint32_t id;
    unsigned char bytes[72]; /* what follows the key id: 64, or 8 of time and 64 */
    size_t len;              /* 0: it has more bytes and is of a kind that is not ours */
    struct slice line;       /* the whole line with its newline */
};

struct note {
    struct slice text; /* what is signed, with its last newline; points into what was parsed */
    struct note_signature signatures[NOTE_SIGNATURES_MAX];
    size_t num;
};

/* note_parse - bytes is borrowed as long as *ret is used. Strict: UTF-8 without control characters,
 * one empty line before the signatures, at least one signature, nothing behind them. CB_EINPUT. */
enum cb_code note_parse(struct slice bytes, struct note *ret, struct cb_err *err) CB_MUST_USE;

enum note_verdict {
    NOTE_GOOD,
    NOTE_UNSIGNED, /* no signature by this key */
    NOTE_BAD,      /* one that says it is, and is wrong */
};
/* note_verify - ret_time_s: when a witness says it saw it, seconds since 1970; 0 for a log. Of
 * several signatures by key all must be good, and the time is the latest. */
enum note_verdict note_verify(const struct note *note, const struct note_key *key,
                              uint64_t *ret_time_s);

/* note_sign - append a signature line to out, for this text (with its last newline). time_s is used
 * by witnesses only. The caller has written text and an empty line before the first one. CB_EINPUT:
 * not a text that a note can hold. CB_ELIMIT: out does not take it. */
enum cb_code note_sign(struct slice text, const struct note_signer *signer, uint64_t time_s,
                       struct buf *out, struct cb_err *err) CB_MUST_USE;

#endif
