/* view.c - see view.h. Knows nothing of policies. */
#include "policy/view.h"

#include <stdio.h>

#define LABEL_WIDTH 22U
#define LINE_WIDTH 100U

static void separate(struct view *v)
{
    if (v->comma) {
        buf_add_char(v->out, ',');
    }
    v->comma = true;
}

static void json_key(struct view *v, const char *key)
{
    separate(v);
    buf_add_json_str(v->out, slice_of(key));
    buf_add_char(v->out, ':');
}

static void label(struct view *v, const char *key)
{
    const int indent = 2 + (int)v->indent;
    buf_printf(v->out, "%*s%-*s ", indent, "", (int)LABEL_WIDTH - 1 - indent, key);
}

/* plain - for a terminal: a file can't hold control characters, but what was filled in might. */
static void plain(struct view *v, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        buf_add_char(v->out, c < 0x20 || c == 0x7f ? '?' : s.ptr[i]);
    }
}

void view_object(struct view *v, const char *heading)
{
    if (v->json) {
        separate(v);
        buf_add_char(v->out, '{');
        v->comma = false;
    } else if (heading != NULL) {
        buf_printf(v->out, "%s%s\n", v->out->len == 0 ? "" : "\n", heading);
    }
}

void view_object_end(struct view *v)
{
    if (v->json) {
        buf_add_char(v->out, '}');
        v->comma = true;
    }
}

void view_map(struct view *v, const char *key)
{
    if (v->json) {
        json_key(v, key);
        buf_add_char(v->out, '{');
        v->comma = false;
    }
}

void view_array(struct view *v, const char *key)
{
    if (v->json) {
        json_key(v, key);
        buf_add_char(v->out, '[');
        v->comma = false;
    }
}

void view_array_end(struct view *v)
{
    if (v->json) {
        buf_add_char(v->out, ']');
        v->comma = true;
    }
}

void view_text(struct view *v, const char *key, struct slice value)
{
    if (value.ptr == NULL) {
        return;
    }
    if (v->json) {
        json_key(v, key);
        buf_add_json_str(v->out, value);
        return;
    }
    label(v, key);
    plain(v, value);
    buf_add_char(v->out, '\n');
}

void view_number(struct view *v, const char *key, uint64_t value)
{
    if (v->json) {
        json_key(v, key);
        buf_add_u64(v->out, value);
        return;
    }
    label(v, key);
    buf_add_u64(v->out, value);
    buf_add_char(v->out, '\n');
}

void view_flag(struct view *v, const char *key, bool value)
{
    if (v->json) {
        json_key(v, key);
    } else {
        label(v, key);
    }
    buf_add_str(v->out, value ? "true" : "false");
    buf_add_str(v->out, v->json ? "" : "\n");
}

const char *view_duration(uint64_t seconds, char out[VIEW_DURATION_SIZE])
{
    const char *unit = "s";
    if (seconds != 0 && seconds % 3600 == 0) {
        seconds /= 3600;
        unit = "h";
    } else if (seconds != 0 && seconds % 60 == 0) {
        seconds /= 60;
        unit = "m";
    }
    (void)snprintf(out, VIEW_DURATION_SIZE, "%llu%s", (unsigned long long)seconds, unit);
    return out;
}

void view_seconds(struct view *v, const char *key, const char *key_s, uint64_t seconds)
{
    char text[VIEW_DURATION_SIZE];
    if (v->json) {
        view_number(v, key_s, seconds);
    } else {
        view_text(v, key, slice_of(view_duration(seconds, text)));
    }
}

void view_list(struct view *v, const char *key, bool one_a_line)
{
    view_array(v, key);
    v->key = key;
    v->one_a_line = one_a_line;
    v->column = 0;
}

/* next_item - the label, a comma or a line of its own in front of an item. */
static void next_item(struct view *v, size_t len)
{
    if (v->column == 0) {
        label(v, v->key);
        v->column = LABEL_WIDTH;
    } else if (v->one_a_line || v->column + 2 + len > LINE_WIDTH) {
        buf_printf(v->out, "%s\n%*s", v->one_a_line ? "" : ",", (int)LABEL_WIDTH, "");
        v->column = LABEL_WIDTH;
    } else {
        buf_add_str(v->out, ", ");
        v->column += 2;
    }
    v->column += (unsigned)len;
}

void view_item(struct view *v, struct slice value)
{
    if (v->json) {
        separate(v);
        buf_add_json_str(v->out, value);
        return;
    }
    next_item(v, value.len);
    plain(v, value);
}

void view_list_end(struct view *v)
{
    view_array_end(v);
    if (!v->json && v->column != 0) {
        buf_add_char(v->out, '\n');
    }
}
