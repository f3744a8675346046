/* pem.h - PEM (RFC 7468) for what leaves this broker: written anew from DER, never passed on as the
 * CA sent it. */
#ifndef BROKER_CA_PEM_H
#define BROKER_CA_PEM_H

#include "broker/base/arena.h"
#include "broker/base/buf.h"

/* pem_encode_json - one block with this label, 64 characters a line, as the inside of a JSON string
 * (line ends are written as \n). */
void pem_encode_json(struct buf *out, const char *label, struct slice der);

/* pem_decode - the DER of a text that is exactly one block with this label; in the arena. */
bool pem_decode(struct slice text, const char *label, struct arena *arena, struct slice *ret_der);

#endif
