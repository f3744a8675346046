/* load_keys.c - keys: of an allow rule: which kinds and sizes of key a certificate may be for. */
#include "policy/load.h"

static const char *const ecdsa_words[] = {"256", "384", "521", NULL};
#define NUM_ECDSA 3U

static void set_ecdsa(struct key_rule *keys, size_t first, size_t last)
{
    bool *const flags[NUM_ECDSA] = {&keys->ecdsa_256, &keys->ecdsa_384, &keys->ecdsa_521};
    for (size_t i = first; i <= last; i++) {
        *flags[i] = true;
    }
}

/* load_range_map - min and max, at least one of them. */
static bool load_range_map(struct loader *ld, const struct yaml_node *n, const char *what)
{
    static const char *const words[] = {"min", "max", NULL};
    if (!load_map(ld, n, what, words, NULL)) {
        return false;
    }
    if (n->num == 0) {
        yaml_complain(&ld->r, n, "%s needs min, max or both", what);
        return false;
    }
    return true;
}

static void load_ecdsa_range(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    if (!load_range_map(ld, n, "keys: ecdsa")) {
        return;
    }
    size_t min = 0;
    size_t max = NUM_ECDSA - 1;
    (void)yaml_read_choice(&ld->r, yaml_get(n, "min"), "keys: ecdsa: min", ecdsa_words, &min);
    (void)yaml_read_choice(&ld->r, yaml_get(n, "max"), "keys: ecdsa: max", ecdsa_words, &max);
    if (min > max) {
        yaml_complain(&ld->r, n, "keys: ecdsa: min is larger than max");
        return;
    }
    set_ecdsa(keys, min, max);
}

static void load_ecdsa(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    if (n == NULL) {
        return;
    }
    if (n->kind == YAML_MAP) {
        load_ecdsa_range(ld, n, keys);
        return;
    }
    if (!yaml_check_list(&ld->r, n, "keys: ecdsa")) {
        return;
    }
    for (const struct yaml_node *item = n->first; item != NULL; item = item->next) {
        size_t i = 0;
        if (yaml_read_choice(&ld->r, item, "an ecdsa size", ecdsa_words, &i)) {
            set_ecdsa(keys, i, i);
        }
    }
}

static bool read_rsa_bits(struct loader *ld, const struct yaml_node *n, const char *what,
                          unsigned *ret)
{
    uint64_t bits = 0;
    if (!yaml_read_u64(&ld->r, n, what, RSA_BITS_MIN, RSA_BITS_MAX, &bits)) {
        return false;
    }
    *ret = (unsigned)bits;
    return true;
}

static void load_rsa_range(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    if (!load_range_map(ld, n, "keys: rsa")) {
        return;
    }
    unsigned min = RSA_BITS_MIN;
    unsigned max = RSA_BITS_MAX;
    (void)read_rsa_bits(ld, yaml_get(n, "min"), "keys: rsa: min", &min);
    (void)read_rsa_bits(ld, yaml_get(n, "max"), "keys: rsa: max", &max);
    if (min > max) {
        yaml_complain(&ld->r, n, "keys: rsa: min is larger than max");
        return;
    }
    keys->rsa_min = min;
    keys->rsa_max = max;
}

static void load_rsa(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    if (n == NULL) {
        return;
    }
    if (n->kind == YAML_MAP) {
        load_rsa_range(ld, n, keys);
        return;
    }
    if (!yaml_check_list(&ld->r, n, "keys: rsa")) {
        return;
    }
    keys->rsa_sizes = load_array(ld, n->num, sizeof(*keys->rsa_sizes));
    for (const struct yaml_node *item = n->first; item != NULL && keys->rsa_sizes != NULL;
         item = item->next) {
        unsigned bits = 0;
        if (read_rsa_bits(ld, item, "an rsa size", &bits)) {
            keys->rsa_sizes[keys->num_rsa_sizes++] = bits;
        }
    }
}

void load_keys(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    static const char *const words[] = {"ecdsa", "rsa", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"ec", "ecdsa"}, {"ecc", "ecdsa"}, {"algo", "ecdsa"}, {NULL, NULL}};
    if (n == NULL) {
        set_ecdsa(keys, 0, NUM_ECDSA - 1);
        keys->rsa_min = RSA_BITS_MIN;
        keys->rsa_max = RSA_BITS_DEFAULT_MAX;
        return;
    }
    if (!load_map(ld, n, "keys", words, synonyms)) {
        return;
    }
    if (n->num == 0) {
        yaml_complain(&ld->r, n, "keys is an empty map: leave it out or put ecdsa or rsa in");
        return;
    }
    load_ecdsa(ld, yaml_get(n, "ecdsa"), keys);
    load_rsa(ld, yaml_get(n, "rsa"), keys);
}
