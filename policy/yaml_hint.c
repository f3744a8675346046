/* yaml_hint.c - what most people did who got this complaint from libyaml. It only words complaints:
 * what is refused is libyaml's and yaml_tree.c's business. */
#include "policy/name.h"
#include "policy/yaml_doc.h"

#include <stdio.h>

/* line_at - a line of the file, counted from 0, without its end; ptr NULL: there is none. */
static struct slice line_at(struct slice file, size_t line)
{
    for (; line > 0 && file.len > 0; line--) {
        const char *end = memchr(file.ptr, '\n', file.len);
        const size_t step = end == NULL ? file.len : (size_t)(end - file.ptr) + 1;
        file = (struct slice){file.ptr + step, file.len - step};
    }
    if (line > 0 || file.len == 0) {
        return (struct slice){0};
    }
    const char *end = memchr(file.ptr, '\n', file.len);
    return (struct slice){file.ptr, end == NULL ? file.len : (size_t)(end - file.ptr)};
}

/* skip_chars - what is left of a line behind so many characters. */
static struct slice skip_chars(struct slice line, size_t num)
{
    while (line.len > 0 && num > 0) {
        do {
            line = (struct slice){line.ptr + 1, line.len - 1};
        } while (line.len > 0 && ((unsigned char)line.ptr[0] & 0xc0) == 0x80);
        num--;
    }
    return line;
}

/* indented_by_tab - is there a tab in front of the text of this line? */
static bool indented_by_tab(struct slice file, size_t line)
{
    const struct slice text = line_at(file, line);
    size_t i = 0;
    while (i < text.len && text.ptr[i] == ' ') {
        i++;
    }
    return i < text.len && text.ptr[i] == '\t';
}

/* starred_value - the value that begins with a * at this place, as far as it goes. */
static struct slice starred_value(struct slice file, size_t line, size_t col)
{
    const struct slice rest = skip_chars(line_at(file, line), col);
    size_t len = 0;
    while (len < rest.len && !slice_has_byte(SLICE(" \t\r,]}#"), rest.ptr[len])) {
        len++;
    }
    return (struct slice){rest.ptr, len};
}

static bool is_blank(struct slice s)
{
    return slice_trim(s).len == 0;
}

/* behind_quotes - does the problem begin right behind the last text in quotes? */
static bool behind_quotes(struct slice file, const struct yaml_refusal *r)
{
    if (!r->has_quoted || r->quoted_end_line != r->line || r->quoted_end_col > r->col) {
        return false;
    }
    const struct slice line = line_at(file, r->line);
    const struct slice from = skip_chars(line, r->quoted_end_col);
    const struct slice to = skip_chars(line, r->col);
    return is_blank((struct slice){from.ptr, from.len - to.len});
}

/* joined_colon - is the line "key:value", without the space that makes it a key? */
static bool joined_colon(struct slice line)
{
    line = slice_trim(line);
    size_t i = 0;
    while (i < line.len && (line.ptr[i] == '-' || line.ptr[i] == ' ')) {
        i++;
    }
    const size_t start = i;
    while (i < line.len && (ascii_is_alnum(line.ptr[i]) || line.ptr[i] == '_')) {
        i++;
    }
    return i > start && i + 1 < line.len && line.ptr[i] == ':' && line.ptr[i + 1] != ' ' &&
           line.ptr[i + 1] != '/';
}

static const char *quote_hint(const struct yaml_refusal *r, char out[YAML_HINT_SIZE])
{
    if (r->quoted_line == r->quoted_end_line) {
        return "text goes on behind a closing quote: put all of it in one pair of quotes";
    }
    (void)snprintf(out, YAML_HINT_SIZE,
                   "the quote opened in line %zu is closed only here: is a closing quote missing "
                   "above?",
                   r->quoted_line + 1);
    return out;
}

/* table_hint - by libyaml's words. */
static const char *table_hint(const char *problem)
{
    static const struct {
        const char *problem;
        const char *hint;
    } hints[] = {
        {"did not find expected key", "is this line indented like its neighbours?"},
        {"did not find expected '-' indicator", "is this line indented like its neighbours?"},
        {"mapping values are not allowed",
         "a value with \": \" in it needs quotes; or this line or "
         "the one above is indented wrongly"},
        {"block sequence entries are not allowed",
         "a list begins on a line of its own, below its key; is this line indented like its "
         "neighbours?"},
        {"could not find expected ':'", "a key needs a colon and a space behind it"},
        {"did not find expected ',' or ']'", "is a comma or the closing ] missing?"},
        {"did not find expected ',' or '}'", "is a comma or the closing } missing?"},
        {"did not find expected node content",
         "a value that begins with : needs quotes; or is there a comma too many?"},
        {"did not find expected <document start>",
         "is this line, or the first one, indented like no other, or behind the end of the text?"},
        {"found unknown escape character", "use single quotes for text with a backslash"},
        {"did not find expected comment or line break", "the text of a block (| or >) begins on "
                                                        "the next line"},
        {"found character that cannot start any token",
         "put a value that begins with one of %@` in quotes"},
    };
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strstr(problem, hints[i].problem) != NULL) {
            return hints[i].hint;
        }
    }
    return NULL;
}

const char *yaml_hint(const struct yaml_doc *doc, const struct yaml_refusal *r,
                      char out[YAML_HINT_SIZE])
{
    char quoted[NAME_QUOTE_SIZE];
    if (strstr(r->context, "alias") != NULL) {
        const struct slice value = starred_value(doc->bytes, r->context_line, r->context_col);
        (void)snprintf(out, YAML_HINT_SIZE, "put a value that begins with * in quotes: \"%s\"",
                       name_quote(value, quoted));
        return out;
    }
    if (strstr(r->context, "anchor") != NULL || strstr(r->context, "tag") != NULL) {
        return "put a value that begins with & or ! in quotes";
    }
    if (indented_by_tab(doc->bytes, r->line)) {
        return "this line is indented with a tab: use spaces only";
    }
    if (slice_has_prefix(skip_chars(line_at(doc->bytes, r->line), r->col), SLICE("\t"))) {
        return "a tab stands here: use spaces only";
    }
    if (strstr(r->problem, "found unexpected end of stream") != NULL) {
        (void)snprintf(out, YAML_HINT_SIZE, "the quote opened in line %zu is never closed",
                       r->context_line + 1);
        return out;
    }
    if (behind_quotes(doc->bytes, r)) {
        return quote_hint(r, out);
    }
    if (r->line > 0 && strstr(r->problem, "mapping values are not allowed") != NULL &&
        joined_colon(line_at(doc->bytes, r->line - 1))) {
        return "the colon in the line above needs a space behind it";
    }
    return table_hint(r->problem);
}
