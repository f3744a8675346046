/* view.h - inside policy/ only: the same facts as text for people or as JSON for programs.
 *
 * Text is `key value` lines under headings, keys as a policy writes them; JSON is one object. */
#ifndef POLICY_VIEW_H
#define POLICY_VIEW_H

#include "broker/base/buf.h"

struct view {
    struct buf *out;
    bool json;
    bool comma;      /* JSON: something stands in front of what comes next */
    unsigned column; /* text: of the line that a list is being written on */
    const char *key; /* text: of that list */
    bool one_a_line;
    unsigned indent; /* text: more than usual in front of a key */
};

/* An object: at the top, or in an array that view_array began. heading: its line in text. */
void view_object(struct view *v, const char *heading);
void view_object_end(struct view *v);
void view_map(struct view *v, const char *key); /* an object inside one; view_object_end ends it */
void view_array(struct view *v, const char *key);
void view_array_end(struct view *v);

void view_text(struct view *v, const char *key,
               struct slice value); /* absent: nothing is written */
void view_number(struct view *v, const char *key, uint64_t value);
void view_flag(struct view *v, const char *key, bool value);
/* view_seconds - as a duration in text, as a number under key_s in JSON. */
void view_seconds(struct view *v, const char *key, const char *key_s, uint64_t seconds);

/* A list of texts: begin, items, end. */
void view_list(struct view *v, const char *key, bool one_a_line);
void view_item(struct view *v, struct slice value);
void view_list_end(struct view *v);

/* view_duration - the shortest exact way to write it: 90s, 15m, 720h. */
#define VIEW_DURATION_SIZE 24
const char *view_duration(uint64_t seconds, char out[VIEW_DURATION_SIZE]);

#endif
