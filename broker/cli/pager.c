/* pager.c - see terminal.h: output by way of a pager, or straight. Not popen: that takes a shell, and
 * cannot tell a pager that is not there. */
#include "broker/cli/command.h"
#include "broker/cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELD_MAX ((size_t)1 << 20)
#define GATHERED ((size_t)64 << 10)
#define PAGER_WORDS_MAX 16U
#define PAGER_TEXT_MAX 512U

extern char **environ;

/* pager_words - the words of $PAGER in text; none: no pager is wanted. */
static size_t pager_words(char text[PAGER_TEXT_MAX], char *words[PAGER_WORDS_MAX + 1])
{
    const char *pager = getenv("PAGER"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
    size_t num = 0;
    const size_t len = strlen(pager == NULL ? "less -R" : pager);
    if (len >= PAGER_TEXT_MAX) {
        return 0;
    }
    memcpy(text, pager == NULL ? "less -R" : pager, len + 1);
    for (size_t i = 0; i < len && num < PAGER_WORDS_MAX; i++) {
        if (text[i] == ' ') {
            text[i] = '\0';
        } else if (i == 0 || text[i - 1] == '\0') {
            words[num++] = text + i;
        }
    }
    words[num] = NULL;
    return num == 1 && strcmp(words[0], "cat") == 0 ? 0 : num;
}

/* set_manners - less shows colours, does not clear what it showed, and for root opens no shell. */
static void set_manners(void)
{
    (void)setenv("LESS", "RX", 0); /* NOLINT(concurrency-mt-unsafe): one thread */
    (void)setenv("LESSCHARSET", "utf-8", 0);
    if (geteuid() == 0) {
        (void)setenv("LESSSECURE", "1", 1);
    }
}

/* spawn - the pager, reading from the other end of *ret_fd. False: there is none. */
static bool spawn(struct cli_out *o)
{
    char text[PAGER_TEXT_MAX];
    char *words[PAGER_WORDS_MAX + 1];
    int ends[2];
    sigset_t usual;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (pager_words(text, words) == 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    set_manners();
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGINT);
    (void)sigaddset(&usual, SIGQUIT);
    (void)sigaddset(&usual, SIGPIPE);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    const bool good = posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO) == 0 &&
                      posix_spawnattr_setsigdefault(&attributes, &usual) == 0 &&
                      posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF) == 0 &&
                      posix_spawnp(&o->pager, words[0], &actions, &attributes, words, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    (void)close(ends[0]);
    if (!good) {
        o->pager = 0;
        (void)close(ends[1]);
        return false;
    }
    o->fd = ends[1];
    return true;
}

static void start_pager(struct cli_out *o)
{
    (void)fflush(stdout);
    if (!spawn(o)) {
        return;
    }
    o->old_int = signal(SIGINT, SIG_IGN);
    o->old_quit = signal(SIGQUIT, SIG_IGN);
    o->old_pipe = signal(SIGPIPE, SIG_IGN);
}

void cli_out_begin(struct cli_out *o, enum cli_paging paging)
{
    const struct cli_terminal t = cli_terminal();
    *o = (struct cli_out){.fd = STDOUT_FILENO};
    buf_init(&o->held, HELD_MAX);
    if (paging == CLI_PAGED && t.is_terminal && t.height > 2) {
        o->room = t.height - 1;
    }
}

static bool write_all(struct cli_out *o, struct slice text)
{
    if (o->gone || o->failed) {
        return false;
    }
    while (text.len > 0) {
        const ssize_t n = write(o->fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            o->gone = errno == EPIPE;
            o->failed = !o->gone;
            if (o->failed) {
                struct cb_err err;
                (void)cb_fail_errno(&err, "standard output");
                (void)fprintf(stderr, "certbroker: %s\n", err.msg);
            }
            return false;
        }
        text.ptr += n;
        text.len -= (size_t)n;
    }
    return true;
}

/* let_go - what is held goes out. */
static bool let_go(struct cli_out *o)
{
    const bool good = buf_ok(&o->held) && write_all(o, buf_slice(&o->held));
    buf_reset(&o->held);
    return good;
}

static unsigned lines_in(struct slice text)
{
    unsigned lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n' ? 1 : 0;
    }
    return lines;
}

bool cli_out_write(struct cli_out *o, struct slice text)
{
    if (o->room > 0) {
        o->lines += lines_in(text);
        if (o->lines >= o->room) {
            start_pager(o);
            o->room = 0;
        }
    }
    /* Small writes are gathered, unless somebody waits for each line. */
    if (o->held.len + text.len > HELD_MAX || (o->room == 0 && o->flush)) {
        return let_go(o) && write_all(o, text);
    }
    buf_add_slice(&o->held, text);
    return o->room == 0 && o->held.len >= GATHERED ? let_go(o) : !o->gone && !o->failed;
}

bool cli_out_buf(struct cli_out *o, struct buf *b)
{
    const bool good = buf_ok(b) && cli_out_write(o, buf_slice(b));
    buf_reset(b);
    return good;
}

int cli_out_end(struct cli_out *o, int status)
{
    int how = 0;
    (void)let_go(o);
    buf_free(&o->held);
    if (o->pager != 0) {
        (void)close(o->fd);
        while (waitpid(o->pager, &how, 0) < 0 && errno == EINTR) {
        }
        (void)signal(SIGINT, o->old_int);
        (void)signal(SIGQUIT, o->old_quit);
        (void)signal(SIGPIPE, o->old_pipe);
        o->pager = 0;
    }
    return o->failed ? EXIT_USAGE : status;
}
