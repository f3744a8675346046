/* rollback_files.c - see rollback_files.h. New files get owner and mode of those they replace, so that
 * whoever could read the policy still can. */
#include "broker/reload/rollback_files.h"

#include "broker/base/arena.h"
#include "broker/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)64 << 20)
#define FOLDER_FILES_MAX 4096U
#define ASIDE_TRIES 1000U

static enum cb_code no_memory(struct cb_err *err)
{
    return cb_fail(err, CB_ENOMEM, "out of memory");
}

static enum cb_code join(const char *folder, const char *name, char out[PATH_MAX],
                         struct cb_err *err)
{
    const int n = snprintf(out, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX ? CB_OK : cb_fail(err, CB_EINPUT, "%s/%s: too long", folder, name);
}

/* counts - is this one of the files a folder's policy is made of? As policy_load has it. */
static bool counts(const char *name)
{
    const struct slice s = slice_of(name);
    return name[0] != '.' && slice_has_suffix(s, SLICE(".yaml")) &&
           !slice_has_suffix(s, SLICE(".test.yaml"));
}

/* ---------------------------------------------------------------- planning */

/* pick_aside - NAME.rolled-back, or with a number if there is one of an earlier rollback. */
static enum cb_code pick_aside(const char *folder, struct arena *arena, struct rollback_file *f,
                               struct cb_err *err)
{
    char path[PATH_MAX];
    char name[NAME_MAX + 1];
    struct stat st;
    for (unsigned i = 1; i < ASIDE_TRIES; i++) {
        const int n = i == 1 ? snprintf(name, sizeof(name), "%s.rolled-back", f->name)
                             : snprintf(name, sizeof(name), "%s.rolled-back-%u", f->name, i);
        if (n < 0 || (size_t)n >= sizeof(name)) {
            break;
        }
        TRY(join(folder, name, path, err));
        if (lstat(path, &st) != 0 && errno == ENOENT) {
            f->aside = arena_dup(arena, slice_of(name));
            return f->aside == NULL ? no_memory(err) : CB_OK;
        }
    }
    return cb_fail(err, CB_EINPUT, "%s/%s: no free name to keep it by", folder, f->name);
}

/* look_at - how a file that the policy has compares with what is there now. */
static enum cb_code look_at(const char *folder, struct arena *arena, struct rollback_file *f,
                            struct cb_err *err)
{
    char path[PATH_MAX];
    struct stat st;
    struct buf present;
    TRY(join(folder, f->name, path, err));
    if (lstat(path, &st) != 0) {
        f->act = ROLLBACK_ADD;
        return errno == ENOENT ? CB_OK : cb_fail_errno(err, "%s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return cb_fail(err, CB_EINPUT,
                       "%s: not a regular file; put back what it stands for by hand", path);
    }
    TRY(file_read(path, FILE_PUBLIC, FILE_BYTES_MAX, &present, err));
    f->act = slice_eq(buf_slice(&present), f->bytes) ? ROLLBACK_SAME : ROLLBACK_REPLACE;
    buf_free(&present);
    return f->act == ROLLBACK_SAME ? CB_OK : pick_aside(folder, arena, f, err);
}

static enum cb_code plan_files(const struct policy *policy, struct arena *arena,
                               struct rollback_plan *plan, struct cb_err *err)
{
    for (size_t i = 0; i < policy_num_files(policy); i++) {
        struct rollback_file *f = &plan->files[plan->num++];
        f->name = policy_file_name(policy, i);
        f->bytes = policy_file_bytes(policy, i);
        TRY(look_at(plan->folder, arena, f, err));
    }
    return CB_OK;
}

static bool plan_has(const struct rollback_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->num; i++) {
        if (strcmp(plan->files[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum cb_code plan_extra(const char *name, size_t room, struct arena *arena,
                               struct rollback_plan *plan, struct cb_err *err)
{
    if (!counts(name) || plan_has(plan, name)) {
        return CB_OK;
    }
    if (plan->num == room) {
        return cb_fail(err, CB_ELIMIT, "%s: too many files", plan->folder);
    }
    struct rollback_file *f = &plan->files[plan->num++];
    f->act = ROLLBACK_ASIDE;
    f->name = arena_dup(arena, slice_of(name));
    return f->name == NULL ? no_memory(err) : pick_aside(plan->folder, arena, f, err);
}

/* plan_extras - files that count now and that the policy did not have. */
static enum cb_code plan_extras(size_t room, struct arena *arena, struct rollback_plan *plan,
                                struct cb_err *err)
{
    DIR *dir = opendir(plan->folder);
    if (dir == NULL) {
        return cb_fail_errno(err, "%s", plan->folder);
    }
    enum cb_code code = CB_OK;
    const struct dirent *entry = NULL;
    while (code == CB_OK && (entry = readdir(dir)) != NULL) {
        code = plan_extra(entry->d_name, room, arena, plan, err);
    }
    (void)closedir(dir);
    return code;
}

/* is_bundle - was this kept from a folder? Then its bytes are more than its one file's. */
static bool is_bundle(const struct policy *policy)
{
    return policy_num_files(policy) != 1 ||
           !slice_eq(policy_bytes(policy), policy_file_bytes(policy, 0));
}

static enum cb_code plan_single(const struct policy *policy, const char *path, struct arena *arena,
                                struct rollback_plan *plan, struct cb_err *err)
{
    char *folder = arena_dup(arena, slice_of(path));
    char *name = arena_dup(arena, slice_of(path));
    if (folder == NULL || name == NULL) {
        return no_memory(err);
    }
    plan->folder = dirname(folder);
    plan->num = 1;
    plan->files[0].name = basename(name);
    plan->files[0].bytes = policy_bytes(policy);
    return look_at(plan->folder, arena, &plan->files[0], err);
}

static enum cb_code plan_folder(const struct policy *policy, const char *path, size_t room,
                                struct arena *arena, struct rollback_plan *plan, struct cb_err *err)
{
    plan->folder = path;
    TRY(plan_files(policy, arena, plan, err));
    return plan_extras(room, arena, plan, err);
}

/* resolve - a symbolic link stays one: what it points to is changed. NULL: no memory. */
static const char *resolve(const char *path, struct arena *arena)
{
    char *real = realpath(path, NULL);
    const char *target = arena_dup(arena, slice_of(real == NULL ? path : real));
    free(real);
    return target;
}

enum cb_code rollback_plan_make(const struct policy *policy, const char *path, struct arena *arena,
                                struct rollback_plan *ret, struct cb_err *err)
{
    const size_t room = policy_num_files(policy) + FOLDER_FILES_MAX;
    struct rollback_plan plan = {.folder = path};
    struct stat st;
    const char *target = resolve(path, arena);
    const bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    plan.is_folder = is_folder;
    plan.files = arena_array(arena, room, sizeof(*plan.files));
    if (plan.files == NULL || target == NULL) {
        return no_memory(err);
    }
    if (is_folder != is_bundle(policy)) {
        return cb_fail(err, CB_EINPUT, "that policy was kept from a %s, and %s is a %s now",
                       is_folder ? "file" : "folder", path, is_folder ? "folder" : "file");
    }
    TRY(is_folder ? plan_folder(policy, target, room, arena, &plan, err)
                  : plan_single(policy, target, arena, &plan, err));
    for (size_t i = 0; i < plan.num; i++) {
        plan.num_acts += plan.files[i].act == ROLLBACK_SAME ? 0 : 1;
    }
    *ret = plan;
    return CB_OK;
}

/* ---------------------------------------------------------------- tests beside it */

static bool folder_has_tests(const char *path)
{
    DIR *dir = opendir(path);
    bool found = false;
    const struct dirent *entry = NULL;
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        found = entry->d_name[0] != '.' &&
                slice_has_suffix(slice_of(entry->d_name), SLICE(".test.yaml"));
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return found;
}

bool rollback_has_tests(const struct rollback_plan *plan, const char *path)
{
    char beside[PATH_MAX];
    struct stat st;
    if (plan->is_folder) {
        return folder_has_tests(path);
    }
    struct slice stem = slice_of(path);
    stem.len -= slice_has_suffix(stem, SLICE(".yaml")) ? strlen(".yaml") : 0;
    const int n = snprintf(beside, sizeof(beside), "%.*s.test.yaml", (int)stem.len, stem.ptr);
    return n > 0 && (size_t)n < sizeof(beside) && stat(beside, &st) == 0;
}

/* ---------------------------------------------------------------- carrying out */

static enum cb_code sync_folder(const char *folder, struct cb_err *err)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = fd >= 0 && fsync(fd) == 0;
    const enum cb_code code = ok ? CB_OK : cb_fail_errno(err, "%s", folder);
    if (fd >= 0) {
        (void)close(fd);
    }
    return code;
}

static enum cb_code write_all(int fd, const char *path, struct slice bytes, struct cb_err *err)
{
    while (bytes.len > 0) {
        const ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR) {
            return cb_fail_errno(err, "%s", path);
        }
        bytes.ptr += n > 0 ? n : 0;
        bytes.len -= n > 0 ? (size_t)n : 0;
    }
    return CB_OK;
}

/* dress - owner and mode as the other file's. */
static enum cb_code dress(int fd, const char *path, const struct stat *like, struct cb_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return cb_fail_errno(err, "%s", path);
    }
    const bool is_other = st.st_uid != like->st_uid || st.st_gid != like->st_gid;
    if (is_other && fchown(fd, like->st_uid, like->st_gid) != 0) {
        return cb_fail_errno(err, "%s: cannot give it to uid %u, gid %u", path,
                             (unsigned)like->st_uid, (unsigned)like->st_gid);
    }
    return fchmod(fd, like->st_mode & 07777U) == 0 ? CB_OK : cb_fail_errno(err, "%s", path);
}

enum cb_code rollback_put_file(const char *folder, const char *name, struct slice bytes,
                               const struct stat *like, struct cb_err *err)
{
    char path[PATH_MAX];
    char part[PATH_MAX];
    char part_name[NAME_MAX + 1];
    (void)snprintf(part_name, sizeof(part_name), ".%.200s.part", name);
    TRY(join(folder, name, path, err));
    TRY(join(folder, part_name, part, err));
    (void)unlink(part);
    const int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cb_fail_errno(err, "%s", part);
    }
    enum cb_code code = write_all(fd, part, bytes, err);
    code = code == CB_OK ? dress(fd, part, like, err) : code;
    if (code == CB_OK && fsync(fd) != 0) {
        code = cb_fail_errno(err, "%s", part);
    }
    (void)close(fd);
    if (code == CB_OK && rename(part, path) != 0) {
        code = cb_fail_errno(err, "cannot rename to %s", path);
    }
    if (code != CB_OK) {
        (void)unlink(part);
        return code;
    }
    return sync_folder(folder, err);
}

/* stat_like - whom a file is to resemble: the one it replaces, or, if it is new, any other of the
 * policy's files, or the folder. */
static enum cb_code stat_like(const struct rollback_plan *plan, const struct rollback_file *f,
                              struct stat *ret, struct cb_err *err)
{
    char path[PATH_MAX];
    TRY(join(plan->folder, f->name, path, err));
    if (f->act != ROLLBACK_ADD) {
        return lstat(path, ret) == 0 ? CB_OK : cb_fail_errno(err, "%s", path);
    }
    for (size_t i = 0; i < plan->num; i++) {
        TRY(join(plan->folder, plan->files[i].name, path, err));
        if (plan->files[i].act != ROLLBACK_ADD && lstat(path, ret) == 0) {
            return CB_OK;
        }
    }
    if (stat(plan->folder, ret) != 0) {
        return cb_fail_errno(err, "%s", plan->folder);
    }
    ret->st_mode &= (mode_t)0666;
    return CB_OK;
}

static enum cb_code keep_present(const struct rollback_plan *plan, const struct rollback_file *f,
                                 const struct stat *like, struct cb_err *err)
{
    char path[PATH_MAX];
    struct buf present;
    TRY(join(plan->folder, f->name, path, err));
    TRY(file_read(path, FILE_PUBLIC, FILE_BYTES_MAX, &present, err));
    const enum cb_code code =
        rollback_put_file(plan->folder, f->aside, buf_slice(&present), like, err);
    buf_free(&present);
    return code;
}

static enum cb_code set_aside(const struct rollback_plan *plan, const struct rollback_file *f,
                              struct cb_err *err)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    TRY(join(plan->folder, f->name, from, err));
    TRY(join(plan->folder, f->aside, to, err));
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
        return cb_fail_errno(err, "cannot rename %s to %s", from, to);
    }
    return sync_folder(plan->folder, err);
}

static enum cb_code carry_out(const struct rollback_plan *plan, const struct rollback_file *f,
                              struct cb_err *err)
{
    struct stat like;
    switch (f->act) {
    case ROLLBACK_SAME:
        return CB_OK;
    case ROLLBACK_ASIDE:
        return set_aside(plan, f, err);
    case ROLLBACK_REPLACE:
        TRY(stat_like(plan, f, &like, err));
        TRY(keep_present(plan, f, &like, err));
        return rollback_put_file(plan->folder, f->name, f->bytes, &like, err);
    case ROLLBACK_ADD:
        TRY(stat_like(plan, f, &like, err));
        return rollback_put_file(plan->folder, f->name, f->bytes, &like, err);
    }
    return CB_OK;
}

enum cb_code rollback_plan_carry_out(const struct rollback_plan *plan, struct cb_err *err)
{
    for (size_t i = 0; i < plan->num; i++) {
        TRY(carry_out(plan, &plan->files[i], err));
    }
    return CB_OK;
}
