/* load_profiles.c - profiles: and usages: of a rule. Which profiles the CA has, and what they give, is
 * for whoever knows the CA. */
#include "policy/load.h"

#define USAGE_MAX 32U /* bytes of one word */

static bool is_profile(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_alnum(s.ptr[i]) && !slice_has_byte(SLICE("._-"), s.ptr[i])) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= 64;
}

size_t load_profiles(struct loader *ld, const struct yaml_node *n, const char ***ret,
                     struct pos **ret_at)
{
    size_t num = 0;
    if (!yaml_check_list(&ld->r, n, "profiles")) {
        return 0;
    }
    const char **profiles = load_array(ld, n->num, sizeof(*profiles));
    struct pos *at = load_array(ld, n->num, sizeof(*at));
    if (profiles == NULL || at == NULL) {
        return 0;
    }
    for (const struct yaml_node *item = n->first; item != NULL; item = item->next) {
        struct slice text;
        if (!yaml_read_text(&ld->r, item, "a profile", &text)) {
            continue;
        }
        if (!is_profile(text)) {
            char quoted[NAME_QUOTE_SIZE];
            yaml_complain(&ld->r, item,
                          "a profile must be 1 to 64 letters, digits and . _ -; there are no "
                          "patterns: \"%s\"",
                          name_quote(text, quoted));
            continue;
        }
        at[num] = load_pos(ld, item);
        profiles[num] = load_copy(ld, text);
        num += profiles[num] == NULL ? 0 : 1;
    }
    *ret = profiles;
    *ret_at = at;
    return num;
}

/* is_usage - could it be one of CFSSL's words, such as "server auth" or "s/mime"? */
static bool is_usage(struct slice s)
{
    char before = ' ';
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool separates = c == ' ' || c == '/';
        if (separates ? before == ' ' || before == '/' : c < 'a' || c > 'z') {
            return false;
        }
        before = c;
    }
    return s.len >= 1 && s.len <= USAGE_MAX && before != ' ' && before != '/';
}

void load_usages(struct loader *ld, const struct yaml_node *n, struct text_list *ret)
{
    if (!yaml_check_list(&ld->r, n, "usages")) {
        return;
    }
    ret->items = load_array(ld, n->num, sizeof(*ret->items));
    for (const struct yaml_node *item = n->first; item != NULL && ret->items != NULL;
         item = item->next) {
        struct slice text;
        if (!yaml_read_text(&ld->r, item, "a usage", &text)) {
            continue;
        }
        if (!is_usage(text)) {
            char quoted[NAME_QUOTE_SIZE];
            yaml_complain(&ld->r, item,
                          "a usage must be one of CFSSL's words, such as server auth, client auth "
                          "or key encipherment, not \"%s\"",
                          name_quote(text, quoted));
            continue;
        }
        ret->items[ret->num] = load_keep(ld, text);
        ret->num++;
    }
}
