/* check_tests.c - see check_tests.h: finds the files, runs each test as it is read. What a test may say
 * is in check_tests_read.c. */
#include "policy/check_tests_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SUGGEST_COMPARISONS 2000000U /* spelling comparisons in one run, so that it stays fast */
#define SCRATCH_CAP ((size_t)4 << 20)
#define NAME_ROOM 300
#define WHY_ROOM 8192U
#define FILES_MAX 10000U

static const char test_suffix[] = ".test.yaml";

struct run {
    const struct policy *policy;
    int64_t now_s;
    struct diag_list *diags;
    struct arena *arena;
    struct policy_tests *ret;
    size_t room;
    struct table rule_ids;
    bool *used; /* per rule: it decided a test */
    struct test_case *test;
    size_t suggestions_left;
    bool no_memory;
};

/* ---- one test ---- */

static void mark_used(struct run *run, const char *rule_id)
{
    size_t i = 0;
    if (rule_id != NULL && table_get(&run->rule_ids, 0, slice_of(rule_id), &i)) {
        run->used[i] = true;
    }
}

static bool as_expected(const struct test_case *test, const struct policy_decision *decision)
{
    const bool rule_fits = test->rule.ptr == NULL ||
                           slice_eq(test->rule, slice_of(decision->rule_id)) ||
                           slice_eq(test->rule, slice_of(decision->delegate_rule_id));
    const bool reason_fits = test->reason.ptr == NULL ||
                             slice_eq_str(test->reason, policy_reason_word(decision->reason));
    return decision->allowed == test->expect_allow && rule_fits && reason_fits;
}

static void add_slice(struct buf *out, const char *front, struct slice text)
{
    if (text.ptr != NULL) {
        buf_add_str(out, front);
        buf_add_slice(out, text);
    }
}

/* explain - "expected allow, but it is denied (key_not_allowed) by ...". */
static const char *explain(struct run *run, const struct test_case *test,
                           const struct policy_decision *decision)
{
    struct buf why;
    buf_init(&why, WHY_ROOM);
    buf_printf(&why, "expected %s", test->expect_allow ? "allow" : "deny");
    add_slice(&why, " for ", test->reason);
    add_slice(&why, " by rule ", test->rule);
    buf_printf(&why, ", but it is %s%s", decision->allowed ? "allowed" : "denied for ",
               decision->allowed ? "" : policy_reason_word(decision->reason));
    add_slice(&why, " by rule ", slice_of(decision->rule_id));
    if (decision->rule_id != NULL && decision->place.line != 0) {
        buf_printf(&why, " at %s:%u:%u", decision->place.file, decision->place.line,
                   decision->place.col);
    }
    if (decision->detail[0] != '\0') {
        buf_printf(&why, ": %s", decision->detail);
    }
    const char *copy = arena_dup(run->arena, buf_slice(&why));
    buf_free(&why);
    run->no_memory = run->no_memory || copy == NULL;
    return copy;
}

/* made_up_name - of a test that has none: "payments newcert a.example and 2 more". */
static const char *made_up_name(struct run *run, const struct test_case *test)
{
    char name[NAME_ROOM];
    char first[NAME_QUOTE_SIZE];
    char more[40] = "";
    const struct policy_ask *ask = &test->asked.ask;
    if (ask->num_names > 1) {
        (void)snprintf(more, sizeof(more), " and %zu more", ask->num_names - 1);
    }
    char who[NAME_QUOTE_SIZE];
    (void)snprintf(name, sizeof(name), "%s %s %s%s%s", test->expect_allow ? "allow" : "deny",
                   name_quote(test->as, who), policy_action_word(ask->action),
                   ask->num_names == 0 ? "" : " ",
                   ask->num_names == 0 ? "" : name_quote(ask->names[0].text, first));
    const size_t used = strlen(name);
    (void)snprintf(name + used, sizeof(name) - used, "%s", more);
    return arena_dup(run->arena, slice_of(name));
}

static struct policy_test *new_result(struct run *run)
{
    struct policy_tests *tests = run->ret;
    if (tests->num == run->room) {
        const size_t room = run->room == 0 ? 256 : run->room * 2;
        struct policy_test *items = arena_array(run->arena, room, sizeof(*items));
        if (items == NULL) {
            run->no_memory = true;
            return NULL;
        }
        if (tests->num > 0) {
            memcpy(items, tests->items, tests->num * sizeof(*items));
        }
        tests->items = items;
        run->room = room;
    }
    return &tests->items[tests->num++];
}

static void decide(struct run *run, const char *file, const struct yaml_node *n)
{
    struct test_case *test = run->test;
    struct policy_decision decision;
    struct policy_test *result = new_result(run);
    if (result == NULL) {
        return;
    }
    policy_decide(run->policy, &test->caller, &test->asked.ask, test->at_s, &decision);
    result->place = (struct diag_place){file, n->line, n->col};
    result->name =
        test->name.ptr == NULL ? made_up_name(run, test) : arena_dup(run->arena, test->name);
    run->no_memory = run->no_memory || result->name == NULL;
    result->passed = as_expected(test, &decision);
    if (!result->passed) {
        run->ret->num_failed++;
        result->why = explain(run, test, &decision);
    }
    if (decision.allowed || decision.reason == REASON_DENY_RULE) {
        mark_used(run, decision.rule_id);
        mark_used(run, decision.delegate_rule_id);
    }
}

/* ---- one file ---- */

static void run_tests(struct run *run, const struct yaml_doc *doc, const struct yaml_node *tests)
{
    struct arena scratch;
    struct test_reader t = {.r = {doc, run->diags},
                            .policy = run->policy,
                            .rule_ids = &run->rule_ids,
                            .scratch = &scratch,
                            .suggestions_left = run->suggestions_left};
    const char *file = arena_dup(run->arena, slice_of(yaml_file(doc)));
    run->no_memory = run->no_memory || file == NULL;
    for (const struct yaml_node *n = tests->first; n != NULL && !run->no_memory; n = n->next) {
        arena_init(&scratch, SCRATCH_CAP);
        run->test->at_s = run->now_s;
        if (test_read(&t, n, run->test)) {
            decide(run, file, n);
        }
        arena_free(&scratch);
    }
    run->suggestions_left = t.suggestions_left;
}

static void run_doc(struct run *run, const struct yaml_doc *doc)
{
    static const char *const keys[] = {"version", "tests", NULL};
    const struct yaml_reader r = {doc, run->diags};
    const struct yaml_node *root = yaml_root(doc);
    uint64_t version = 0;
    (void)yaml_check_keys(&r, root, "a file of tests", keys);
    if (root->kind != YAML_MAP) {
        return;
    }
    (void)yaml_read_u64(&r, yaml_get(root, "version"), "version", 1, 1, &version);
    const struct yaml_node *tests = yaml_get(root, "tests");
    if (tests == NULL) {
        yaml_complain(&r, root, "tests is missing: a list of what the policy is meant to decide");
    } else if (yaml_check_list(&r, tests, "tests")) {
        run_tests(run, doc, tests);
    }
}

static void run_file(struct run *run, const char *path)
{
    struct yaml_doc *doc = NULL;
    if (yaml_load_file(path, run->diags, &doc) == CB_OK) {
        run_doc(run, doc);
        yaml_doc_free(doc);
    }
}

/* ---- which files ---- */

struct file_list {
    struct arena *arena;
    const char **items;
    size_t num, room;
};

static bool add_file(struct file_list *files, const char *folder, const char *name)
{
    if (files->num == files->room) {
        const size_t room = files->room == 0 ? 16 : files->room * 2;
        const char **items = arena_array(files->arena, room, sizeof(*items));
        if (items == NULL) {
            return false;
        }
        if (files->num > 0) {
            memcpy(items, files->items, files->num * sizeof(*items));
        }
        files->items = items;
        files->room = room;
    }
    const bool has_slash = folder[0] != '\0' && folder[strlen(folder) - 1] == '/';
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = arena_alloc(files->arena, size);
    if (path == NULL) {
        return false;
    }
    (void)snprintf(path, size, "%s%s%s", folder, folder[0] == '\0' || has_slash ? "" : "/", name);
    files->items[files->num++] = path;
    return true;
}

static int compare_paths(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static void complain_file(const struct run *run, const char *path, const char *what)
{
    struct cb_err err;
    (void)cb_fail_errno(&err, "%s", what);
    diag_add(run->diags, DIAG_ERROR, (struct diag_place){.file = path}, "%s", err.msg);
}

static void list_folder(struct run *run, const char *path, struct file_list *files)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        complain_file(run, path, "cannot read the folder");
        return;
    }
    const struct dirent *entry = NULL;
    while (!run->no_memory && files->num < FILES_MAX && (entry = readdir(dir)) != NULL) {
        const struct slice name = slice_of(entry->d_name);
        if (name.ptr[0] != '.' && slice_has_suffix(name, slice_of(test_suffix))) {
            run->no_memory = !add_file(files, path, entry->d_name);
        }
    }
    (void)closedir(dir);
    if (files->num > 0) {
        qsort(files->items, files->num, sizeof(*files->items), compare_paths);
    }
}

/* list_beside - of NAME.yaml the file NAME.test.yaml, if it is there. */
static void list_beside(struct run *run, const char *path, struct file_list *files)
{
    const struct slice text = slice_of(path);
    const struct slice suffix = SLICE(".yaml");
    const size_t stem = slice_has_suffix(text, suffix) ? text.len - suffix.len : text.len;
    char *beside = arena_alloc(run->arena, stem + sizeof(test_suffix));
    struct stat st;
    if (beside == NULL) {
        run->no_memory = true;
        return;
    }
    (void)snprintf(beside, stem + sizeof(test_suffix), "%.*s%s", (int)stem, path, test_suffix);
    if (stat(beside, &st) == 0) {
        run->no_memory = !add_file(files, "", beside);
    } else if (errno != ENOENT) {
        complain_file(run, beside, "cannot read the file");
    }
}

/* ---- the whole ---- */

static bool begin(struct run *run)
{
    const struct policy *policy = run->policy;
    run->used = arena_array(run->arena, policy->num_rules + 1, sizeof(*run->used));
    run->test = arena_alloc(run->arena, sizeof(*run->test));
    run->no_memory = run->used == NULL || run->test == NULL;
    for (size_t i = 0; i < policy->num_rules && !run->no_memory; i++) {
        run->no_memory = !table_put(&run->rule_ids, 0, slice_of(policy->rules[i].id), i);
    }
    return !run->no_memory;
}

static void list_unused(struct run *run)
{
    const struct policy *policy = run->policy;
    struct policy_tests *tests = run->ret;
    tests->unused_rules =
        arena_array(run->arena, policy->num_rules + 1, sizeof(*tests->unused_rules));
    if (tests->unused_rules == NULL) {
        run->no_memory = true;
        return;
    }
    for (size_t i = 0; i < policy->num_rules; i++) {
        if (!run->used[i]) {
            const char *id = arena_dup(run->arena, slice_of(policy->rules[i].id));
            run->no_memory = run->no_memory || id == NULL;
            tests->unused_rules[tests->num_unused_rules++] = id;
        }
    }
}

/* finish - what was found, or why there is nothing. */
static enum cb_code finish(struct run *run, size_t errors_before, struct policy_tests *ret)
{
    if (!run->no_memory) {
        list_unused(run);
    }
    if (run->no_memory) {
        diag_add(run->diags, DIAG_ERROR, (struct diag_place){.file = policy_file(run->policy)},
                 "out of memory");
    }
    table_free(&run->rule_ids);
    if (diag_num_errors(run->diags) > errors_before) {
        return CB_EINPUT;
    }
    *ret = *run->ret;
    return CB_OK;
}

enum cb_code policy_tests_run_files(const struct policy *policy, const char *const *files,
                                    size_t num, int64_t now_s, struct diag_list *diags,
                                    struct arena *arena, struct policy_tests *ret)
{
    struct policy_tests tests = {0};
    struct run run = {.policy = policy,
                      .now_s = now_s,
                      .diags = diags,
                      .arena = arena,
                      .ret = &tests,
                      .suggestions_left = SUGGEST_COMPARISONS};
    const size_t errors_before = diag_num_errors(diags);
    const bool good = begin(&run);
    for (size_t i = 0; i < num && good && !run.no_memory; i++) {
        run_file(&run, files[i]);
    }
    return finish(&run, errors_before, ret);
}

enum cb_code policy_tests_run(const struct policy *policy, const char *path, int64_t now_s,
                              struct diag_list *diags, struct arena *arena,
                              struct policy_tests *ret)
{
    struct run run = {.policy = policy, .diags = diags, .arena = arena};
    struct file_list files = {.arena = arena};
    struct stat st;
    const size_t errors_before = diag_num_errors(diags);
    if (stat(path, &st) != 0) {
        complain_file(&run, path, "cannot read it");
    } else if (S_ISDIR(st.st_mode)) {
        list_folder(&run, path, &files);
    } else {
        list_beside(&run, path, &files);
    }
    if (run.no_memory) {
        diag_add(diags, DIAG_ERROR, (struct diag_place){.file = path}, "out of memory");
    }
    if (diag_num_errors(diags) > errors_before) {
        return CB_EINPUT;
    }
    return policy_tests_run_files(policy, files.items, files.num, now_s, diags, arena, ret);
}

enum cb_code policy_tests_run_bytes(const struct policy *policy, const char *file,
                                    struct slice bytes, int64_t now_s, struct diag_list *diags,
                                    struct arena *arena, struct policy_tests *ret)
{
    struct policy_tests tests = {0};
    struct run run = {.policy = policy,
                      .now_s = now_s,
                      .diags = diags,
                      .arena = arena,
                      .ret = &tests,
                      .suggestions_left = SUGGEST_COMPARISONS};
    const size_t errors_before = diag_num_errors(diags);
    struct yaml_doc *doc = NULL;
    if (begin(&run) && yaml_load_bytes(file, bytes, diags, &doc) == CB_OK) {
        run_doc(&run, doc);
        yaml_doc_free(doc);
    }
    return finish(&run, errors_before, ret);
}
