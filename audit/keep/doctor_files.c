/* doctor_files.c - what stands around the records. */
#include "audit/keep/doctor_parts.h"

#include "audit/keep/archive_parts.h"
#include "audit/seal/keyfile.h"
#include "audit/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static void check_dir(const struct doctor *d, const char *name)
{
    char path[SEGMENT_PATH_MAX];
    struct stat st;
    struct cb_err err;
    if (segdir_join(d->dir, name, path, &err) != CB_OK) {
        return;
    }
    if (d->io->lstat(d->io->ctx, path, &st) != 0) {
        doctor_say(d, DOCTOR_PROBLEM,
                   "is the right volume mounted? Else put the directory back from a backup",
                   "%s: %s", path, strerrordesc_np(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        doctor_say(d, DOCTOR_PROBLEM, "put the directory back", "%s is no directory", path);
    } else if ((st.st_mode & 0007) != 0) {
        doctor_say(d, DOCTOR_PROBLEM, "chmod o-rwx", "%s is open to everybody (mode %04o)", path,
                   (unsigned)(st.st_mode & 07777));
    }
}

static void check_origin(struct doctor *d)
{
    struct audit *a = NULL;
    struct cb_err err;
    if (writer_new(&(struct audit_options){.dir = d->dir, .io = d->io}, &a, &err) != CB_OK) {
        return;
    }
    if (writer_read_origin(a, &err) == CB_OK) {
        (void)snprintf(d->origin, sizeof(d->origin), "%s", a->origin);
        doctor_say(d, DOCTOR_GOOD, NULL, "the log is called %s", d->origin);
    } else {
        doctor_say(d, DOCTOR_PROBLEM,
                   "is the right volume mounted? If the directory is right, state/origin holds one "
                   "line, the log's name, as each segment.open has it",
                   "%s", err.msg);
    }
    writer_free(a);
}

/* check_copy - is it an archive, or a copy of one? The newest two segments of a log are never packed. */
static void check_copy(struct doctor *d)
{
    struct segment_list list;
    char plain[SEGMENT_PATH_MAX];
    char packed[SEGMENT_PATH_MAX];
    struct cb_err err;
    if (segdir_list(d->dir, &list, &err) != CB_OK) {
        return;
    }
    if (list.num > 0 && segdir_path(d->dir, list.no[list.num - 1], plain, &err) == CB_OK &&
        segdir_packed(plain, packed, &err) == CB_OK) {
        d->is_copy = !archive_has(d->io, plain) && archive_has(d->io, packed);
    }
    segdir_list_free(&list);
    if (d->is_copy && d->options->key != NULL) {
        doctor_say(d, DOCTOR_PROBLEM,
                   "this is how an archive looks. If the broker's own directory is lost, put the "
                   "newest copy of all of it back; an archive lacks its newest records",
                   "it does not open: the newest segment, %s, is packed", packed);
    } else if (d->is_copy) {
        doctor_say(
            d, DOCTOR_NOTE, NULL,
            "it is a copy, with its newest segment packed, as `audit archive --to` makes it: "
            "to be read and verified, not to be written");
    }
}

static void check_lock(struct doctor *d)
{
    char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    if (segdir_join(d->dir, "state/LOCK", path, &err) != CB_OK) {
        return;
    }
    const int fd = d->io->open(d->io->ctx, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    d->is_running = d->io->flock(d->io->ctx, fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)d->io->close(d->io->ctx, fd);
    doctor_say(d, DOCTOR_GOOD, NULL, "%s",
               d->is_running ? "a broker writes it now" : "nobody writes it now");
}

static void check_space(const struct doctor *d)
{
    struct statvfs vfs;
    const uint64_t soft =
        d->options->soft_free_bytes == 0 ? 1024 * MIB : d->options->soft_free_bytes;
    const uint64_t hard = d->options->hard_free_bytes == 0 ? 64 * MIB : d->options->hard_free_bytes;
    if (d->io->statvfs(d->io->ctx, d->dir, &vfs) != 0) {
        return;
    }
    const uint64_t bytes = (uint64_t)vfs.f_bavail * (uint64_t)vfs.f_frsize;
    const char *advice =
        "make room: `certbroker audit archive` packs old segments to a fifth, `prune` "
        "removes those whose time is over; or enlarge the volume";
    if (bytes < hard) {
        doctor_say(d, DOCTOR_PROBLEM, advice, "%llu MiB are free: nothing is issued or revoked",
                   (unsigned long long)(bytes / MIB));
    } else if (bytes < soft) {
        doctor_say(d, DOCTOR_PROBLEM, advice,
                   "%llu MiB are free: no certificates are issued, revocation still works",
                   (unsigned long long)(bytes / MIB));
    } else {
        doctor_say(d, DOCTOR_GOOD, NULL, "%llu MiB are free", (unsigned long long)(bytes / MIB));
    }
    if (vfs.f_files != 0 && vfs.f_favail == 0) {
        doctor_say(d, DOCTOR_PROBLEM, "remove files, or make the file system anew with more inodes",
                   "the file system has no inodes left: no segment can be begun");
    }
}

static void check_keys(const struct doctor *d)
{
    struct note_signer *key = NULL;
    struct cb_err err;
    const enum cb_code code = vkeys_read(d->io, d->dir, d->vkeys, &err);
    if (code == CB_ENOENT) {
        d->vkeys->num = 0;
        doctor_say(d, d->is_copy ? DOCTOR_NOTE : DOCTOR_PROBLEM,
                   "if it was made by a version that had none, `certbroker audit init` with its "
                   "directory, its name and a new key file gives it its first one, and says if it "
                   "had one; else put state/vkeys back",
                   "the log has no key (no state/vkeys): nothing in it is signed, and no broker "
                   "starts with it");
        return;
    }
    if (code != CB_OK) {
        d->vkeys->num = 0;
        doctor_say(d, DOCTOR_PROBLEM, "put state/vkeys back from a backup", "%s", err.msg);
        return;
    }
    if (d->options->key == NULL) {
        return;
    }
    if (access(d->options->key, R_OK) != 0 && errno == EACCES) {
        doctor_say(d, DOCTOR_NOTE, NULL,
                   "%s was not looked at: this user may not read it, the broker's user can",
                   d->options->key);
        return;
    }
    if (keyfile_read(d->options->key, &key, &err) != CB_OK) {
        doctor_say(
            d, DOCTOR_PROBLEM,
            "put the key file back (mode 0400, the broker's user); a lost key is replaced only "
            "by a new log",
            "%s", err.msg);
        return;
    }
    if (!note_key_eq(note_signer_key(key), vkeys_current(d->vkeys))) {
        doctor_say(d, DOCTOR_PROBLEM, "name the log's own key as audit.key in certbroker.yaml",
                   "%s holds another key than the log's", d->options->key);
    } else {
        doctor_say(d, DOCTOR_GOOD, NULL, "%s is the log's key", d->options->key);
    }
    note_signer_free(key);
}

static bool is_left_over(const char *name)
{
    return slice_has_prefix(slice_of(name), SLICE(".part-")) ||
           slice_has_suffix(slice_of(name), SLICE(".foreign"));
}

static void check_leftovers(const struct doctor *d)
{
    char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    DIR *dir = segdir_join(d->dir, "seg", path, &err) == CB_OK ? opendir(path) : NULL;
    for (struct dirent *e = dir == NULL ? NULL : readdir(dir); e != NULL; e = readdir(dir)) {
        if (!is_left_over(e->d_name)) {
            continue;
        }
        if (e->d_name[0] == '.') {
            doctor_say(d, DOCTOR_NOTE, "the next `certbroker audit archive` does away with it",
                       "%s/%s was left behind while a segment was packed", path, e->d_name);
        } else {
            doctor_say(d, DOCTOR_PROBLEM, "find out who put it there; it is no part of the log",
                       "%s/%s stood in the place of a segment that was being written", path,
                       e->d_name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    if (path[0] != '\0' && archive_may_remove(path, NULL, &err) != CB_OK) {
        doctor_say(
            d, DOCTOR_NOTE, NULL,
            "%s is append-only (chattr +a): packing in place and pruning want that taken off",
            path);
    }
}

static void check_archive(const struct doctor *d)
{
    struct cb_err err;
    if (d->options->archive != NULL && archive_place_check(d->options->archive, &err) != CB_OK) {
        doctor_say(d, DOCTOR_PROBLEM,
                   "until then nothing is copied there, and copies of damaged segments are not "
                   "looked for",
                   "%s", err.msg);
    }
}

void doctor_files(struct doctor *d)
{
    static const char *const names[] = {"seg", "policy", "state"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        check_dir(d, names[i]);
    }
    check_origin(d);
    if (d->origin[0] == '\0') {
        return;
    }
    check_copy(d);
    if (!d->is_copy) {
        check_lock(d);
        check_space(d);
        check_leftovers(d);
    }
    check_keys(d);
    check_archive(d);
}
