/* check_fields.h - the parts of a certificate that take more than a line to compare. */
#ifndef BROKER_CA_CHECK_FIELDS_H
#define BROKER_CA_CHECK_FIELDS_H

#include "broker/ca/check.h"

/* serial_read - the content of a serial number's INTEGER: positive, in its shortest form, at most 20
 * bytes (RFC 5280 4.1.2.2). False leaves both untouched. */
bool serial_read(struct slice integer, char hex[41], char dec[50]);

/* subject_matches - name (a whole Name) has exactly the wanted attributes: order does not matter,
 * no other attribute may be there. An RDN of several values is taken only if all are of one type,
 * which is how Go writes two organisations. Common names are left out of it and counted:
 * *common_name is the last one seen, absent if there was none. */
bool subject_matches(struct slice name, const struct subject_attr *want, size_t num_want,
                     struct slice *common_name, size_t *num_common_names);

/* names_read - the GeneralNames of a subjectAltName in canonical form, sorted. False when there is
 * anything in it that name_parse would refuse, another type of name, or a name twice; what could
 * be read is in *ret all the same. */
bool names_read(struct slice san, struct arena *arena, struct name **ret, size_t *ret_num);

/* key_usage_read, ext_key_usage_read - false when malformed, empty or unknown. */
bool key_usage_read(struct slice ext, unsigned *ret);
bool ext_key_usage_read(struct slice ext, unsigned *ret);

/* basic_read - *ret_ca: may it sign certificates? False when malformed. */
bool basic_read(struct slice ext, bool *ret_ca);
/* ski_read, aki_read - the key identifier. An AKI by issuer and serial is not taken. */
bool ski_read(struct slice ext, struct slice *ret);
bool aki_read(struct slice ext, struct slice *ret);

#endif
