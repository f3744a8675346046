/* diff_settings.c - see diff_parts.h: what two policies ask of themselves. Says nothing of what anybody
 * may have: where a setting changes that, the rules show it. */
#include "policy/diff_parts.h"
#include "policy/review_text.h"

#define NOTE_MAX ((size_t)1 << 20)
#define NOTES_MAX 1024U

struct noting {
    struct arena *arena;
    struct policy_changes *ret;
    bool no_memory;
};

/* note - takes both texts over. */
static void note(struct noting *n, const char *what, const char *file, struct buf *before,
                 struct buf *now)
{
    struct policy_changes *ret = n->ret;
    const bool good = buf_ok(before) && buf_ok(now);
    if (good && !slice_eq(buf_slice(before), buf_slice(now)) && ret->num_notes < NOTES_MAX) {
        struct buf text;
        buf_init(&text, NOTE_MAX);
        buf_printf(&text, "settings: %s%s is now %.*s (%.*s before)", what, file, (int)now->len,
                   buf_slice(now).ptr, (int)before->len, buf_slice(before).ptr);
        const char *kept = buf_ok(&text) ? arena_dup(n->arena, buf_slice(&text)) : NULL;
        n->no_memory = n->no_memory || kept == NULL;
        ret->notes[ret->num_notes] = kept;
        ret->num_notes += kept == NULL ? 0 : 1;
        buf_free(&text);
    }
    n->no_memory = n->no_memory || !good;
    buf_free(before);
    buf_free(now);
}

static void add_require(struct buf *out, unsigned require)
{
    static const struct {
        unsigned bit;
        const char *word;
    } fields[] = {{REQUIRE_OWNER, "owner"},
                  {REQUIRE_TICKET, "ticket"},
                  {REQUIRE_REASON, "reason"},
                  {REQUIRE_UNTIL, "until"},
                  {REQUIRE_DESCRIPTION, "description"}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if ((require & fields[i].bit) != 0) {
            buf_printf(out, "%s%s", out->len == 0 ? "" : ", ", fields[i].word);
        }
    }
    if (out->len == 0) {
        buf_add_str(out, "nothing");
    }
}

static void add_scopes(struct buf *out, const struct policy_source *source)
{
    for (unsigned i = 0; i < source->num_scopes; i++) {
        buf_add_str(out, i == 0 ? "" : ", and within ");
        review_names(out, source->scopes[i], 0);
    }
    if (source->num_scopes == 0) {
        buf_add_str(out, "none");
    }
}

/* counterpart - the file of this name; the only ones of two policies are the same, too. */
static const struct policy_source *counterpart(const struct policy *policy,
                                               const struct policy *other,
                                               const struct policy_source *source)
{
    if (policy->num_sources == 1 && other->num_sources == 1) {
        return &other->sources[0];
    }
    for (size_t i = 0; i < other->num_sources; i++) {
        if (strcmp(other->sources[i].name, source->name) == 0) {
            return &other->sources[i];
        }
    }
    return NULL;
}

static void note_scopes(struct noting *n, const struct policy *before, const struct policy *after)
{
    for (size_t i = 0; i < after->num_sources && !n->no_memory; i++) {
        struct buf was;
        struct buf now;
        const struct policy_source *old = counterpart(after, before, &after->sources[i]);
        if (old == NULL) {
            continue;
        }
        buf_init(&was, NOTE_MAX);
        buf_init(&now, NOTE_MAX);
        add_scopes(&was, old);
        add_scopes(&now, &after->sources[i]);
        note(n, "the scope of ", after->num_sources == 1 ? "the file" : after->sources[i].name,
             &was, &now);
    }
}

bool settings_note(const struct policy *before, const struct policy *after, struct arena *arena,
                   struct policy_changes *ret)
{
    const struct policy_settings *a = &before->settings;
    const struct policy_settings *b = &after->settings;
    struct noting n = {.arena = arena, .ret = ret};
    struct buf was;
    struct buf now;
    ret->notes = arena_array(arena, NOTES_MAX, sizeof(*ret->notes));
    if (ret->notes == NULL) {
        return false;
    }
    buf_init(&was, NOTE_MAX);
    buf_init(&now, NOTE_MAX);
    buf_add_str(&was, a->strict ? "true" : "false");
    buf_add_str(&now, b->strict ? "true" : "false");
    note(&n, "strict", "", &was, &now);
    buf_init(&was, NOTE_MAX);
    buf_init(&now, NOTE_MAX);
    add_require(&was, a->require);
    add_require(&now, b->require);
    note(&n, "require", "", &was, &now);
    buf_init(&was, NOTE_MAX);
    buf_init(&now, NOTE_MAX);
    review_seconds(&was, (uint64_t)a->warn_before_s);
    review_seconds(&now, (uint64_t)b->warn_before_s);
    note(&n, "warn_before", "", &was, &now);
    note_scopes(&n, before, after);
    return !n.no_memory;
}
