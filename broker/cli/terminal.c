/* terminal.c - see terminal.h: how large the terminal is and what it can show. The pager is pager.c. */
#include "broker/cli/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SIDE_MIN 20U
#define SIDE_MAX 1000U

/* side_from - COLUMNS or LINES, where it says something sensible. */
static bool side_from(const char *variable, unsigned *ret)
{
    uint64_t number = 0;
    const char *text = getenv(variable); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
    if (text == NULL || !slice_to_u64(slice_of(text), &number) || number < SIDE_MIN ||
        number > SIDE_MAX) {
        return false;
    }
    *ret = (unsigned)number;
    return true;
}

/* says_utf8 - the first of the three that is set decides, as in setlocale. */
static bool says_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *text = getenv(variables[i]); /* NOLINT(concurrency-mt-unsafe) */
        if (text != NULL && text[0] != '\0') {
            return strcasestr(text, "utf-8") != NULL || strcasestr(text, "utf8") != NULL;
        }
    }
    return false;
}

struct cli_terminal cli_terminal(void)
{
    struct winsize size = {0};
    struct cli_terminal t = {.is_terminal = isatty(STDOUT_FILENO) == 1, .is_utf8 = says_utf8()};
    if (t.is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        t.width = size.ws_col >= SIDE_MIN && size.ws_col <= SIDE_MAX ? size.ws_col : 0;
        t.height = size.ws_row <= SIDE_MAX ? size.ws_row : 0;
    }
    if (!side_from("COLUMNS", &t.width) && t.is_terminal && t.width == 0) {
        t.width = 80;
    }
    return t;
}
