/* diag.c - see diag.h. Keeps complaints, orders them, prints them; judges nothing and never logs. */
#include "policy/diag.h"

#include <stdarg.h>
#include <stdlib.h>

#define TEXT_MAX 500                     /* one complaint; longer ones are cut */
#define FILES_MAX ((size_t)2 * DIAG_MAX) /* each complaint that is kept may be about another one */

struct complaint {
    enum diag_severity severity;
    struct diag_place place;
    size_t order; /* in which it came, for complaints about the same place */
    char *text;
};

struct diag_list {
    struct complaint *items;
    size_t num;
    size_t room;
    size_t count[2]; /* by severity, the ones not kept included */
    size_t kept[2];
    char *files[FILES_MAX];
    size_t num_files;
};

struct diag_list *diag_new(void)
{
    return calloc(1, sizeof(struct diag_list));
}

void diag_free(struct diag_list *list)
{
    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < list->num; i++) {
        free(list->items[i].text);
    }
    for (size_t i = 0; i < list->num_files; i++) {
        free(list->files[i]);
    }
    free(list->items);
    free(list);
}

/* own_file - our copy of a file name, so that a complaint outlives the document it is about. */
static const char *own_file(struct diag_list *list, const char *file)
{
    if (file == NULL) {
        return "";
    }
    for (size_t i = list->num_files; i > 0; i--) {
        if (strcmp(list->files[i - 1], file) == 0) {
            return list->files[i - 1];
        }
    }
    char *copy = list->num_files < FILES_MAX ? strdup(file) : NULL;
    if (copy == NULL) {
        return "?";
    }
    list->files[list->num_files++] = copy;
    return copy;
}

static bool make_room(struct diag_list *list)
{
    if (list->num < list->room) {
        return true;
    }
    const size_t room = list->room == 0 ? 16 : list->room * 2;
    struct complaint *items = reallocarray(list->items, room, sizeof(*items));
    if (items == NULL) {
        return false;
    }
    list->items = items;
    list->room = room;
    return true;
}

/* A complaint may quote the file it is about: it must stay one line on a terminal. */
static void one_line(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }
}

void diag_add(struct diag_list *list, enum diag_severity severity, struct diag_place place,
              const char *fmt, ...)
{
    list->count[severity]++;
    if (list->kept[severity] >= DIAG_MAX || !make_room(list)) {
        return;
    }
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0) {
        text[0] = '\0';
    }
    va_end(ap);
    one_line(text);
    place.file = own_file(list, place.file);
    struct complaint *c = &list->items[list->num];
    *c = (struct complaint){.severity = severity, .place = place, .order = list->num};
    c->text = strdup(text);
    if (c->text == NULL) {
        return;
    }
    list->num++;
    list->kept[severity]++;
}

bool diag_is_full(const struct diag_list *list)
{
    return list->kept[DIAG_ERROR] >= DIAG_MAX;
}

size_t diag_num_errors(const struct diag_list *list)
{
    return list->count[DIAG_ERROR];
}

size_t diag_num_warnings(const struct diag_list *list)
{
    return list->count[DIAG_WARNING];
}

static int compare(const void *a, const void *b)
{
    const struct complaint *x = a;
    const struct complaint *y = b;
    const int files = strcmp(x->place.file, y->place.file);
    if (files != 0) {
        return files;
    }
    if (x->place.line != y->place.line) {
        return x->place.line < y->place.line ? -1 : 1;
    }
    if (x->place.col != y->place.col) {
        return x->place.col < y->place.col ? -1 : 1;
    }
    return x->order < y->order ? -1 : (x->order > y->order ? 1 : 0);
}

static const char *severity_word(enum diag_severity severity)
{
    return severity == DIAG_ERROR ? "error" : "warning";
}

static int format_place(char *out, size_t size, struct diag_place place)
{
    return place.line == 0 ? snprintf(out, size, "%s", place.file)
                           : snprintf(out, size, "%s:%u:%u", place.file, place.line, place.col);
}

static void print_one(const struct complaint *c, FILE *out)
{
    char place[4200];
    (void)format_place(place, sizeof(place), c->place);
    (void)fprintf(out, "%s: %s: %s\n", place, severity_word(c->severity), c->text);
}

static void print_rest(const struct diag_list *list, enum diag_severity severity, FILE *out)
{
    const size_t left = list->count[severity] - list->kept[severity];
    if (left > 0) {
        (void)fprintf(out, "... and %zu more %s%s\n", left, severity_word(severity),
                      left == 1 ? "" : "s");
    }
}

void diag_print(const struct diag_list *list, FILE *out)
{
    struct complaint *sorted = calloc(list->num + 1, sizeof(*sorted));
    if (sorted != NULL && list->num > 0) {
        memcpy(sorted, list->items, list->num * sizeof(*sorted));
        qsort(sorted, list->num, sizeof(*sorted), compare);
    }
    for (size_t i = 0; i < list->num; i++) {
        print_one(sorted == NULL ? &list->items[i] : &sorted[i], out);
    }
    free(sorted);
    print_rest(list, DIAG_ERROR, out);
    print_rest(list, DIAG_WARNING, out);
}

void diag_each(const struct diag_list *list, void (*each)(void *ctx, const char *line), void *ctx)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return;
    }
    diag_print(list, out);
    (void)fclose(out);
    char *rest = text;
    const char *line = NULL;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != '\0') {
            each(ctx, line);
        }
    }
    free(text);
}

void diag_first(const struct diag_list *list, char *out, size_t out_size)
{
    if (out_size == 0) {
        return;
    }
    out[0] = '\0';
    const struct complaint *first = NULL;
    for (size_t i = 0; i < list->num; i++) {
        const struct complaint *c = &list->items[i];
        if (c->severity == DIAG_ERROR && (first == NULL || compare(c, first) < 0)) {
            first = c;
        }
    }
    if (first == NULL) {
        return;
    }
    const int used = format_place(out, out_size, first->place);
    if (used > 0 && (size_t)used < out_size) {
        (void)snprintf(out + used, out_size - (size_t)used, ": %s", first->text);
    }
}
