/* yaml_read.c - see yaml_tree.h. Reads typed values out of nodes and says what is wrong with them.
 * It knows no field of any file: what is called how, and what is required, is the caller's. */
#include "policy/name.h"
#include "policy/yaml_tree.h"

#include <stdarg.h>

struct diag_place yaml_place(const struct yaml_reader *r, const struct yaml_node *n)
{
    struct diag_place place = {.file = yaml_file(r->doc)};
    if (n != NULL) {
        place.line = n->line;
        place.col = n->col;
    }
    return place;
}

struct diag_place yaml_key_place(const struct yaml_reader *r, const struct yaml_node *n)
{
    if (n == NULL || n->key_line == 0) {
        return yaml_place(r, n);
    }
    return (struct diag_place){yaml_file(r->doc), n->key_line, n->key_col};
}

void yaml_complain(const struct yaml_reader *r, const struct yaml_node *n, const char *fmt, ...)
{
    char text[500];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0) {
        text[0] = '\0';
    }
    va_end(ap);
    diag_add(r->diags, DIAG_ERROR, yaml_place(r, n), "%s", text);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP) {
        return NULL;
    }
    const struct slice wanted = slice_of(key);
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        if (n->key.len == wanted.len && memcmp(n->key.ptr, wanted.ptr, wanted.len) == 0) {
            return n;
        }
    }
    return NULL;
}

static const char *kind_word(enum yaml_kind kind)
{
    switch (kind) {
    case YAML_SCALAR:
        return "a single value";
    case YAML_LIST:
        return "a list";
    case YAML_MAP:
        return "a map";
    }
    return "";
}

static bool is_nothing(const struct yaml_node *n)
{
    return n->kind == YAML_SCALAR && !n->quoted &&
           (n->text.len == 0 || slice_eq(n->text, SLICE("~")) ||
            slice_eq_nocase(n->text, SLICE("null")));
}

/* has_kind - complains about a node of another kind, or about nothing at all. */
static bool has_kind(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                     enum yaml_kind kind)
{
    if (n == NULL) {
        return false;
    }
    if (is_nothing(n)) {
        yaml_complain(r, n, "%s has no value", what);
        return false;
    }
    if (n->kind == kind) {
        return true;
    }
    if (kind == YAML_LIST && n->kind == YAML_SCALAR) {
        char quoted[NAME_QUOTE_SIZE];
        yaml_complain(r, n, "%s must be a list: [\"%s\"]", what, name_quote(n->text, quoted));
    } else {
        yaml_complain(r, n, "%s must be %s, not %s", what, kind_word(kind), kind_word(n->kind));
    }
    return false;
}

bool yaml_check_list(const struct yaml_reader *r, const struct yaml_node *n, const char *what)
{
    if (!has_kind(r, n, what, YAML_LIST)) {
        return false;
    }
    if (n->num == 0) {
        yaml_complain(r, n, "%s is an empty list: leave it out or put something in", what);
        return false;
    }
    return true;
}

/* ---- keys and spelling ---- */

#define WORD_MAX 64

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* distance - edits (insert, delete, replace, swap neighbours) that lead from one word to the other,
 * ASCII case aside; SIZE_MAX for words too long to be a slip of ours. */
static size_t distance(struct slice a, struct slice b)
{
    if (a.len > WORD_MAX || b.len > WORD_MAX) {
        return SIZE_MAX;
    }
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *two_before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            const char x = ascii_lower(a.ptr[i - 1]);
            const char y = ascii_lower(b.ptr[j - 1]);
            const size_t edit = min_of(before[j] + 1, now[j - 1] + 1);
            now[j] = min_of(edit, before[j - 1] + (x == y ? 0 : 1));
            if (i > 1 && j > 1 && x == ascii_lower(b.ptr[j - 2]) &&
                ascii_lower(a.ptr[i - 2]) == y) {
                now[j] = min_of(now[j], two_before[j - 2] + 1);
            }
        }
    }
    return rows[a.len % 3][b.len];
}

const char *yaml_suggest(struct slice word, const char *const *allowed)
{
    const char *best = NULL;
    size_t best_distance = word.len <= 3 ? 2 : (word.len <= 8 ? 3 : 4); /* must stay below */
    for (; *allowed != NULL; allowed++) {
        const struct slice candidate = slice_of(*allowed);
        const size_t longer = candidate.len > word.len ? candidate.len : word.len;
        if (longer - min_of(candidate.len, word.len) >= best_distance) {
            continue;
        }
        const size_t d = distance(word, candidate);
        if (d < best_distance && d < candidate.len) {
            best = *allowed;
            best_distance = d;
        }
    }
    return best;
}

static const char *meant_by(struct slice word, const char *const *allowed,
                            const struct yaml_synonym *synonyms)
{
    for (; synonyms != NULL && synonyms->word != NULL; synonyms++) {
        if (slice_eq_nocase(word, slice_of(synonyms->word))) {
            return synonyms->meant;
        }
    }
    return yaml_suggest(word, allowed);
}

/* list_words - "a, b, c" for a message, cut where the room ends. */
static const char *list_words(const char *const *words, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; words[i] != NULL && used < size; i++) {
        const int n = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", words[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

static bool is_word_of(struct slice word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (slice_eq_str(word, *words)) {
            return true;
        }
    }
    return false;
}

bool yaml_check_keys_hinted(const struct yaml_reader *r, const struct yaml_node *n,
                            const char *what, const char *const *allowed,
                            const struct yaml_synonym *synonyms)
{
    if (!has_kind(r, n, what, YAML_MAP)) {
        return false;
    }
    bool good = true;
    for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
        if (is_word_of(child->key, allowed)) {
            continue;
        }
        char quoted[NAME_QUOTE_SIZE];
        char words[480] = "";
        good = false;
        if (diag_is_full(r->diags)) {
            diag_add(r->diags, DIAG_ERROR, yaml_key_place(r, child), "%s", "");
            continue;
        }
        const char *meant = meant_by(child->key, allowed, synonyms);
        diag_add(r->diags, DIAG_ERROR, yaml_key_place(r, child), "%s has no key \"%s\"%s%s%s", what,
                 name_quote(child->key, quoted),
                 meant == NULL ? "; its keys are " : ": did you mean \"",
                 meant == NULL ? list_words(allowed, words, sizeof(words)) : meant,
                 meant == NULL ? "" : "\"?");
    }
    return good;
}

bool yaml_check_keys(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                     const char *const *allowed)
{
    return yaml_check_keys_hinted(r, n, what, allowed, NULL);
}

/* ---- scalars ---- */

bool yaml_read_text(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                    struct slice *ret)
{
    if (!has_kind(r, n, what, YAML_SCALAR)) {
        return false;
    }
    if (n->text.len == 0) {
        yaml_complain(r, n, "%s is empty", what);
        return false;
    }
    *ret = n->text;
    return true;
}

bool yaml_read_bool(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                    bool *ret)
{
    if (!has_kind(r, n, what, YAML_SCALAR)) {
        return false;
    }
    const bool is_true = slice_eq(n->text, SLICE("true"));
    if (n->quoted || (!is_true && !slice_eq(n->text, SLICE("false")))) {
        char quoted[NAME_QUOTE_SIZE];
        yaml_complain(r, n, "%s must be true or false (without quotes), not \"%s\"", what,
                      name_quote(n->text, quoted));
        return false;
    }
    *ret = is_true;
    return true;
}

bool yaml_read_u64(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                   uint64_t min, uint64_t max, uint64_t *ret)
{
    if (!has_kind(r, n, what, YAML_SCALAR)) {
        return false;
    }
    uint64_t value = 0;
    if (n->quoted || !slice_to_u64(n->text, &value) || value < min || value > max) {
        char quoted[NAME_QUOTE_SIZE];
        const bool only_quotes = n->quoted && slice_to_u64(n->text, &value);
        if (min == max) {
            yaml_complain(r, n, "%s must be %llu%s, not \"%s\"", what, (unsigned long long)min,
                          only_quotes ? " without quotes" : "", name_quote(n->text, quoted));
            return false;
        }
        yaml_complain(r, n, "%s must be a whole number from %llu to %llu%s, not \"%s\"", what,
                      (unsigned long long)min, (unsigned long long)max,
                      only_quotes ? " without quotes" : "", name_quote(n->text, quoted));
        return false;
    }
    *ret = value;
    return true;
}

struct unit {
    const char *word;
    uint64_t factor;
};

/* From large to small: a joined duration names each unit at most once, in this order. */
static const struct unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                             {"s", 1000},     {"ms", 1},      {NULL, 0}};
static const struct unit size_units[] = {
    {"GiB", 1U << 30}, {"MiB", 1U << 20}, {"KiB", 1U << 10}, {NULL, 0}};

/* take_part - one number with its unit from the front of s; *units moves past the unit. */
static bool take_part(struct slice *s, const struct unit **units, uint64_t *total)
{
    size_t digits = 0;
    while (digits < s->len && ascii_is_digit(s->ptr[digits])) {
        digits++;
    }
    size_t end = digits;
    while (end < s->len && !ascii_is_digit(s->ptr[end])) {
        end++;
    }
    const struct slice unit = {s->ptr + digits, end - digits};
    uint64_t value = 0;
    if (!slice_to_u64((struct slice){s->ptr, digits}, &value)) {
        return false;
    }
    for (const struct unit *u = *units; u->word != NULL; u++) {
        if (slice_eq_str(unit, u->word)) {
            *units = u + 1;
            *s = (struct slice){s->ptr + end, s->len - end};
            return !__builtin_mul_overflow(value, u->factor, &value) &&
                   !__builtin_add_overflow(*total, value, total);
        }
    }
    return false;
}

static void format_ms(uint64_t ms, char out[32])
{
    const struct unit *u = duration_units;
    while (u->factor > 1 && (ms == 0 || ms % u->factor != 0)) {
        u++;
    }
    (void)snprintf(out, 32, "%llu%s", (unsigned long long)(ms / u->factor), u->word);
}

bool yaml_read_duration_ms(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                           uint64_t min_ms, uint64_t max_ms, uint64_t *ret_ms)
{
    if (!has_kind(r, n, what, YAML_SCALAR)) {
        return false;
    }
    char quoted[NAME_QUOTE_SIZE];
    struct slice rest = n->text;
    const struct unit *units = duration_units;
    uint64_t total = 0;
    bool good = rest.len > 0;
    while (good && rest.len > 0) {
        good = take_part(&rest, &units, &total);
    }
    if (!good) {
        yaml_complain(r, n,
                      "%s must be a duration such as 30s, 90m, 720h, 30d or 1h30m, not \"%s\"",
                      what, name_quote(n->text, quoted));
        return false;
    }
    if (total < min_ms || total > max_ms) {
        char low[32];
        char high[32];
        format_ms(min_ms, low);
        format_ms(max_ms, high);
        yaml_complain(r, n, "%s must be from %s to %s, not %s", what, low, high,
                      name_quote(n->text, quoted));
        return false;
    }
    *ret_ms = total;
    return true;
}

bool yaml_read_size(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                    uint64_t min, uint64_t max, uint64_t *ret)
{
    if (!has_kind(r, n, what, YAML_SCALAR)) {
        return false;
    }
    struct slice rest = n->text;
    const struct unit *units = size_units;
    uint64_t value = 0;
    const bool good =
        slice_to_u64(rest, &value) || (take_part(&rest, &units, &value) && rest.len == 0);
    if (!good || value < min || value > max) {
        char quoted[NAME_QUOTE_SIZE];
        yaml_complain(r, n,
                      "%s must be a size such as 4096, 64KiB or 10MiB, from %llu to %llu "
                      "bytes, not \"%s\"",
                      what, (unsigned long long)min, (unsigned long long)max,
                      name_quote(n->text, quoted));
        return false;
    }
    *ret = value;
    return true;
}

bool yaml_read_choice(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                      const char *const *choices, size_t *ret)
{
    if (!has_kind(r, n, what, YAML_SCALAR)) {
        return false;
    }
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (slice_eq_str(n->text, choices[i])) {
            *ret = i;
            return true;
        }
    }
    char quoted[NAME_QUOTE_SIZE];
    char words[160];
    const char *meant = diag_is_full(r->diags) ? NULL : yaml_suggest(n->text, choices);
    yaml_complain(r, n, "%s must be one of %s, not \"%s\"%s%s%s", what,
                  list_words(choices, words, sizeof(words)), name_quote(n->text, quoted),
                  meant == NULL ? "" : ": did you mean \"", meant == NULL ? "" : meant,
                  meant == NULL ? "" : "\"?");
    return false;
}
