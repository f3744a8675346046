/* message.h - inside broker/ship only: one record as an RFC 5424 message. */
#ifndef BROKER_SHIP_MESSAGE_H
#define BROKER_SHIP_MESSAGE_H

#include "broker/base/buf.h"

/* What all messages of a process have in common. */
struct message_source {
    const char *origin; /* of the log */
    const char *host;
    unsigned pid;
};

enum message_cut { MESSAGE_WHOLE, MESSAGE_WITHOUT_CERT, MESSAGE_EMPTY };

/* message_record - append the message for a line of the log (without its newline) to out: PRI 13 (log
 * audit) and a severity by its type, MSGID is the type, the text is the line as it stands in the log. If
 * that would take more than max bytes the line goes without its cert_der, and if that is not enough
 * without text; the structured data then says cut="cert_der" or cut="line". */
enum message_cut message_record(const struct message_source *source, uint64_t seq,
                                struct slice line, size_t max, struct buf *out);

/* message_checkpoint - a signed checkpoint as one line of JSON, MSGID checkpoint. now_us is the time. */
void message_checkpoint(const struct message_source *source, struct slice note, int64_t now_us,
                        struct buf *out);

#endif
