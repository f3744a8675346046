/* log.c - see log.h. */
#include "broker/base/log.h"

#include "broker/base/buf.h"
#include "broker/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)12288)

static enum log_format log_format = LOG_FORMAT_TEXT;
static enum log_level log_level = LOG_LEVEL_INFO;

void log_setup(enum log_format format, enum log_level level)
{
    log_format = format;
    log_level = level;
}

static const char *level_word(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "info";
}

static void write_json(struct buf *line, enum log_level level, const char *event,
                       const char *request_id, struct slice msg)
{
    buf_printf(line, ",\"level\":\"%s\",\"event\":", level_word(level));
    buf_add_json_str(line, slice_of(event));
    if (request_id != NULL) {
        buf_add_str(line, ",\"request_id\":");
        buf_add_json_str(line, slice_of(request_id));
    }
    buf_add_str(line, ",\"msg\":");
    buf_add_json_str(line, msg);
    buf_add_str(line, "}\n");
}

static void write_text(struct buf *line, enum log_level level, const char *event,
                       const char *request_id, struct slice msg)
{
    buf_printf(line, " %-5s %s: ", level_word(level), event);
    for (size_t i = 0; i < msg.len; i++) {
        /* One message is one line, and a terminal must not be steered by it. */
        buf_add_char(line, ascii_is_print(msg.ptr[i]) ? msg.ptr[i] : '?');
    }
    if (request_id != NULL) {
        buf_printf(line, " request_id=%s", request_id);
    }
    buf_add_char(line, '\n');
}

void log_line(enum log_level level, const char *event, const char *request_id, const char *fmt, ...)
{
    if (level > log_level) {
        return;
    }
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0) {
        msg[0] = '\0';
    }
    va_end(ap);

    char now[TIME_TEXT_LEN + 1];
    time_format_us(clock_wall_us(&cb_system_clock), now);
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    if (log_format == LOG_FORMAT_JSON) {
        buf_printf(&line, "{\"ts\":\"%s\"", now);
        write_json(&line, level, event, request_id, slice_of(msg));
    } else {
        buf_add_str(&line, now);
        write_text(&line, level, event, request_id, slice_of(msg));
    }
    if (buf_ok(&line) && write(STDERR_FILENO, line.data, line.len) < 0) {
        /* Nowhere left to say it. */
    }
    buf_free(&line);
}
