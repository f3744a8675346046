/* log.h - messages for the operator on stderr: one line each, text or JSON.
 *
 * This is not the audit log and nothing is proven from it. Values are escaped, never secrets. */
#ifndef CB_BASE_LOG_H
#define CB_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* log_setup - before threads start; the default is text at info. */
void log_setup(enum log_format format, enum log_level level);

/* log_line - one message. event is a stable dotted word ("ca.unreachable"), request_id may be
 * NULL. Thread-safe: a line is written with one write(). */
void log_line(enum log_level level, const char *event, const char *request_id, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, event, NULL, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_LEVEL_WARN, event, NULL, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, event, NULL, __VA_ARGS__)
#define log_debug(event, ...) log_line(LOG_LEVEL_DEBUG, event, NULL, __VA_ARGS__)

#endif
