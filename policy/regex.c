/* regex.c - see regex.h. The only place that knows PCRE2. No JIT: its stack and its executable
 * memory would have to be bounded too, and what is gained is a tenth of a microsecond. */
#include "policy/regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Work is counted by PCRE2 in backtracking points. Between two of them it may walk the whole
 * subject or the whole of its compiled code; measured were up to 0.6 ns for each byte of the one
 * and 0.9 ns for each of the other, and 15 ns besides. The number of points is this budget divided
 * by that many steps: some 6000 for an ordinary host name, 800 for a URI of 2048 bytes. An
 * expression of a rule needs a few for each label. A request may have a hundred names, and a rule
 * several expressions: so the first try gets a fraction, which is enough for nearly all, and only so
 * many second ones are made as the caller has effort left. */
#define STEP_BUDGET 1800000U
#define FIRST_TRY 16U
#define STEPS_BESIDES 32U
#define HEAP_MAX_KIB 512U /* for 4096 points that are all still open */
#define DEPTH_MAX 4096U

struct regex {
    pcre2_code *code;
    pcre2_code *nocase;
    size_t code_size;
};

/* find_group_problem - the index of the first group that is not on the list, or text.len. A
 * bracketed class is not told apart: [(?] has to be written [\(?]. */
static size_t find_group_problem(struct slice text)
{
    static const char *const good[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"};
    for (size_t i = 0; i + 1 < text.len; i++) {
        const struct slice rest = {text.ptr + i, text.len - i};
        if (text.ptr[i] == '\\') {
            if (text.ptr[i + 1] == 'Q') {
                return i; /* would hide what follows from this function */
            }
            i++;
            continue;
        }
        bool fine = !slice_has_prefix(rest, SLICE("(?")) && !slice_has_prefix(rest, SLICE("(*"));
        for (size_t k = 0; k < sizeof(good) / sizeof(good[0]) && !fine; k++) {
            fine = slice_has_prefix(rest, slice_of(good[k]));
        }
        if (!fine) {
            return i;
        }
    }
    return text.len;
}

static enum cb_code check_text(struct slice text, struct cb_err *err)
{
    if (text.len == 0) {
        return cb_fail(err, CB_EINPUT, "the regular expression is empty");
    }
    if (text.len > REGEX_TEXT_MAX) {
        return cb_fail(err, CB_EINPUT, "the regular expression has %zu characters, at most %u",
                       text.len, REGEX_TEXT_MAX);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_print(text.ptr[i])) {
            return cb_fail(err, CB_EINPUT,
                           "the regular expression has a byte at character %zu that is no "
                           "printable ASCII, and names hold nothing else",
                           i + 1);
        }
    }
    const size_t at = find_group_problem(text);
    if (at < text.len) {
        return cb_fail(
            err, CB_EINPUT,
            "the regular expression has \"%.*s\" at character %zu: of such groups there "
            "are (?: (?= (?! (?<= (?<! (?> only, none in (*...) and no \\Q (write \\( for a "
            "parenthesis, also between brackets)",
            (int)(text.len - at < 3 ? text.len - at : 3), text.ptr + at, at + 1);
    }
    return CB_OK;
}

static enum cb_code compile(struct slice text, uint32_t more_options, pcre2_code **ret,
                            struct cb_err *err)
{
    const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL |
                             PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_UTF |
                             PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | more_options;
    int number = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &number, &offset, NULL);
    if (code == NULL) {
        PCRE2_UCHAR why[128];
        (void)pcre2_get_error_message(number, why, sizeof(why));
        return cb_fail(err, CB_EINPUT, "the regular expression is wrong at character %zu: %s",
                       (size_t)offset + 1, (const char *)why);
    }
    *ret = code;
    return CB_OK;
}

enum cb_code regex_new(struct slice text, struct regex **ret, struct cb_err *err)
{
    TRY(check_text(text, err));
    struct regex *re = calloc(1, sizeof(*re));
    if (re == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    enum cb_code code = compile(text, 0, &re->code, err);
    if (code == CB_OK) {
        code = compile(text, PCRE2_CASELESS, &re->nocase, err);
    }
    if (code != CB_OK) {
        regex_free(re);
        return code;
    }
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_SIZE, &re->code_size);
    *ret = re;
    return CB_OK;
}

void regex_free(struct regex *re)
{
    if (re != NULL) {
        pcre2_code_free(re->code);
        pcre2_code_free(re->nocase);
        free(re);
    }
}

static uint32_t match_limit(const struct regex *re, size_t subject_len, size_t budget)
{
    const size_t steps = STEPS_BESIDES + subject_len + re->code_size;
    return (uint32_t)(budget / (steps > budget ? budget : steps));
}

/* match - with memory of its own: two small blocks and 20 KiB, which cost less than sharing them
 * between threads would. */
static enum regex_result match(const struct regex *re, const pcre2_code *code, struct slice subject,
                               size_t budget)
{
    enum regex_result result = REGEX_TOO_COSTLY;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    if (data != NULL && limits != NULL) {
        (void)pcre2_set_match_limit(limits, match_limit(re, subject.len, budget));
        (void)pcre2_set_depth_limit(limits, DEPTH_MAX);
        (void)pcre2_set_heap_limit(limits, HEAP_MAX_KIB);
        const int found =
            pcre2_match(code, (PCRE2_SPTR)subject.ptr, subject.len, 0, 0, data, limits);
        if (found >= 0) {
            result = REGEX_FITS;
        } else if (found == PCRE2_ERROR_NOMATCH) {
            result = REGEX_FITS_NOT;
        }
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    return result;
}

static enum regex_result match_twice(const struct regex *re, const pcre2_code *code,
                                     struct slice subject, struct regex_effort *effort)
{
    if (effort != NULL && effort->matches == 0) {
        return REGEX_TOO_COSTLY;
    }
    const enum regex_result first = match(re, code, subject, STEP_BUDGET / FIRST_TRY);
    if (effort != NULL) {
        effort->matches--;
        if (effort->costly == 0) {
            return first;
        }
        effort->costly -= first == REGEX_TOO_COSTLY ? 1 : 0;
    }
    return first == REGEX_TOO_COSTLY ? match(re, code, subject, STEP_BUDGET) : first;
}

enum regex_result regex_match_once(const struct regex *re, struct slice subject, bool nocase)
{
    return match(re, nocase ? re->nocase : re->code, subject, STEP_BUDGET / 4);
}

enum regex_result regex_match(const struct regex *re, struct slice subject,
                              struct regex_effort *effort)
{
    return match_twice(re, re->code, subject, effort);
}

enum regex_result regex_match_nocase(const struct regex *re, struct slice subject,
                                     struct regex_effort *effort)
{
    return match_twice(re, re->nocase, subject, effort);
}
