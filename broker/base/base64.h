/* base64.h - RFC 4648 section 4, padded, one spelling for each value. */
#ifndef CB_BASE_BASE64_H
#define CB_BASE_BASE64_H

#include "broker/base/buf.h"

/* BASE64_LEN - how many characters stand for so many bytes. */
#define BASE64_LEN(bytes) (((size_t)(bytes) + 2U) / 3U * 4U)

void buf_add_base64(struct buf *b, const void *data, size_t len);

/* base64_decode - the bytes behind text, of which the first room are written to out; *ret_len says
 * how many they are, also if they are more than room. False: not base64, in whichever way (other
 * characters, white space, padding too much or too little, unused bits that are not zero). */
bool base64_decode(struct slice text, unsigned char *out, size_t room, size_t *ret_len);
/* base64_decode_buf - the same, appended to a buffer; false as well if it does not take them. */
bool base64_decode_buf(struct slice text, struct buf *out);

#endif
