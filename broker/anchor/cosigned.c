/* cosigned.c - see cosigned.h. Lines are put under a text; whether they are good was checked before. */
#include "broker/anchor/cosigned.h"

void cosigned_init(struct cosigned *c)
{
    *c = (struct cosigned){.size = 0};
    buf_init(&c->note, NOTE_BYTES_MAX);
}

void cosigned_free(struct cosigned *c)
{
    buf_free(&c->note);
    c->is_set = false;
}

/* signer_of - what a line begins with, up to and with the space in front of its base64. */
static struct slice signer_of(struct slice line)
{
    size_t end = line.len;
    while (end > 0 && line.ptr[end - 1] != ' ') {
        end--;
    }
    return (struct slice){line.ptr, end};
}

/* The first five characters of the base64 are of the id alone: 30 of its 32 bits, and the name, say that
 * two lines are of one key. */
static bool is_same_key(struct slice a, struct slice b)
{
    const struct slice name = signer_of(a);
    return slice_eq(name, signer_of(b)) && a.len >= name.len + 5 && b.len >= name.len + 5 &&
           memcmp(a.ptr + name.len, b.ptr + name.len, 5) == 0;
}

bool cosigned_add(struct cosigned *c, struct slice note, uint64_t size, struct slice line)
{
    struct note parsed;
    struct cb_err ignored;
    struct buf merged;
    const bool is_same = c->is_set && size == c->size;
    if ((c->is_set && size < c->size) ||
        note_parse(is_same ? buf_slice(&c->note) : note, &parsed, &ignored) != CB_OK) {
        return false;
    }
    buf_init(&merged, NOTE_BYTES_MAX);
    buf_add_slice(&merged, parsed.text);
    buf_add_char(&merged, '\n');
    for (size_t i = 0; i < parsed.num; i++) {
        if (!is_same_key(parsed.signatures[i].line, line)) {
            buf_add_slice(&merged, parsed.signatures[i].line);
        }
    }
    buf_add_slice(&merged, line);
    if (!buf_ok(&merged)) {
        buf_free(&merged);
        return false;
    }
    buf_free(&c->note);
    c->note = merged;
    c->size = size;
    c->is_set = true;
    return true;
}
