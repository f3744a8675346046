/* fake_witness.h - a witness in a thread of the test, honest or not, behind the smallest HTTP server
 * that libcurl is content with; and a log that exists as a tree in memory. Each test program includes
 * it once, after cmocka. */
#ifndef TESTS_UNIT_ANCHOR_FAKE_WITNESS_H
#define TESTS_UNIT_ANCHOR_FAKE_WITNESS_H

#include "audit/tlog/add_checkpoint.h"
#include "broker/anchor/anchor.h"
#include "broker/anchor/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define ORIGIN "test/log"
#define REQUEST_MAX 131072

/* ---- a log: record i is "i", from the fork on "xi" ---- */

struct tree {
    struct merkle m;
    uint64_t fork_at;
};

UNUSED static enum cb_code tree_node(void *ctx, unsigned level, uint64_t index,
                                     unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    const struct tree *t = ctx;
    struct merkle m;
    char text[32];
    TRY(merkle_init(&m, err));
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        (void)snprintf(text, sizeof(text), "%s%llu", i >= t->fork_at ? "x" : "",
                       (unsigned long long)i);
        merkle_append(&m, slice_of(text));
    }
    merkle_root(&m, ret);
    merkle_free(&m);
    return CB_OK;
}

UNUSED static void tree_root(struct tree *t, uint64_t size, unsigned char ret[SHA256_LEN])
{
    const struct hash_source source = {tree_node, t};
    struct merkle m; /* not t's: several threads ask */
    struct cb_err err;
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    assert_int_equal(proof_root(&source, &m, size, ret, &err), CB_OK);
    merkle_free(&m);
}

UNUSED static void sign_checkpoint(struct tree *t, uint64_t size, const struct note_signer *signer,
                                   struct buf *out)
{
    struct checkpoint c = {.size = size};
    struct cb_err err;
    (void)snprintf(c.origin, sizeof(c.origin), ORIGIN);
    tree_root(t, size, c.root);
    buf_init(out, NOTE_BYTES_MAX);
    assert_int_equal(checkpoint_sign(&c, signer, out, &err), CB_OK);
}

/* ---- the witness ---- */

enum fake_mode {
    FAKE_HONEST,    /* but it takes any proof */
    FAKE_DOWN,      /* hangs up */
    FAKE_SILENT,    /* takes requests and answers none */
    FAKE_403,       /* whatever comes */
    FAKE_422,       /* whatever comes */
    FAKE_WRONG_KEY, /* signs with another one */
    FAKE_GARBAGE,   /* 200 and no signature */
    FAKE_ENDLESS,   /* an answer without an end */
    FAKE_FICKLE,    /* 409 with another size each time */
    FAKE_409_MUTE,  /* 409 with a size that nothing has, and nothing to show */
};

struct fake {
    int fd;
    char url[64];
    pthread_t thread;
    struct note_signer *signer, *wrong;
    pthread_mutex_t lock; /* of what is below */
    enum fake_mode mode;
    bool is_ending;
    uint64_t size; /* what it has seen */
    struct buf note;
    unsigned num_posts;
};

static void fake_cosign(struct slice note, const struct note_signer *signer, struct buf *line)
{
    struct note parsed;
    struct cb_err err;
    assert_int_equal(note_parse(note, &parsed, &err), CB_OK);
    assert_int_equal(note_sign(parsed.text, signer, 1790000000, line, &err), CB_OK);
}

/* fake_saw - as if it had cosigned this. */
UNUSED static void fake_saw(struct fake *f, struct slice note, uint64_t size)
{
    struct buf line;
    buf_init(&line, 4096);
    fake_cosign(note, f->signer, &line);
    (void)pthread_mutex_lock(&f->lock);
    buf_reset(&f->note);
    buf_add_slice(&f->note, note);
    buf_add_slice(&f->note, buf_slice(&line));
    f->size = size;
    (void)pthread_mutex_unlock(&f->lock);
    buf_free(&line);
}

static int fake_post(struct fake *f, enum fake_mode mode, struct slice body, struct buf *out)
{
    struct add_checkpoint add;
    struct note note;
    struct checkpoint c;
    struct cb_err err;
    assert_int_equal(add_checkpoint_parse(body, &add, &err), CB_OK);
    assert_int_equal(note_parse(add.note, &note, &err), CB_OK);
    assert_int_equal(checkpoint_parse(note.text, &c, &err), CB_OK);
    if (mode == FAKE_FICKLE) {
        buf_printf(out, "%u\n", f->num_posts % 2 + 1);
        return 409;
    }
    if (mode == FAKE_409_MUTE) {
        buf_add_str(out, "99999999\n");
        return 409;
    }
    if (mode == FAKE_403 || mode == FAKE_422) {
        return mode == FAKE_403 ? 403 : 422;
    }
    if (mode == FAKE_GARBAGE) {
        buf_add_str(out, "thank you\n");
        return 200;
    }
    if (add.old != f->size || (add.old == c.size && c.size < f->size)) {
        buf_printf(out, "%llu\n", (unsigned long long)f->size);
        return 409;
    }
    fake_cosign(add.note, mode == FAKE_WRONG_KEY ? f->wrong : f->signer, out);
    if (mode == FAKE_HONEST) {
        (void)pthread_mutex_unlock(&f->lock);
        fake_saw(f, add.note, c.size);
        (void)pthread_mutex_lock(&f->lock);
    }
    return 200;
}

static void fake_send(int fd, int status, struct slice body)
{
    char head[160];
    const int len = snprintf(head, sizeof(head),
                             "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                             status, body.len);
    (void)!send(fd, head, (size_t)len, MSG_NOSIGNAL);
    (void)!send(fd, body.ptr, body.len, MSG_NOSIGNAL);
}

static void fake_send_endless(int fd)
{
    const char head[] = "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n";
    char block[8192];
    memset(block, 'x', sizeof(block));
    (void)!send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL);
    for (int i = 0; i < 1000 && send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0; i++) {
    }
}

/* read_request - false: the peer left. */
static bool read_request(int fd, char *out, size_t *ret_len, char **ret_body)
{
    size_t len = 0;
    for (;;) {
        const ssize_t got = recv(fd, out + len, REQUEST_MAX - 1 - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        out[len] = '\0';
        char *body = strstr(out, "\r\n\r\n");
        const char *length = strstr(out, "Content-Length: ");
        const size_t want = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
        if (body != NULL && (size_t)(out + len - body) - 4 >= want) {
            *ret_len = want;
            *ret_body = body + 4;
            return true;
        }
    }
}

static void fake_serve(struct fake *f, int fd, char *request)
{
    struct buf out;
    size_t len = 0;
    char *body = NULL;
    buf_init(&out, NOTE_BYTES_MAX);
    if (!read_request(fd, request, &len, &body)) {
        return;
    }
    (void)pthread_mutex_lock(&f->lock);
    const enum fake_mode mode = f->mode;
    int status = 404;
    if (strncmp(request, "POST ", 5) == 0) {
        assert_int_equal(strncmp(request, "POST " ADD_CHECKPOINT_PATH " ", 21), 0);
        f->num_posts++;
        if (mode != FAKE_SILENT && mode != FAKE_ENDLESS) {
            status = fake_post(f, mode, (struct slice){body, len}, &out);
        }
    } else if (f->note.len > 0) {
        status = mode == FAKE_409_MUTE ? 404 : 200;
        buf_add_slice(&out, buf_slice(&f->note));
    }
    (void)pthread_mutex_unlock(&f->lock);
    if (mode == FAKE_SILENT) {
        (void)!recv(fd, request, 1, 0); /* until the peer gives up */
    } else if (mode == FAKE_ENDLESS) {
        fake_send_endless(fd);
    } else {
        fake_send(fd, status, buf_slice(&out));
    }
    buf_free(&out);
}

static void *fake_run(void *arg)
{
    struct fake *f = arg;
    char *request = malloc(REQUEST_MAX);
    for (;;) {
        const int fd = accept(f->fd, NULL, NULL);
        (void)pthread_mutex_lock(&f->lock);
        const bool is_ending = f->is_ending;
        const bool is_down = f->mode == FAKE_DOWN;
        (void)pthread_mutex_unlock(&f->lock);
        if (fd < 0 || is_ending) {
            (void)close(fd);
            break;
        }
        if (!is_down) {
            fake_serve(f, fd, request);
        }
        (void)close(fd);
    }
    free(request);
    return NULL;
}

UNUSED static void fake_start(struct fake *f, const char *name)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    struct cb_err err;
    *f = (struct fake){.mode = FAKE_HONEST};
    (void)pthread_mutex_init(&f->lock, NULL);
    buf_init(&f->note, NOTE_BYTES_MAX);
    assert_int_equal(note_signer_new(slice_of(name), NOTE_WITNESS, &f->signer, &err), CB_OK);
    assert_int_equal(note_signer_new(slice_of(name), NOTE_WITNESS, &f->wrong, &err), CB_OK);
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->fd >= 0);
    assert_int_equal(bind(f->fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(getsockname(f->fd, (struct sockaddr *)&addr, &len), 0);
    assert_int_equal(listen(f->fd, 16), 0);
    (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u", ntohs(addr.sin_port));
    assert_int_equal(pthread_create(&f->thread, NULL, fake_run, f), 0);
}

UNUSED static void fake_set(struct fake *f, enum fake_mode mode)
{
    (void)pthread_mutex_lock(&f->lock);
    f->mode = mode;
    (void)pthread_mutex_unlock(&f->lock);
}

UNUSED static void fake_stop(struct fake *f)
{
    (void)pthread_mutex_lock(&f->lock);
    f->is_ending = true;
    (void)pthread_mutex_unlock(&f->lock);
    (void)shutdown(f->fd, SHUT_RDWR);
    (void)pthread_join(f->thread, NULL);
    (void)close(f->fd);
    note_signer_free(f->signer);
    note_signer_free(f->wrong);
    buf_free(&f->note);
    (void)pthread_mutex_destroy(&f->lock);
}

#endif
