/* version.h - the version of this program and of what it was built with. */
#ifndef BROKER_VERSION_H
#define BROKER_VERSION_H

#include "broker/base/err.h"

#define CERTBROKER_VERSION "0.1.0"

/* version_check_libraries - refuse library versions with known holes that matter here. */
enum cb_code version_check_libraries(struct cb_err *err) CB_MUST_USE;

#endif
