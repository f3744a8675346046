/* pattern.h - inside policy/ only: what a rule says about names, and whether a name fits.
 *
 *   dns    host.example      exactly this name
 *          *.example         one label in front of example
 *          **.example        one or more labels in front of example, not example itself
 *   ip     10.0.0.7          this address        10.0.0.0/8  this network
 *   uri    scheme://host/path  exactly; the host may be a dns pattern, a path segment may be *
 *          (any one segment), the last may be ** (one or more segments)
 *   email  user@domain       exactly             *@domain    everybody at this very domain */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "policy/name.h"

enum pattern_shape {
    PATTERN_EXACT, /* text is the canonical name */
    PATTERN_ONE,   /* dns: one label in front of text; email: text is the domain */
    PATTERN_MANY,  /* dns: labels in front of text */
    PATTERN_NET,   /* ip: the first bits bits of ip */
    PATTERN_GLOB,  /* uri: text is the pattern as written, in lower case up to the path */
};

struct pattern {
    enum name_kind kind;
    enum pattern_shape shape;
    struct slice text; /* in the arena it was made with */
    unsigned char ip[16];
    unsigned char ip_len;
    unsigned char bits;
};

/* pattern_classify - which kind of name the admin seems to have had in mind. */
enum name_kind pattern_classify(struct slice text);

/* pattern_parse - a pattern of the given kind. CB_EINPUT with a message that says what is wrong and
 * what was probably meant; the text of *ret lives in the arena. */
enum cb_code pattern_parse(struct arena *arena, enum name_kind kind, struct slice text,
                           struct pattern *ret, struct cb_err *err) CB_MUST_USE;

/* pattern_covers - does the pattern stand for the whole of what a certificate with this name is
 * good for? For allow rules: a wildcard name *.a.x is covered by *.a.x and by **.x and **.a.x, never
 * by one name. Whether wildcards are allowed at all is the rule's business. */
bool pattern_covers(const struct pattern *p, const struct name *name);

/* pattern_touches - would a certificate with this name be good for anything the pattern stands for?
 * For deny rules: *.x touches admin.x, *.x, **.x; it does not touch x or **.admin.x. Mailboxes are
 * compared without regard to case, as mail servers do. */
bool pattern_touches(const struct pattern *p, const struct name *name);

/* pattern_matches_wildcards - could pattern_covers ever be true for a wildcard name? */
bool pattern_matches_wildcards(const struct pattern *p);

#endif
