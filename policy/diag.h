/* diag.h - complaints about a file, all of them, each with its place.
 *
 * A loader goes on after an error where it can, so that an admin mends a file in one round. */
#ifndef POLICY_DIAG_H
#define POLICY_DIAG_H

#include "broker/base/buf.h"

#include <stdio.h>

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diag_place {
    const char *file; /* borrowed; diag_add copies it */
    unsigned line;    /* from 1; 0 when only the file is known */
    unsigned col;     /* from 1, counted in characters as editors do */
};

#define DIAG_MAX 200 /* of each severity; further complaints are only counted */

struct diag_list; /* opaque */

struct diag_list *diag_new(void); /* NULL: out of memory */
void diag_free(struct diag_list *list);

/* diag_add - what was wrong and what would be right, in one line. Copies the text and the name of
 * the file; control characters in either the format or its arguments become '?'. */
void diag_add(struct diag_list *list, enum diag_severity severity, struct diag_place place,
              const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* diag_is_full - further errors are only counted: working out what was meant would be in vain. */
bool diag_is_full(const struct diag_list *list);
size_t diag_num_errors(const struct diag_list *list);
size_t diag_num_warnings(const struct diag_list *list);
/* diag_print - "file:line:col: error: message" a line each, ordered by file, line and column;
 * last "... and N more errors" where DIAG_MAX was passed. */
void diag_print(const struct diag_list *list, FILE *out);
/* diag_each - the lines of diag_print one by one, without their ends; none when out of memory. */
void diag_each(const struct diag_list *list, void (*each)(void *ctx, const char *line), void *ctx);
/* diag_first - the first error as one line for a log message; "" when there is none. */
void diag_first(const struct diag_list *list, char *out, size_t out_size);

#endif
