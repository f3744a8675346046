/* cosignature.c - reading what a witness answers: lines that, put under the checkpoint's text, make a
 * note which the witness's key has signed. */
#include "broker/anchor/submit.h"

enum cb_code cosignature_find(struct slice text, struct slice lines, const struct note_key *key,
                              struct slice *ret, struct cb_err *err)
{
    struct buf bytes;
    struct note note;
    struct cb_err why = {0};
    uint64_t time_s = 0;
    enum note_verdict verdict = NOTE_UNSIGNED;
    buf_init(&bytes, NOTE_BYTES_MAX);
    buf_add_slice(&bytes, text);
    buf_add_char(&bytes, '\n');
    const size_t head = bytes.len;
    buf_add_slice(&bytes, lines);
    enum cb_code code = CB_ECRYPTO;
    if (buf_ok(&bytes) && note_parse(buf_slice(&bytes), &note, &why) == CB_OK &&
        note.text.len == text.len) {
        verdict = note_verify(&note, key, &time_s);
        for (size_t i = 0; verdict == NOTE_GOOD && i < note.num; i++) {
            const struct note_signature *s = &note.signatures[i];
            if (s->id == key->id && slice_eq_str(s->name, key->name)) {
                const size_t at = (size_t)(s->line.ptr - bytes.data) - head;
                *ret = (struct slice){lines.ptr + at, s->line.len};
                code = CB_OK;
                break;
            }
        }
    }
    buf_free(&bytes);
    return code == CB_OK
               ? CB_OK
               : cb_fail(err, CB_ECRYPTO,
                         "its answer is not signed by the key of %.128s%s: another witness runs "
                         "there, or the key here is not its",
                         key->name,
                         verdict == NOTE_BAD ? " (a signature claims so and is wrong)" : "");
}
