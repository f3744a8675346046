/* escape.c - see escape.h. Which characters are shown is an allow-list of blocks: a table of what is
 * dangerous would be out of date with the next version of Unicode. */
#include "broker/cli/escape.h"

struct range {
    uint32_t from, to;
};

/* Letters, digits and signs that stand alone. Left out on purpose: everything that combines, the
 * general punctuation with its direction marks and invisible spaces, private use, tags. */
static const struct range shown[] = {
    {0x00a1, 0x00ac}, {0x00ae, 0x02ff}, {0x0370, 0x0377}, {0x037a, 0x0482}, {0x048a, 0x0556},
    {0x0561, 0x0587}, {0x05d0, 0x05ea}, {0x0620, 0x064a}, {0x0660, 0x066f}, {0x10a0, 0x10ff},
    {0x1e00, 0x1fbc}, {0x2010, 0x2027}, {0x2030, 0x205e}, {0x20a0, 0x20c0}, {0x2100, 0x218b},
    {0x2190, 0x23ff}, {0x2500, 0x27bf}, {0x3001, 0x3029}, {0x3041, 0x3096}, {0x30a0, 0x30ff},
    {0x3105, 0x312f}, {0x4e00, 0x9fff}, {0xac00, 0xd7a3}, {0xff01, 0xff60},
};
/* Two columns each. */
static const struct range wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3},
                                    {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60},
                                    {0xffe0, 0xffe6}};

static bool is_in(const struct range *ranges, size_t num, uint32_t code)
{
    for (size_t i = 0; i < num; i++) {
        if (code >= ranges[i].from && code <= ranges[i].to) {
            return true;
        }
    }
    return false;
}

/* character - the first one of text, which is not empty; 0: its first byte begins none. */
static size_t character(struct slice text, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    if (p[0] < 0x80) {
        *ret = p[0];
        return 1;
    }
    for (size_t len = 2; len <= 4 && len <= text.len; len++) {
        if (utf8_valid((struct slice){text.ptr, len})) {
            *ret = p[0] & (0xffU >> (len + 1));
            for (size_t i = 1; i < len; i++) {
                *ret = (*ret << 6) | (p[i] & 0x3fU);
            }
            return len;
        }
    }
    return 0;
}

static void add_code(struct buf *out, uint32_t code)
{
    if (code == '\n') {
        buf_add_str(out, "\\n");
    } else if (code == '\t') {
        buf_add_str(out, "\\t");
    } else if (code < 0x80) {
        buf_printf(out, "\\x%02x", (unsigned)code);
    } else {
        buf_printf(out, "\\u{%04x}", (unsigned)code);
    }
}

void cli_add_doubled(struct buf *out, struct slice text, char quote)
{
    while (text.len > 0) {
        const size_t at = slice_find(text, quote);
        buf_add(out, text.ptr, at);
        if (at == text.len) {
            return;
        }
        buf_add_char(out, quote);
        buf_add_char(out, quote);
        text = slice_from(text, at + 1);
    }
}

void cli_add_escaped(struct buf *out, struct slice text, enum cli_charset charset)
{
    while (text.len > 0) {
        uint32_t code = 0;
        size_t plain = 0;
        while (plain < text.len && ascii_is_print(text.ptr[plain])) {
            plain++;
        }
        if (plain > 0) {
            buf_add(out, text.ptr, plain);
            text = slice_from(text, plain);
            continue;
        }
        const size_t len = character(text, &code);
        if (len == 0) {
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)text.ptr[0]);
        } else if (len > 1 && charset == CLI_UTF8 &&
                   is_in(shown, sizeof(shown) / sizeof(shown[0]), code)) {
            buf_add(out, text.ptr, len);
        } else {
            add_code(out, code);
        }
        text = slice_from(text, len == 0 ? 1 : len);
    }
}

static size_t width_of(uint32_t code)
{
    return is_in(wide, sizeof(wide) / sizeof(wide[0]), code) ? 2 : 1;
}

size_t cli_text_cut(struct slice text, size_t width)
{
    size_t at = 0;
    while (at < text.len) {
        uint32_t code = 0;
        const size_t len = character(slice_from(text, at), &code);
        const size_t takes = len <= 1 ? 1 : width_of(code);
        if (takes > width) {
            break;
        }
        width -= takes;
        at += len == 0 ? 1 : len;
    }
    return at;
}

size_t cli_text_width(struct slice text)
{
    size_t width = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t code = 0;
        const size_t len = character(slice_from(text, at), &code);
        width += len <= 1 ? 1 : width_of(code);
        at += len == 0 ? 1 : len;
    }
    return width;
}
