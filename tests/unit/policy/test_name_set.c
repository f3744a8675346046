/* test_name_set.c - a set says what going through its patterns one by one says. */
#include "policy/name_set.h"
#include "tests/unit/policy/generator.h"

static size_t linear(const struct pattern *patterns, const size_t *values, size_t num,
                     const struct name *name, const struct policy_caller *caller, bool touch)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < num; i++) {
        const bool fits = touch ? pattern_touches(&patterns[i], name)
                                : pattern_covers(&patterns[i], name, caller);
        if (fits && values[i] < best) {
            best = values[i];
        }
    }
    return best;
}

static struct name_set *set_of(const struct pattern *patterns, const size_t *values, size_t num)
{
    const struct pattern **refs = calloc(num + 1, sizeof(*refs));
    assert_non_null(refs);
    for (size_t i = 0; i < num; i++) {
        refs[i] = &patterns[i];
    }
    struct name_set *set = name_set_new(refs, values, num);
    assert_non_null(set);
    free(refs);
    return set;
}

static void check_name(const struct name_set *set, const struct pattern *patterns,
                       const size_t *values, size_t num, const struct name *name)
{
    size_t wanted = linear(patterns, values, num, name, NULL, true);
    if (name_set_touches(set, name) != wanted) {
        fail_msg("%s: touches %zu, not %zu", name->text.ptr, name_set_touches(set, name), wanted);
    }
    for (size_t c = 0; c <= NUM_CALLERS; c++) {
        const struct policy_caller *caller = c < NUM_CALLERS ? &generated_callers[c] : NULL;
        wanted = linear(patterns, values, num, name, caller, false);
        if (name_set_covers(set, name, caller) != wanted) {
            fail_msg("%s: covers %zu, not %zu (caller %zu)", name->text.ptr,
                     name_set_covers(set, name, caller), wanted, c);
        }
    }
}

#define LIST_MAX 60U

static void check_list(struct generator *g)
{
    struct arena arena;
    struct pattern patterns[LIST_MAX];
    size_t values[LIST_MAX];
    const size_t num = generator_below(g, LIST_MAX);
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < num; i++) {
        patterns[i] = generate_pattern(g, &arena);
        values[i] = generator_below(g, 40); /* in no order, and some the same */
    }
    struct name_set *set = set_of(patterns, values, num);
    for (size_t i = 0; i < 100; i++) {
        const struct name name = generate_name(g, &arena);
        check_name(set, patterns, values, num, &name);
    }
    name_set_free(set);
    arena_free(&arena);
}

static void test_same_as_a_list(void **state)
{
    (void)state;
    struct generator g = {.state = 88172645463325252U, .regexes = true, .placeholders = true};
    for (size_t i = 0; i < 600; i++) {
        check_list(&g);
    }
    generator_free(&g);
}

static void test_empty(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    struct name_set *set = name_set_new(NULL, NULL, 0);
    assert_non_null(set);
    static const char *const texts[] = {"a.x", "*.x", "10.0.0.1", "fd00::1", "s://h/p", "a@x"};
    for (size_t i = 0; i < 6; i++) {
        const struct name name = name_of(&arena, texts[i]);
        assert_true(name_set_covers(set, &name, NULL) == SIZE_MAX);
        assert_true(name_set_touches(set, &name) == SIZE_MAX);
    }
    name_set_free(set);
    name_set_free(NULL);
    arena_free(&arena);
}

/* Names as long and as finely divided as they can be. */
static void test_extremes(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char host[254] = "";
    char uri[NAME_TEXT_MAX + 1] = "s://h";
    for (size_t i = 0; i < 126; i++) {
        memcpy(host + 2 * i, "a.", 3);
    }
    host[252] = 'a';
    for (size_t i = 5; i + 2 <= NAME_TEXT_MAX; i += 2) {
        memcpy(uri + i, "/a", 3);
    }
    static const char *const dns[] = {"**.a", "**.a.a", "*.a", "**.b", "a.a"};
    struct pattern patterns[7];
    const size_t values[7] = {10, 11, 12, 13, 14, 15, 16};
    struct cb_err err;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(pattern_parse(&arena, NAME_DNS, slice_of(dns[i]), &patterns[i], &err),
                         CB_OK);
    }
    assert_int_equal(pattern_parse(&arena, NAME_URI, SLICE("s://h/**"), &patterns[5], &err), CB_OK);
    assert_int_equal(pattern_parse(&arena, NAME_URI, slice_of(uri), &patterns[6], &err), CB_OK);
    struct name_set *set = set_of(patterns, values, 7);
    const struct name deep = name_of(&arena, host);
    const struct name path = name_of(&arena, uri);
    assert_int_equal(name_set_covers(set, &deep, NULL), 10);
    assert_int_equal(name_set_covers(set, &path, NULL), 15);
    name_set_free(set);
    arena_free(&arena);
}

/* Many: each is found, none of its neighbours. */
static void test_many(void **state)
{
    (void)state;
    const size_t num = 20000;
    struct arena arena;
    arena_init(&arena, 64 << 20);
    struct pattern *patterns = calloc(num, sizeof(*patterns));
    size_t *values = calloc(num, sizeof(*values));
    assert_non_null(patterns);
    assert_non_null(values);
    for (size_t i = 0; i < num; i++) {
        static const char *const shapes[] = {"", "*.", "**.", "h."};
        char text[64];
        struct cb_err err;
        (void)snprintf(text, sizeof(text), "%sh%zu.a.internal", shapes[i % 4], i);
        assert_int_equal(pattern_parse(&arena, NAME_DNS, slice_of(text), &patterns[i], &err),
                         CB_OK);
        values[i] = i;
    }
    struct name_set *set = set_of(patterns, values, num);
    for (size_t i = 0; i < num; i++) {
        static const char *const inside[] = {"", "y.", "z.y.", "h."};
        static const char *const outside[] = {"y.", "", "", "g."};
        char text[64];
        char out[NAME_TEXT_MAX + 1];
        struct name name;
        struct cb_err err;
        (void)snprintf(text, sizeof(text), "%sh%zu.a.internal", inside[i % 4], i);
        assert_int_equal(name_parse_into(slice_of(text), out, &name, &err), CB_OK);
        assert_int_equal(name_set_covers(set, &name, NULL), i);
        (void)snprintf(text, sizeof(text), "%sh%zu.a.internal", outside[i % 4], i);
        assert_int_equal(name_parse_into(slice_of(text), out, &name, &err), CB_OK);
        assert_true(name_set_covers(set, &name, NULL) == SIZE_MAX);
    }
    name_set_free(set);
    free(patterns);
    free(values);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_a_list),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
