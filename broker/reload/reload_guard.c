/* reload_guard.c - see reload_guard.h. Decides nothing by itself: policy_decide does, for both
 * policies alike. */
#include "broker/reload/reload_guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- rules that are gone */

static int by_text(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* sorted_ids - NULL: no memory. An empty policy has one element that is never looked at. */
static const char **sorted_ids(const struct policy *policy)
{
    const size_t num = policy_num_rules(policy);
    const char **ids = calloc(num + 1, sizeof(*ids));
    for (size_t i = 0; ids != NULL && i < num; i++) {
        ids[i] = policy_rule_id(policy, i);
    }
    if (ids != NULL) {
        qsort(ids, num, sizeof(*ids), by_text);
    }
    return ids;
}

enum cb_code guard_rules(struct guard *g, struct cb_err *err)
{
    const char **ids = sorted_ids(g->after);
    if (ids == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    g->num_rules = policy_num_rules(g->before);
    for (size_t i = 0; i < g->num_rules; i++) {
        const char *id = policy_rule_id(g->before, i);
        if (bsearch(&id, ids, policy_num_rules(g->after), sizeof(*ids), by_text) != NULL) {
            continue;
        }
        if (g->num_dropped < GUARD_NAMES) {
            g->dropped[g->num_dropped] = id;
        }
        g->num_dropped++;
    }
    free(ids);
    return CB_OK;
}

/* ---------------------------------------------------------------- requests that would be denied */

static bool is_new_caller(const struct guard *g, struct slice principal)
{
    for (size_t i = 0; i < g->num_examples; i++) {
        if (slice_eq_str(principal, g->examples[i].client)) {
            return false;
        }
    }
    return true;
}

static void keep_example(struct guard *g, const struct history_ask *ask,
                         const struct policy_decision *decision)
{
    if (g->num_examples == GUARD_EXAMPLES || !is_new_caller(g, ask->principal)) {
        return;
    }
    struct guard_example *e = &g->examples[g->num_examples++];
    const int len = (int)ask->principal.len;
    char asked[400];
    char when[21];
    history_describe(&ask->ask, asked, sizeof(asked));
    time_format_s(ask->ts_us / 1000000, when);
    (void)snprintf(e->client, sizeof(e->client), "%.*s", len, ask->principal.ptr);
    (void)snprintf(e->text, sizeof(e->text), "%.*s: %s at %s: %s", len, ask->principal.ptr, asked,
                   when, decision->detail);
}

bool guard_ask(void *ctx, const struct history_ask *ask)
{
    struct guard *g = ctx;
    struct policy_decision now;
    if (g->is_called_off != NULL && g->is_called_off(g->ctx)) {
        return false;
    }
    if (!ask->was_allowed) {
        return true;
    }
    history_decide(g->after, ask, &now);
    if (now.allowed) {
        g->num_granted++;
        return true;
    }
    struct policy_decision before;
    history_decide(g->before, ask, &before);
    if (before.allowed) {
        g->num_granted++;
        g->num_lost++;
        keep_example(g, ask, &now);
    }
    return true;
}

enum cb_code guard_look(struct guard *g, const char *audit_dir, uint64_t window_s, int64_t now_us,
                        struct cb_err *err)
{
    const struct history_range range = {now_us - (int64_t)window_s * 1000000, INT64_MAX};
    struct history_counts counts;
    TRY(guard_rules(g, err));
    return history_walk(audit_dir, &range, guard_ask, g, &counts, err);
}

/* ---------------------------------------------------------------- the verdict */

void guard_window_text(uint64_t seconds, char out[24])
{
    if (seconds % 3600 == 0) {
        (void)snprintf(out, 24, "%" PRIu64 "h", seconds / 3600);
    } else if (seconds % 60 == 0) {
        (void)snprintf(out, 24, "%" PRIu64 "m", seconds / 60);
    } else {
        (void)snprintf(out, 24, "%" PRIu64 "s", seconds);
    }
}

static bool too_many_dropped(const struct guard *g, const struct config_reload *settings)
{
    return (uint64_t)g->num_dropped * 100 > (uint64_t)g->num_rules * settings->max_dropped_percent;
}

static void say_dropped(const struct guard *g, const struct config_reload *settings,
                        struct buf *out)
{
    buf_printf(out, "%zu of %zu rules would be gone (at most %u %% may)", g->num_dropped,
               g->num_rules, settings->max_dropped_percent);
    for (size_t i = 0; i < g->num_dropped && i < GUARD_NAMES; i++) {
        buf_printf(out, "%s%s", i == 0 ? ": " : ", ", g->dropped[i]);
    }
    if (g->num_dropped > GUARD_NAMES) {
        buf_add_str(out, ", ...");
    }
}

bool guard_objects(const struct guard *g, const struct config_reload *settings, char *out,
                   size_t out_size)
{
    struct buf text;
    char window[24];
    buf_init(&text, 4096);
    guard_window_text(settings->guard_window_s, window);
    if (g->num_lost > 0) {
        buf_printf(&text, "%" PRIu64 " request%s granted in the last %s would be denied",
                   g->num_lost, g->num_lost == 1 ? "" : "s", window);
    }
    if (too_many_dropped(g, settings)) {
        buf_add_str(&text, text.len > 0 ? "; " : "");
        say_dropped(g, settings, &text);
    }
    const bool objects = g->num_lost > 0 || too_many_dropped(g, settings);
    if (objects && g->num_examples > 0) {
        buf_printf(&text, "; e.g. %s", g->examples[0].text);
    }
    const struct slice said = buf_slice(&text);
    (void)snprintf(out, out_size, "%.*s", (int)said.len, said.ptr);
    buf_free(&text);
    return objects;
}
