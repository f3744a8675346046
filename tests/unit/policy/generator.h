/* generator.h - names and patterns at random, from few labels so that they often meet. The same
 * seed gives the same ones everywhere. */
#ifndef TESTS_UNIT_POLICY_GENERATOR_H
#define TESTS_UNIT_POLICY_GENERATOR_H

#include "policy/rule.h"
#include "tests/unit/policy/support.h"

#include <arpa/inet.h>

#define GENERATED_MAX 256

struct generator {
    uint64_t state;       /* not 0 */
    bool regexes;         /* make these, too ... */
    bool placeholders;    /* ... and these */
    struct regex **owned; /* of the patterns made; freed by generator_free */
    size_t num_owned;
};

static inline uint32_t generator_next(struct generator *g)
{
    g->state ^= g->state >> 12;
    g->state ^= g->state << 25;
    g->state ^= g->state >> 27;
    return (uint32_t)((g->state * 2685821657736338717U) >> 32);
}

static inline uint32_t generator_below(struct generator *g, uint32_t n)
{
    return generator_next(g) % n;
}

static inline const char *pick(struct generator *g, const char *const *from, uint32_t num)
{
    return from[generator_below(g, num)];
}
#define PICK(g, ...)                                                                               \
    pick(g, (const char *const[]){__VA_ARGS__},                                                    \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static inline void append(char *text, const char *more)
{
    const size_t len = strlen(text);
    (void)snprintf(text + len, GENERATED_MAX - len, "%s", more);
}

static inline const char *generate_placeholder(struct generator *g)
{
    return PICK(g, "${client}", "${client}", "${mtls.uri.path[0]}", "${mtls.uri.path[1]}",
                "${jwt.team}", "${jwt.a.x}");
}

/* generate_host - appends 1 to 4 labels; "q" and "10" stand in no pattern. */
static inline void generate_host(struct generator *g, char *text, bool pattern)
{
    for (uint32_t left = 1 + generator_below(g, 4); left > 0; left--) {
        if (pattern && g->placeholders && generator_below(g, 8) == 0) {
            append(text, generate_placeholder(g));
        } else {
            append(text, pattern ? PICK(g, "a", "b", "x") : PICK(g, "a", "b", "x", "q", "10"));
        }
        append(text, left > 1 ? "." : "");
    }
    append(text, slice_has_suffix(slice_of(text), SLICE("10")) ? ".x" : "");
}

static inline void generate_stars(struct generator *g, char *text)
{
    append(text, PICK(g, "", "", "*.", "**."));
}

static inline void generate_address(struct generator *g, char *text, bool pattern)
{
    unsigned char ip[16] = {0xfd};
    const bool six = generator_below(g, 2) == 0;
    const unsigned max = six ? 128 : 32;
    const unsigned bits =
        pattern ? generator_below(g, 3) * max / 4 + generator_below(g, max / 2 + 1) : max;
    ip[six ? 15 : 3] = (unsigned char)generator_next(g);
    ip[six ? 9 : 2] = (unsigned char)(generator_below(g, 3) << 6);
    ip[1] = (unsigned char)generator_below(g, 3);
    for (unsigned i = bits; i < max; i++) {
        ip[i / 8] &= (unsigned char)~(0x80U >> (i % 8));
    }
    const size_t len = strlen(text);
    assert_non_null(
        inet_ntop(six ? AF_INET6 : AF_INET, ip, text + len, (socklen_t)(GENERATED_MAX - len)));
    if (bits < max || (pattern && generator_below(g, 2) == 0)) {
        char number[8];
        (void)snprintf(number, sizeof(number), "/%u", bits);
        append(text, number);
    }
}

static inline void generate_uri(struct generator *g, char *text, bool pattern)
{
    append(text, PICK(g, "s://", "s://", "t://"));
    if (pattern && generator_below(g, 16) == 0) {
        append(text, "**");
    } else if (!pattern && generator_below(g, 16) == 0) {
        append(text, "10.0.0.1");
    } else {
        if (pattern) {
            generate_stars(g, text);
        }
        generate_host(g, text, pattern);
    }
    for (uint32_t left = generator_below(g, 4); left > 0; left--) {
        append(text, "/");
        if (pattern && g->placeholders && generator_below(g, 6) == 0) {
            append(text, generate_placeholder(g));
        } else {
            append(text, !pattern   ? PICK(g, "a", "b", "A", "q")
                         : left > 1 ? PICK(g, "a", "b", "A", "*")
                                    : PICK(g, "a", "b", "*", "**"));
        }
    }
}

static inline void generate_email(struct generator *g, char *text, bool pattern)
{
    append(text, PICK(g, "root@", "Root@", "a@"));
    if (pattern && generator_below(g, 2) == 0) {
        text[0] = '\0';
        append(text, PICK(g, "*@", "*@**."));
    }
    generate_host(g, text, pattern);
}

static inline void generate_text(struct generator *g, enum name_kind kind, bool pattern, char *text)
{
    text[0] = '\0';
    switch (kind) {
    case NAME_DNS:
        if (pattern && generator_below(g, 20) == 0) {
            append(text, "**");
            return;
        }
        if (pattern) {
            generate_stars(g, text);
        } else {
            append(text, PICK(g, "", "", "*."));
        }
        generate_host(g, text, pattern);
        return;
    case NAME_IP:
        generate_address(g, text, pattern);
        return;
    case NAME_URI:
        generate_uri(g, text, pattern);
        return;
    case NAME_EMAIL:
        break;
    }
    generate_email(g, text, pattern);
}

static inline struct name generate_name(struct generator *g, struct arena *arena)
{
    char text[GENERATED_MAX];
    generate_text(g, (enum name_kind)generator_below(g, NAME_KIND_COUNT), false, text);
    return name_of(arena, text);
}

static inline void generate_regex(struct generator *g, struct arena *arena, struct pattern *ret)
{
    struct cb_err err;
    struct regex *regex = NULL;
    const enum name_kind kind = (enum name_kind)(generator_below(g, 2) == 0   ? NAME_DNS
                                                 : generator_below(g, 2) == 0 ? NAME_URI
                                                                              : NAME_EMAIL);
    const char *text = kind == NAME_DNS   ? PICK(g, "[abx]+\\.x", "a.*", "(a+\\.)*b", "(.+)+1")
                       : kind == NAME_URI ? PICK(g, "s://a\\.[a-z.]+/a", "t://.*", ".*/A")
                                          : PICK(g, "root@.*", "Root@x", ".*@[abx]\\.x");
    assert_int_equal(pattern_parse_regex(arena, kind, slice_of(text), ret, &regex, &err), CB_OK);
    g->owned = realloc(g->owned, (g->num_owned + 1) * sizeof(*g->owned));
    assert_non_null(g->owned);
    g->owned[g->num_owned++] = regex;
}

static inline struct pattern generate_pattern(struct generator *g, struct arena *arena)
{
    struct pattern p = {0};
    struct cb_err err;
    char text[GENERATED_MAX];
    if (g->regexes && generator_below(g, 30) == 0) {
        generate_regex(g, arena, &p);
        return p;
    }
    const enum name_kind kind = (enum name_kind)generator_below(g, NAME_KIND_COUNT);
    generate_text(g, kind, true, text);
    if (pattern_parse(arena, kind, slice_of(text), &p, &err) != CB_OK) {
        fail_msg("%s: %s", text, err.msg);
    }
    return p;
}

static inline void generator_free(struct generator *g)
{
    for (size_t i = 0; i < g->num_owned; i++) {
        regex_free(g->owned[i]);
    }
    free(g->owned);
    *g = (struct generator){0};
}

/* Callers with every property, some, and none that is good for a label. */
#define NUM_CALLERS 4
static const struct policy_client generated_clients[] = {{.id = "a"}, {.id = "q"}, {.id = "a.b"}};
static const struct policy_claim generated_claims[] = {
    {{"team", 4}, {"x", 1}}, {{"a.x", 3}, {"10", 2}}, {{"unused", 6}, {"*", 1}}};
static const struct policy_claim hostile_claims[] = {{{"team", 4}, {"*", 1}},
                                                     {{"a.x", 3}, {"a.b/c", 5}}};
static const struct policy_caller generated_callers[NUM_CALLERS] = {
    {.client = &generated_clients[0],
     .uri = {"spiffe://h/b/A", 14},
     .claims = generated_claims,
     .num_claims = 3},
    {.client = &generated_clients[1], .uri = {"spiffe://h/b", 12}},
    {.client = &generated_clients[2],
     .uri = {"spiffe://h/../x", 15},
     .claims = hostile_claims,
     .num_claims = 2},
    {.client = NULL},
};

#endif
