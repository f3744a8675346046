/* test_mistakes.c - the usual mistakes, one to a file of tests/data/policy/mistakes (a folder is a policy
 * of several files), against all that is said about them in expected.txt. To write that file anew:
 *   make .build/release/tests/unit/policy/test_mistakes
 *   UPDATE_EXPECTED=1 .build/release/tests/unit/policy/test_mistakes */
#include "policy/bundle.h"
#include "tests/unit/policy/support.h"

#include <dirent.h>
#include <sys/stat.h>

#define DIR_PATH "tests/data/policy/mistakes"
#define EXPECTED DIR_PATH "/expected.txt"
#define MISTAKES_MIN 60
#define TEXT_MAX (1 << 16)

static bool is_folder(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return S_ISDIR(st.st_mode);
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* list - the sorted names in a folder; free each and the whole. */
static size_t list(const char *path, struct dirent ***ret)
{
    const int num = scandir(path, ret, no_dots, alphasort);
    assert_true(num > 0);
    return (size_t)num;
}

/* read_bundle - the files of a folder as one text. */
static void read_bundle(const char *path, struct buf *out)
{
    struct dirent **entries = NULL;
    struct bundle_file files[10] = {0};
    const size_t num = list(path, &entries);
    assert_true(num <= 10);
    for (size_t i = 0; i < num; i++) {
        char file[800];
        (void)snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        files[i] = (struct bundle_file){slice_of(entries[i]->d_name), slice_of(read_whole(file))};
    }
    assert_true(bundle_write(files, num, out));
    for (size_t i = 0; i < num; i++) {
        free((void *)(uintptr_t)files[i].bytes.ptr);
        free(entries[i]);
    }
    free(entries);
}

/* add_mistake - the comment at the top, which says what is wrong. */
static void add_mistake(struct slice text, struct buf *out)
{
    const char *start = memmem(text.ptr, text.len, "# ", 2);
    if (bundle_is(text)) {
        start = strstr(strchr(strchr(text.ptr, '\n') + 1, '\n'), "# ");
    }
    assert_non_null(start);
    const char *end = strchr(start, '\n');
    assert_non_null(end);
    buf_add_slice(out, (struct slice){start + 2, (size_t)(end - start) - 2});
    buf_add_char(out, '\n');
}

static void add_complaints(const char *name, struct slice text, struct buf *out)
{
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    assert_non_null(diags);
    (void)policy_load_bytes(name, text, NOW_S, diags, &policy);
    char *said = printed(diags);
    if (said[0] == '\0') {
        fail_msg("nothing is said about %s", name);
    }
    buf_add_str(out, said);
    free(said);
    diag_free(diags);
    policy_free(policy);
}

static void add_case(const char *name, struct buf *out)
{
    char path[400];
    struct buf text;
    buf_init(&text, TEXT_MAX);
    (void)snprintf(path, sizeof(path), DIR_PATH "/%s", name);
    if (is_folder(path)) {
        read_bundle(path, &text);
    } else {
        char *whole = read_whole(path);
        buf_add_str(&text, whole);
        free(whole);
    }
    buf_printf(out, "%s%s: ", out->len == 0 ? "" : "\n", name);
    add_mistake(buf_slice(&text), out);
    add_complaints(name, buf_slice(&text), out);
    buf_free(&text);
}

static void test_mistakes(void **state)
{
    (void)state;
    struct buf out;
    struct dirent **entries = NULL;
    size_t mistakes = 0;
    buf_init(&out, TEXT_MAX);
    const size_t num = list(DIR_PATH, &entries);
    for (size_t i = 0; i < num; i++) {
        if (strcmp(entries[i]->d_name, "expected.txt") != 0) {
            add_case(entries[i]->d_name, &out);
            mistakes++;
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(buf_ok(&out));
    assert_true(mistakes >= MISTAKES_MIN);
    if (getenv("UPDATE_EXPECTED") != NULL) {
        FILE *file = fopen(EXPECTED, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(out.data, 1, out.len, file), out.len);
        assert_int_equal(fclose(file), 0);
    }
    char *expected = read_whole(EXPECTED);
    assert_string_equal(buf_slice(&out).ptr, expected);
    free(expected);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
