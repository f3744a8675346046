/* limit_text.h - words about a limit that is reached. */
#ifndef BROKER_REQUEST_LIMIT_TEXT_H
#define BROKER_REQUEST_LIMIT_TEXT_H

#include "broker/request/request.h"

#define LIMIT_WHOSE_SIZE (NAME_QUOTE_SIZE + 64U)

/* limit_whose - the end of a sentence: of a request on behalf of somebody, whose quota is used up
 * (of_delegate: that of who asks); else empty. Returns out. */
const char *limit_whose(const struct request *r, bool of_delegate, char out[LIMIT_WHOSE_SIZE]);

#endif
