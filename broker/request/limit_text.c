/* limit_text.c - see limit_text.h. Decides nothing: that is stage_limit.c and stage_room.c. */
#include "broker/request/limit_text.h"

#include <stdio.h>

const char *limit_whose(const struct request *r, bool of_delegate, char out[LIMIT_WHOSE_SIZE])
{
    char quoted[NAME_QUOTE_SIZE];
    out[0] = '\0';
    if (r->ask.on_behalf_of.ptr != NULL) {
        (void)snprintf(out, LIMIT_WHOSE_SIZE, "; it is the quota of \"%s\", %s",
                       name_quote(of_delegate ? r->who.id : req_owner(r), quoted),
                       of_delegate ? "who asks on behalf of others"
                                   : "on whose behalf it is asked");
    }
    return out;
}
