/* pattern.h - inside policy/ only: what a rule says about names, and whether a name fits.
 *
 *   dns    host.example      exactly this name
 *          *.example         one label in front of example
 *          **.example        one or more labels in front of example, not example itself
 *          **                every host name (only where the rule says broad: true)
 *   ip     10.0.0.7          this address        10.0.0.0/8  this network
 *   uri    scheme://host/path  exactly; the host may be a dns pattern, a path segment may be *
 *          (any one segment), the last may be ** (one or more segments)
 *   email  user@domain       exactly             *@domain    everybody at this very domain
 *          *@**.domain       everybody at any domain below
 *
 * In dns and uri patterns, and in an e-mail's domain, a whole label or path segment may be a
 * placeholder (placeholder.h): it stands for a property of the caller, which must be a single label
 * (or segment) or else the pattern fits nothing.
 *
 * A regular expression (dns, uri, email) is matched against the whole canonical text, with a bound
 * on the work; past that it fits nothing in an allow rule and everything in a deny rule. Letters of
 * either case are the same to it in dns, and in an e-mail's mailbox where a deny rule asks. Its
 * dots fit the dots between labels too: [^.] or [a-z0-9-] stay within one. */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "policy/name.h"
#include "policy/regex.h"

/* A place in one of the policy's files. */
struct pos {
    unsigned line; /* 0: not written there */
    unsigned short col;
    unsigned short file; /* index in policy->sources */
};

enum pattern_shape {
    PATTERN_EXACT, /* text is the canonical name */
    PATTERN_ONE,   /* dns: one label in front of text; email: text is the domain */
    PATTERN_MANY,  /* dns: labels in front of text; email: at domains below text */
    PATTERN_NET,   /* ip: the first bits bits of ip */
    PATTERN_GLOB,  /* uri: text is the pattern as written, in lower case up to the path */
    PATTERN_ALL,   /* dns: every name; text is empty */
    PATTERN_REGEX, /* text is the expression */
};

struct pattern {
    enum name_kind kind;
    enum pattern_shape shape;
    struct slice text; /* in the arena it was made with */
    unsigned char ip[16];
    unsigned char ip_len;
    unsigned char bits;
    bool has_placeholder;      /* text (shape aside) holds ${...} */
    const struct regex *regex; /* PATTERN_REGEX; owned by the policy */
    struct pos at;             /* where it is written */
};

/* What placeholders stand for; NULL where a caller is expected: they fit nothing. */
struct policy_caller;

/* pattern_classify - which kind of name the admin seems to have had in mind. */
enum name_kind pattern_classify(struct slice text);

/* pattern_parse - a pattern of the given kind. CB_EINPUT with a message that says what is wrong and
 * what was probably meant; the text of *ret lives in the arena. at is left for the caller to set.
 * Takes any width, "**" included: suffix.h says which of them need a word more. */
enum cb_code pattern_parse(struct arena *arena, enum name_kind kind, struct slice text,
                           struct pattern *ret, struct cb_err *err) CB_MUST_USE;

/* pattern_parse_regex - a regular expression over names of the given kind (not NAME_IP).
 *   ret_regex  gets what ret->regex points to: the caller's to free with regex_free, and not before
 *              the last use of *ret. Untouched on failure. */
enum cb_code pattern_parse_regex(struct arena *arena, enum name_kind kind, struct slice text,
                                 struct pattern *ret, struct regex **ret_regex,
                                 struct cb_err *err) CB_MUST_USE;

/* pattern_covers - does the pattern stand for the whole of what a certificate with this name is
 * good for? For allow rules: a wildcard name *.a.x is covered by *.a.x and by **.x and **.a.x,
 * never by one name and never by a regular expression. Whether wildcards are allowed at all is the
 * rule's business. */
bool pattern_covers(const struct pattern *p, const struct name *name,
                    const struct policy_caller *caller);

/* pattern_touches - would a certificate with this name be good for anything the pattern stands for?
 * For deny rules: *.x touches admin.x, *.x, **.x; it does not touch x or **.admin.x. Mailboxes are
 * compared without regard to case, as mail servers do. A wildcard name touches every regular
 * expression: which of its names would fit can't be told. */
bool pattern_touches(const struct pattern *p, const struct name *name);

/* pattern_within - is every name that inner covers covered by outer, for the same caller? False
 * also where that can't be told (most of it about regular expressions). A placeholder counts as
 * some one label, the same in both. */
bool pattern_within(const struct pattern *inner, const struct pattern *outer);

/* pattern_matches_wildcards - could pattern_covers ever be true for a wildcard name? */
bool pattern_matches_wildcards(const struct pattern *p);

#endif
