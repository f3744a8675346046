/* test_yaml_corpus.c - a file for each construct of YAML 1.2, named by its chapter: what is made of it,
 * or what is said about it, is written in tests/data/policy/yaml/expected. */
#include "policy/yaml_tree.h"
#include "tests/unit/policy/support.h"

#include <dirent.h>

#define DIR_PATH "tests/data/policy/yaml"
#define FILE_MAX (1U << 16)

static void show_text(FILE *out, struct slice text)
{
    (void)fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            (void)fprintf(out, "\\x%02x", c);
        } else {
            (void)fputc(c, out);
        }
    }
    (void)fputc('"', out);
}

/* show - plain texts as they are, others in quotes, so that the two can be told apart. */
static void show(FILE *out, const struct yaml_node *n, unsigned depth)
{
    assert_true(depth <= YAML_DEPTH_MAX + 1 && n->line > 0 && n->col > 0);
    if (n->kind == YAML_SCALAR) {
        (void)fputs(n->quoted ? "" : "=", out);
        show_text(out, n->text);
        return;
    }
    unsigned num = 0;
    (void)fputc(n->kind == YAML_LIST ? '[' : '{', out);
    for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
        (void)fputs(num++ == 0 ? "" : ", ", out);
        if (n->kind == YAML_MAP) {
            assert_true(child->key_line > 0 && child->key_col > 0);
            show_text(out, child->key);
            (void)fputs(": ", out);
        }
        show(out, child, depth + 1);
    }
    assert_int_equal(num, n->num);
    (void)fputc(n->kind == YAML_LIST ? ']' : '}', out);
}

static void show_file(FILE *out, const char *name)
{
    char path[300];
    static char bytes[FILE_MAX];
    (void)snprintf(path, sizeof(path), DIR_PATH "/%s", name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    const size_t len = fread(bytes, 1, sizeof(bytes), in);
    (void)fclose(in);
    struct diag_list *diags = diag_new();
    struct yaml_doc *doc = NULL;
    const enum cb_code code = yaml_load_bytes(name, (struct slice){bytes, len}, diags, &doc);
    assert_int_equal(code == CB_OK, doc != NULL);
    assert_int_equal(code == CB_OK, diag_num_errors(diags) == 0);
    diag_print(diags, out);
    if (doc != NULL) {
        (void)fprintf(out, "%s: ", name);
        show(out, yaml_root(doc), 1);
        (void)fputc('\n', out);
    }
    yaml_doc_free(doc);
    diag_free(diags);
}

static int is_yaml(const struct dirent *entry)
{
    return slice_has_suffix(slice_of(entry->d_name), SLICE(".yaml"));
}

/* by_bytes - not alphasort, which goes by the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void test_corpus(void **state)
{
    (void)state;
    struct dirent **names = NULL;
    const int num = scandir(DIR_PATH, &names, is_yaml, by_bytes);
    assert_true(num > 100);
    char *got = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&got, &len);
    for (int i = 0; i < num; i++) {
        show_file(out, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    (void)fclose(out);
    char *expected = read_whole(DIR_PATH "/expected");
    if (strcmp(got, expected) != 0) {
        size_t at = 0;
        while (got[at] == expected[at]) {
            at++;
        }
        while (at > 0 && got[at - 1] != '\n') {
            at--;
        }
        (void)fprintf(stderr, "%s", got);
        fail_msg("got:\n%.*s\nexpected:\n%.*s", (int)strcspn(got + at, "\n"), got + at,
                 (int)strcspn(expected + at, "\n"), expected + at);
    }
    free(expected);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
