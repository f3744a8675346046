/* control.c - see control.h. One request a connection: a line in, a line out, both bounded in size
 * and time. Only root and the user the broker runs as get an answer that tells them anything; the
 * mode of the socket keeps others away as well. */
#include "broker/control/control.h"

#include "broker/control/control_answer.h"
#include "broker/control/control_line.h"
#include "broker/control/control_socket.h"
#include "broker/server/server_order.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16U
static const struct timeval line_time = {5, 0}; /* for a request to come, for an answer to go */
static const struct timeval pause_time = {1, 0};

struct connection {
    TAILQ_ENTRY(connection) link;
    struct control *control;
    struct bufferevent *bev;
    struct event *deadline;
    struct reload_wish wish; /* first come, first served: it may wait for others */
    struct order *order;     /* under way; NULL: none */
    uid_t uid;
    pid_t pid;
    bool is_answered;
};
TAILQ_HEAD(connections, connection);

struct control {
    struct server *server;
    struct control_socket socket;
    struct evconnlistener *listener;
    struct event *resume;
    struct connections connections;
    size_t num_connections;
    /* The two who may ask, looked up once: where names come from may be slow. "": has none */
    char root_name[RELOAD_USER_MAX + 1], own_name[RELOAD_USER_MAX + 1];
};

static void connection_free(struct connection *c)
{
    server_reload_forget(c->control->server, &c->wish);
    server_order_forget(c->order);
    TAILQ_REMOVE(&c->control->connections, c, link);
    c->control->num_connections--;
    if (c->deadline != NULL) {
        event_free(c->deadline);
    }
    if (c->bev != NULL) {
        bufferevent_free(c->bev);
    }
    free(c);
}

/* ---------------------------------------------------------------- answering */

/* answer - send it; the connection goes when it has left, or a little later all the same. */
static void answer(struct connection *c, struct buf *text)
{
    if (!buf_ok(text)) {
        buf_reset(text);
        control_answer_error("the answer is too long", text);
    }
    c->is_answered = true;
    (void)bufferevent_disable(c->bev, EV_READ);
    (void)bufferevent_write(c->bev, text->data, text->len);
    (void)evtimer_add(c->deadline, &line_time);
    buf_free(text);
}

static void answer_error(struct connection *c, const char *why)
{
    struct buf text;
    buf_init(&text, CONTROL_ANSWER_MAX);
    control_answer_error(why, &text);
    answer(c, &text);
}

static void on_reloaded(struct reload_wish *wish, const struct reload_job *job)
{
    struct connection *c =
        (struct connection *)(void *)((char *)wish - offsetof(struct connection, wish));
    if (job == NULL) {
        answer_error(c, "the broker is stopping, or could not begin");
        return;
    }
    struct buf text;
    buf_init(&text, CONTROL_ANSWER_MAX);
    control_answer_reload(c->control->server, job, &text);
    answer(c, &text);
}

/* say_who - for the record. In quotes is what the client says, the rest is what the kernel says. */
static void say_who(const struct connection *c, const char *sudo_user, char *out, size_t out_size)
{
    const char *name = c->uid == 0 ? c->control->root_name : c->control->own_name;
    (void)snprintf(out, out_size, "uid %u%s%s%s%s%s%s, pid %d via control", (unsigned)c->uid,
                   name[0] == '\0' ? "" : " (", name, name[0] == '\0' ? "" : ")",
                   sudo_user[0] == '\0' ? "" : ", sudo from \"", sudo_user,
                   sudo_user[0] == '\0' ? "" : "\"", (int)c->pid);
}

static void begin_reload(struct connection *c, const struct control_request *request)
{
    struct server *s = c->control->server;
    if (s->is_draining) {
        answer_error(c, "the broker is stopping");
        return;
    }
    struct reload_order *order = &c->wish.order;
    say_who(c, request->sudo_user, order->by, sizeof(order->by));
    (void)snprintf(order->forced, sizeof(order->forced), "%s", request->force);
    (void)snprintf(order->reason, sizeof(order->reason), "%s", request->reason);
    const bool is_forced = order->forced[0] != '\0';
    const char *why = is_forced ? order->forced : order->reason;
    log_info("control", "reload for %s%s%s", order->by,
             is_forced        ? ", forced: "
             : why[0] == '\0' ? ""
                              : ": ",
             why);
    c->wish.done = on_reloaded;
    server_reload_want(s, &c->wish);
}

static void on_order_done(void *ctx, const struct order_result *result)
{
    struct connection *c = ctx;
    struct buf text;
    c->order = NULL;
    buf_init(&text, CONTROL_ANSWER_MAX);
    control_answer_order(result, &text);
    answer(c, &text);
}

static void begin_order(struct connection *c, const struct control_request *request)
{
    struct server *s = c->control->server;
    struct cb_err err = {0};
    char by[RELOAD_BY_MAX + 1];
    const bool is_revoke = request->command == CONTROL_REVOKE;
    say_who(c, request->sudo_user, by, sizeof(by));
    if (s->is_draining) {
        answer_error(c, "the broker is stopping");
        return;
    }
    log_info("control", "%s %s for %s", is_revoke ? "revoke" : "record",
             is_revoke ? request->order.serial : request->order.type, by);
    if (server_order_begin(s, &request->order, is_revoke, by, on_order_done, c, &c->order, &err) !=
        CB_OK) {
        answer_error(c, err.msg);
    }
}

/* obey - reading ends here: that whoever asks hangs up halfway must not look like an error. */
static void obey(struct connection *c, struct slice line)
{
    struct control_request request;
    struct cb_err err = {0};
    struct buf text;
    (void)event_del(c->deadline);
    (void)bufferevent_disable(c->bev, EV_READ);
    if (control_request_parse(line, &request, &err) != CB_OK) {
        answer_error(c, err.msg);
        return;
    }
    switch (request.command) {
    case CONTROL_RELOAD:
        begin_reload(c, &request);
        return;
    case CONTROL_STATUS:
        buf_init(&text, CONTROL_ANSWER_MAX);
        control_answer_status(c->control->server, &text);
        answer(c, &text);
        return;
    case CONTROL_REVOKE:
    case CONTROL_RECORD:
        begin_order(c, &request);
        return;
    }
}

/* ---------------------------------------------------------------- a connection's events */

static void on_read(struct bufferevent *bev, void *arg)
{
    struct connection *c = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t len = 0;
    if (c->is_answered) {
        return;
    }
    char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
    if (line != NULL && len <= CONTROL_LINE_MAX) {
        obey(c, (struct slice){line, len});
    } else if (line != NULL || evbuffer_get_length(in) > CONTROL_LINE_MAX) {
        answer_error(c, "a request is one line of at most 4096 bytes");
    }
    free(line);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct connection *c = arg;
    if (c->is_answered && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
        connection_free(c);
    }
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    (void)what; /* EOF before a whole line, or an error */
    connection_free(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    connection_free(arg);
}

/* ---------------------------------------------------------------- accepting */

/* introduce - who is it? False: somebody we don't talk to. */
static bool introduce(struct connection *c, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof(peer)) {
        return false;
    }
    c->uid = peer.uid;
    c->pid = peer.pid;
    return peer.uid == 0 || peer.uid == geteuid();
}

static struct connection *connection_new(struct control *control, int fd)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        (void)close(fd);
        return NULL;
    }
    c->control = control;
    TAILQ_INSERT_TAIL(&control->connections, c, link);
    control->num_connections++;
    c->deadline = evtimer_new(control->server->base, on_deadline, c);
    c->bev = bufferevent_socket_new(control->server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (c->bev == NULL) {
        (void)close(fd);
    }
    if (c->bev == NULL || c->deadline == NULL) {
        connection_free(c);
        return NULL;
    }
    bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
    /* One byte more than is good, so that too much can be told from enough. */
    bufferevent_setwatermark(c->bev, EV_READ, 0, CONTROL_LINE_MAX + 2);
    (void)evtimer_add(c->deadline, &line_time);
    return c;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
                      int addr_len, void *arg)
{
    (void)listener;
    (void)addr;
    (void)addr_len;
    struct control *control = arg;
    const bool is_full = control->num_connections >= CONNECTIONS_MAX;
    if (is_full) {
        (void)close(fd);
        return;
    }
    struct connection *c = connection_new(control, fd);
    if (c == NULL) {
        return;
    }
    if (!introduce(c, fd)) {
        log_warn("control.refused", "uid %u, pid %d via control", (unsigned)c->uid, (int)c->pid);
        answer_error(c, "only root and the user the broker runs as may ask");
        return;
    }
    (void)bufferevent_enable(c->bev, EV_READ);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct control *control = arg;
    (void)evconnlistener_enable(control->listener);
}

/* on_accept_error - mostly: no descriptors left. The listener would spin; give it a rest. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct control *control = arg;
    (void)evconnlistener_disable(listener);
    (void)evtimer_add(control->resume, &pause_time);
}

/* ---------------------------------------------------------------- life */

/* name_of - as the system knows this user; before any thread exists. */
static void name_of(uid_t uid, char out[RELOAD_USER_MAX + 1])
{
    const struct passwd *pw = getpwuid(uid);
    (void)snprintf(out, RELOAD_USER_MAX + 1, "%s", pw == NULL ? "" : pw->pw_name);
}

enum cb_code control_start(struct server *s, struct control **ret, struct cb_err *err)
{
    if (s->config->control == NULL) {
        return CB_OK;
    }
    struct control *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    c->server = s;
    name_of(0, c->root_name);
    name_of(geteuid(), c->own_name);
    TAILQ_INIT(&c->connections);
    const enum cb_code code = control_socket_open(s->config->control, &c->socket, err);
    if (code != CB_OK) {
        free(c);
        return code;
    }
    c->resume = evtimer_new(s->base, on_resume, c);
    c->listener = c->resume == NULL ? NULL
                                    : evconnlistener_new(s->base, on_accept, c,
                                                         LEV_OPT_CLOSE_ON_EXEC, -1, c->socket.fd);
    if (c->listener == NULL) {
        control_stop(c);
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    evconnlistener_set_error_cb(c->listener, on_accept_error);
    log_info("listen", "control %s", s->config->control);
    *ret = c;
    return CB_OK;
}

/* send_rest - an answer that the loop did not get to: as much of it as goes without waiting. */
static void send_rest(const struct connection *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    const size_t len = evbuffer_get_length(out);
    const unsigned char *data = len == 0 ? NULL : evbuffer_pullup(out, -1);
    if (data != NULL) {
        (void)send(bufferevent_getfd(c->bev), data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void control_stop(struct control *c)
{
    if (c == NULL) {
        return;
    }
    struct connection *next = NULL;
    for (struct connection *one = TAILQ_FIRST(&c->connections); one != NULL; one = next) {
        next = TAILQ_NEXT(one, link);
        send_rest(one);
        connection_free(one);
    }
    if (c->listener != NULL) {
        evconnlistener_free(c->listener);
    }
    if (c->resume != NULL) {
        event_free(c->resume);
    }
    control_socket_close(&c->socket);
    free(c);
}
