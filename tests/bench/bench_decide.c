/* bench_decide.c - what a decision costs, and what loading a large policy costs.
 *
 *   bench_decide DIR ROUNDS      policy files are made in DIR, which must exist
 *
 * A JSON line for each policy: rules, clients, seconds to load and peak memory of a process that does
 * nothing else, and for each round the processor time of one decision on one thread: allowed and
 * refused, with requests of up to 1,024 clients spread over the policy in an order without a pattern;
 * and allowed with the same request again and again, whose rules then are in the processor's caches.
 * Rounds go over all policies in turn, so that whatever else the machine does meets them all. */
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOW_S 1780000000
#define ROUNDS_MAX 99
#define ASKS 1024U        /* a power of two */
#define DECISIONS 200000U /* in a round */
#define GROUPS 10U
#define MANY_NAMES 10000U

struct shape {
    const char *name;
    unsigned rules;  /* one for each client */
    unsigned denies; /* for everybody, each with a name of its own */
    unsigned groups; /* of all clients, each with a rule */
    unsigned names;  /* of each rule */
};

static const struct shape shapes[] = {
    {"10 rules", 10, 0, 0, 3},
    {"1,000 rules", 1000, 0, 0, 3},
    {"100,000 rules", 100000, 0, 0, 3},
    {"100,000 rules, 100,000 deny rules for everybody", 100000, 100000, 0, 3},
    {"100,000 clients, all in 10 groups with a rule each", 100000, 0, GROUPS, 3},
    {"10 rules of 10,000 names", 10, 0, 0, MANY_NAMES},
};
#define NUM_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

struct one_ask {
    struct policy_caller caller;
    struct name names[2];
    struct policy_ask good, bad;
};

struct cell {
    struct policy *policy;
    struct one_ask *asks;
    double load_s;
    long peak_kib;
    double allowed_ns[ROUNDS_MAX];
    double refused_ns[ROUNDS_MAX];
    double again_ns[ROUNDS_MAX];
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_decide: %s\n", what);
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the policies ---- */

static void write_clients(FILE *out, const struct shape *s)
{
    (void)fputs("version: 1\nclients:\n", out);
    for (unsigned i = 0; i < s->rules; i++) {
        (void)fprintf(
            out, "  client-%u: {auth: [{mtls: {uri: \"spiffe://acme.internal/c/%u\"}}]}\n", i, i);
    }
    (void)fputs(s->groups > 0 ? "groups:\n" : "", out);
    for (unsigned g = 0; g < s->groups; g++) {
        (void)fprintf(out, "  group-%u:\n", g);
        for (unsigned i = 0; i < s->rules; i++) {
            (void)fprintf(out, "    - client-%u\n", i);
        }
    }
}

static void write_names(FILE *out, const struct shape *s, unsigned client)
{
    (void)fprintf(out, "    names:\n      dns:\n        - \"*.pods.svc-%u.acme.internal\"\n",
                  client);
    for (unsigned n = 2; n < s->names; n++) {
        (void)fprintf(out, "        - h%u.svc-%u.acme.internal\n", n, client);
    }
    (void)fprintf(out, "      ip: [10.%u.%u.0/24]\n", client / 256 % 256, client % 256);
}

static void write_rule(FILE *out, const struct shape *s, unsigned client)
{
    (void)fprintf(out,
                  "  - id: rule-%u\n    owner: team-%u@acme.example\n    clients: [client-%u]\n"
                  "    actions: [newcert, revoke]\n",
                  client, client % 100, client);
    write_names(out, s, client);
    (void)fputs("    profiles: [server]\n    max_names: 5\n    max_validity: 720h\n", out);
}

static void write_policy(const char *path, const struct shape *s)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        die("cannot write into the folder");
    }
    write_clients(out, s);
    (void)fputs("rules:\n", out);
    for (unsigned i = 0; i < s->denies; i++) {
        (void)fprintf(out,
                      "  - {id: deny-%u, effect: deny, names: {dns: [\"**.d%u.acme.internal\"]}}\n",
                      i, i);
    }
    for (unsigned g = 0; g < s->groups; g++) {
        (void)fprintf(out,
                      "  - {id: rule-of-group-%u, clients: [group-%u], actions: [newcert],\n"
                      "     names: {dns: [\"*.g%u.acme.internal\"]}, profiles: [server],\n"
                      "     max_validity: 720h}\n",
                      g, g, g);
    }
    for (unsigned i = 0; i < s->rules; i++) {
        write_rule(out, s, i);
    }
    if (fclose(out) != 0 || chmod(path, 0600) != 0) {
        die("cannot write the policy");
    }
}

static struct policy *load(const char *path)
{
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    if (diags == NULL || policy_load(path, NOW_S, diags, &policy) != CB_OK) {
        diag_print(diags, stderr);
        die("the policy does not load");
    }
    diag_free(diags);
    return policy;
}

/* measure_load - in a process of its own, so that its peak is that of this policy. */
static void measure_load(const char *path, struct cell *c)
{
    int fds[2];
    struct rusage usage;
    if (pipe(fds) != 0) {
        die("pipe");
    }
    (void)fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const double start = seconds(CLOCK_MONOTONIC);
        struct policy *policy = load(path);
        const double took = seconds(CLOCK_MONOTONIC) - start;
        const bool written = write(fds[1], &took, sizeof(took)) == (ssize_t)sizeof(took);
        policy_free(policy);
        _exit(written ? 0 : 1);
    }
    int status = 0;
    if (child < 0 || read(fds[0], &c->load_s, sizeof(c->load_s)) != (ssize_t)sizeof(c->load_s) ||
        wait4(child, &status, 0, &usage) != child || status != 0) {
        die("loading in a process of its own");
    }
    c->peak_kib = usage.ru_maxrss;
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* ---- the requests ---- */

static struct name name_of(struct arena *arena, const char *text)
{
    struct name name = {0};
    struct cb_err err;
    if (name_parse(arena, slice_of(text), &name, &err) != CB_OK) {
        die(err.msg);
    }
    return name;
}

static void make_ask(struct arena *arena, const struct shape *s, const struct policy *policy,
                     unsigned client, struct one_ask *a)
{
    char text[100];
    (void)snprintf(text, sizeof(text), "client-%u", client);
    if (!policy_caller_by_principal(policy, slice_of(text), &a->caller)) {
        die("no such client");
    }
    if (s->groups > 0) { /* the last of its groups' rules allows it */
        (void)snprintf(text, sizeof(text), "a.g%u.acme.internal", s->groups - 1);
        a->names[0] = name_of(arena, text);
        (void)snprintf(text, sizeof(text), "b.g%u.acme.internal", s->groups - 1);
    } else {
        (void)snprintf(text, sizeof(text), "h%u.svc-%u.acme.internal", s->names - 1, client);
        a->names[0] = name_of(arena, text);
        (void)snprintf(text, sizeof(text), "p.pods.svc-%u.acme.internal", client);
    }
    a->names[1] = name_of(arena, text);
    (void)name_sort_unique(a->names, 2);
    a->good = (struct policy_ask){.action = ACTION_NEWCERT,
                                  .names = a->names,
                                  .num_names = 2,
                                  .common_name = a->names[0].text,
                                  .key_algo = KEY_ECDSA,
                                  .key_bits = 256,
                                  .profile = SLICE("server")};
    a->bad = a->good;
    a->bad.profile = SLICE("client");
}

static void make_asks(struct arena *arena, const struct shape *s, struct cell *c)
{
    uint64_t random = 1;
    c->asks = calloc(ASKS, sizeof(*c->asks));
    if (c->asks == NULL) {
        die("out of memory");
    }
    for (unsigned i = 0; i < ASKS; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        make_ask(arena, s, c->policy, (unsigned)(random >> 33) % s->rules, &c->asks[i]);
    }
}

/* round_ns - processor time of one decision. */
static double round_ns(const struct cell *c, bool good, unsigned asks)
{
    struct policy_decision d;
    size_t allowed = 0;
    const double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < DECISIONS; i++) {
        const struct one_ask *a = &c->asks[i & (asks - 1)];
        policy_decide(c->policy, &a->caller, good ? &a->good : &a->bad, NOW_S, &d);
        allowed += d.allowed ? 1U : 0U;
    }
    const double took = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    if (allowed != (good ? DECISIONS : 0)) {
        die(d.detail);
    }
    return took / DECISIONS * 1e9;
}

/* ---- the whole ---- */

static void print_rounds(const char *key, const double *ns, unsigned rounds)
{
    (void)printf(",\"%s\":[", key);
    for (unsigned r = 0; r < rounds; r++) {
        (void)printf("%s%.1f", r == 0 ? "" : ",", ns[r]);
    }
    (void)printf("]");
}

static void print_cell(const struct shape *s, const struct cell *c, unsigned rounds)
{
    (void)printf(
        "{\"policy\":\"%s\",\"rules\":%zu,\"clients\":%zu,\"load_s\":%.3f,\"peak_mib\":%.1f",
        s->name, policy_num_rules(c->policy), policy_num_clients(c->policy), c->load_s,
        (double)c->peak_kib / 1024);
    print_rounds("allowed_ns", c->allowed_ns, rounds);
    print_rounds("refused_ns", c->refused_ns, rounds);
    print_rounds("again_ns", c->again_ns, rounds);
    (void)printf("}\n");
}

int main(int argc, char **argv)
{
    static struct cell cells[NUM_SHAPES];
    struct arena arena;
    char path[4096];
    const unsigned rounds = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (rounds == 0 || rounds > ROUNDS_MAX) {
        (void)fprintf(stderr, "usage: bench_decide DIR ROUNDS\n");
        return 2;
    }
    arena_init(&arena, (size_t)1 << 24);
    for (size_t i = 0; i < NUM_SHAPES; i++) { /* before anything else is loaded here */
        (void)snprintf(path, sizeof(path), "%s/%zu.yaml", argv[1], i);
        write_policy(path, &shapes[i]);
        measure_load(path, &cells[i]);
    }
    for (size_t i = 0; i < NUM_SHAPES; i++) {
        (void)snprintf(path, sizeof(path), "%s/%zu.yaml", argv[1], i);
        cells[i].policy = load(path);
        make_asks(&arena, &shapes[i], &cells[i]);
        (void)round_ns(&cells[i], true, ASKS); /* warm */
    }
    for (unsigned r = 0; r < rounds; r++) {
        for (size_t k = 0; k < NUM_SHAPES; k++) {
            const size_t i = r % 2 == 0 ? k : NUM_SHAPES - 1 - k;
            cells[i].allowed_ns[r] = round_ns(&cells[i], true, ASKS);
            cells[i].refused_ns[r] = round_ns(&cells[i], false, ASKS);
            cells[i].again_ns[r] = round_ns(&cells[i], true, 1);
        }
    }
    for (size_t i = 0; i < NUM_SHAPES; i++) {
        print_cell(&shapes[i], &cells[i], rounds);
        policy_free(cells[i].policy);
        free(cells[i].asks);
    }
    arena_free(&arena);
    return 0;
}
