/* load_subject.c - subject: of an allow rule: which attributes beside the common name a certificate
 * may, must or will carry. */
#include "policy/load.h"

#define VALUE_MAX 128U /* bytes */
#define REPEAT_MAX 16U /* of one attribute; a request can't hold more */

static bool is_country(struct slice s)
{
    return s.len == 2 && s.ptr[0] >= 'A' && s.ptr[0] <= 'Z' && s.ptr[1] >= 'A' && s.ptr[1] <= 'Z';
}

static bool read_value(struct loader *ld, const struct yaml_node *n, enum subject_attr_type type,
                       struct slice *ret)
{
    struct slice text;
    if (!load_printable(ld, n, subject_attr_word(type), VALUE_MAX, &text)) {
        return false;
    }
    if (slice_eq(text, SLICE("*"))) {
        yaml_complain(&ld->r, n, "subject values are compared as they are: there is no *");
        return false;
    }
    if (type == SUBJECT_C && !is_country(text)) {
        yaml_complain(&ld->r, n, "C must be a country's two capital letters, such as NL");
        return false;
    }
    *ret = load_keep(ld, text);
    return ret->ptr != NULL;
}

static void load_values(struct loader *ld, const struct yaml_node *n, enum subject_attr_type type,
                        struct subject_rule *ret)
{
    if (n == NULL || !yaml_check_list(&ld->r, n, subject_attr_word(type))) {
        return;
    }
    struct slice *items = load_array(ld, n->num, sizeof(*items));
    if (items == NULL) {
        return;
    }
    ret->values.items = items;
    ret->max = 1;
    for (const struct yaml_node *v = n->first; v != NULL; v = v->next) {
        if (read_value(ld, v, type, &items[ret->values.num])) {
            ret->values.num++;
        }
    }
}

/* load_fixed - one value for all: asked for it is allowed, and filled in where it is not. */
static void load_fixed(struct loader *ld, const struct yaml_node *n, enum subject_attr_type type,
                       struct subject_rule *ret)
{
    static const char *const idle[] = {"required", "max", NULL};
    const struct yaml_node *fixed = yaml_get(n, "fixed");
    const char *word = subject_attr_word(type);
    struct slice *value = load_array(ld, 1, sizeof(*value));
    if (yaml_get(n, "values") != NULL) {
        yaml_complain(&ld->r, n,
                      "%s has both values and fixed: values are what may be asked for, fixed is "
                      "what every certificate gets",
                      word);
        return;
    }
    for (size_t i = 0; idle[i] != NULL; i++) {
        if (yaml_get(n, idle[i]) != NULL) {
            load_warn(ld, yaml_get(n, idle[i]),
                      "%s has no effect beside fixed: every certificate gets %s exactly once",
                      idle[i], word);
        }
    }
    if (value != NULL && read_value(ld, fixed, type, value)) {
        *ret = (struct subject_rule){.values = {value, 1}, .fixed = *value, .max = 1};
    }
}

static void load_max(struct loader *ld, const struct yaml_node *n, enum subject_attr_type type,
                     struct subject_rule *ret)
{
    uint64_t max = ret->max;
    (void)yaml_read_u64(&ld->r, n, "max", 1, REPEAT_MAX, &max);
    if (type == SUBJECT_SERIAL && max > 1) {
        yaml_complain(&ld->r, n, "max of serialNumber is 1: a CFSSL request has only one");
        return;
    }
    ret->max = (unsigned)max;
}

static void load_attr_map(struct loader *ld, const struct yaml_node *n, enum subject_attr_type type,
                          struct subject_rule *ret)
{
    static const char *const keys[] = {"values", "required", "max", "fixed", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"value", "values"}, {"allowed", "values"},     {"any_of", "values"}, {"default", "fixed"},
        {"always", "fixed"}, {"mandatory", "required"}, {NULL, NULL}};
    const char *word = subject_attr_word(type);
    if (!load_map(ld, n, word, keys, synonyms)) {
        return;
    }
    (void)yaml_read_bool(&ld->r, yaml_get(n, "required"), "required", &ret->required);
    if (yaml_get(n, "fixed") != NULL) {
        load_fixed(ld, n, type, ret);
        return;
    }
    if (yaml_get(n, "values") == NULL) {
        yaml_complain(&ld->r, n,
                      "%s needs values, what may be asked for, or fixed, what every certificate "
                      "gets",
                      word);
        return;
    }
    load_values(ld, yaml_get(n, "values"), type, ret);
    load_max(ld, yaml_get(n, "max"), type, ret);
}

void load_subject(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue)
{
    static const char *const keys[] = {"C", "ST", "L", "O", "OU", "serialNumber", NULL};
    static const struct yaml_synonym synonyms[] = {{"country", "C"},
                                                   {"state", "ST"},
                                                   {"province", "ST"},
                                                   {"S", "ST"},
                                                   {"locality", "L"},
                                                   {"city", "L"},
                                                   {"organization", "O"},
                                                   {"organisation", "O"},
                                                   {"organizational_unit", "OU"},
                                                   {"serial", "serialNumber"},
                                                   {NULL, NULL}};
    if (!load_map(ld, n, "subject", keys, synonyms)) {
        return;
    }
    struct subject_rule *rules = load_array(ld, SUBJECT_ATTR_COUNT, sizeof(*rules));
    if (rules == NULL) {
        return;
    }
    for (int i = 0; i < SUBJECT_ATTR_COUNT; i++) {
        const enum subject_attr_type type = (enum subject_attr_type)i;
        const struct yaml_node *attr = yaml_get(n, keys[i]);
        if (attr != NULL && attr->kind == YAML_MAP) {
            load_attr_map(ld, attr, type, &rules[i]);
        } else {
            load_values(ld, attr, type, &rules[i]);
        }
    }
    issue->subject = rules;
}
