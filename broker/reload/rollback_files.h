/* rollback_files.h - putting a policy's bytes back into its file or folder. Nothing is deleted: what
 * was there is kept beside it as NAME.rolled-back. */
#ifndef BROKER_ROLLBACK_FILES_H
#define BROKER_ROLLBACK_FILES_H

#include "policy/policy.h"

#include <sys/stat.h>

enum rollback_act {
    ROLLBACK_SAME,    /* the file holds these bytes already */
    ROLLBACK_REPLACE, /* its bytes are replaced, the present ones are kept as aside */
    ROLLBACK_ADD,     /* there is no such file now */
    ROLLBACK_ASIDE,   /* the policy had no such file: renamed to aside */
};

struct rollback_file {
    enum rollback_act act;
    const char *name;   /* within the folder */
    struct slice bytes; /* what it is to hold; borrowed from the policy */
    const char *aside;  /* a name that is free */
};

struct rollback_plan {
    const char *folder;
    struct rollback_file *files; /* in the arena */
    size_t num;
    size_t num_acts; /* of them, that change something */
    bool is_folder;
};

/* rollback_plan_make - what it takes to bring the policy back to path: a file, or a folder. Changes
 * nothing. CB_EINPUT: it was kept from a folder and path is a file, or the other way round, or a file
 * in the way is none of ours. The policy is borrowed by the plan, which lives in the arena. */
enum cb_code rollback_plan_make(const struct policy *policy, const char *path, struct arena *arena,
                                struct rollback_plan *ret, struct cb_err *err) CB_MUST_USE;
/* rollback_plan_carry_out - each file all or nothing, on disk when it returns. Stopped halfway it may
 * be made and carried out anew. */
enum cb_code rollback_plan_carry_out(const struct rollback_plan *plan,
                                     struct cb_err *err) CB_MUST_USE;
/* rollback_put_file - one file, all or nothing, on disk when it returns; with owner and mode of like. */
enum cb_code rollback_put_file(const char *folder, const char *name, struct slice bytes,
                               const struct stat *like, struct cb_err *err) CB_MUST_USE;
/* rollback_has_tests - are there tests beside the policy at path (a file or a folder)? They are not
 * among what is put back. */
bool rollback_has_tests(const struct rollback_plan *plan, const char *path);

#endif
