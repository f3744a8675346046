/* test_ca_secret.c - a private key in the CA's answer is nowhere in the process's memory once its
 * receiver has freed it, even while the connection and libcurl's handles live on. */
#include "broker/base/arena.h"
#include "broker/ca/answer.h"
#include "tests/unit/ca/ca_kit.h"

#include <fcntl.h>
#include <sys/random.h>

/* The terabytes of a sanitizer's shadow memory can't be searched. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SHADOWED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SHADOWED true
#endif
#endif
#ifndef IS_SHADOWED
#define IS_SHADOWED false
#endif

#define MARK_LEN 32
#define MASK 0x5a

static unsigned char masked[MARK_LEN]; /* the mark, but not as it would be found */
static char answer[900];

/* make_answer - with a fresh mark inside the key; not at its start, where free() writes. */
static void make_answer(void)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[MARK_LEN];
    const size_t at = (size_t)snprintf(answer, sizeof(answer),
                                       "{\"success\":true,\"result\":{\"certificate\":\"%0500d\","
                                       "\"private_key\":\"%064d",
                                       0, 0);
    assert_int_equal(getrandom(random, sizeof(random), 0), sizeof(random));
    for (size_t i = 0; i < MARK_LEN; i++) {
        answer[at + i] = digits[random[i] & 0xf];
        masked[i] = (unsigned char)answer[at + i] ^ MASK;
    }
    (void)snprintf(answer + at + MARK_LEN, sizeof(answer) - at - MARK_LEN, "\"}}");
}

static bool is_mark(const unsigned char *p)
{
    for (size_t i = 0; i < MARK_LEN; i++) {
        if ((p[i] ^ MASK) != masked[i]) {
            return false;
        }
    }
    return true;
}

static char maps[65536]; /* not on the heap: it would overwrite what is looked for */

/* count_marks - in everything this process can write to, but for the stack: there the dynamic
 * linker spills whole vector registers, and the next calls overwrite it. */
static size_t count_marks(void)
{
    size_t num = 0;
    size_t len = 0;
    const int fd = open("/proc/self/maps", O_RDONLY);
    assert_true(fd >= 0);
    for (ssize_t got = 1; got > 0; len += (size_t)got) {
        got = read(fd, maps + len, sizeof(maps) - 1 - len);
        assert_true(got >= 0);
    }
    (void)close(fd);
    maps[len] = '\0';
    for (const char *line = maps; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        unsigned long from = 0;
        unsigned long to = 0;
        char mode[5] = "";
        char name[100] = "";
        line += *line == '\n';
        if (sscanf(line, "%lx-%lx %4s %*s %*s %*s%99[^\n]", &from, &to, mode, name) < 3 ||
            memcmp(mode, "rw", 2) != 0 || strstr(name, "[stack]") != NULL) {
            continue;
        }
        const unsigned char *p = (const unsigned char *)from; // NOLINT(performance-no-int-to-ptr)
        for (size_t i = 0; i + MARK_LEN <= to - from; i++) {
            num += p[i] == (masked[0] ^ MASK) && is_mark(p + i);
        }
    }
    return num;
}

static size_t marks_at_done;

/* Before anything else is allocated where libcurl's buffer was. */
static void count_inside(struct told *t)
{
    (void)t;
    marks_at_done = count_marks();
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    struct told t = {.inside = count_inside};
    struct tiny server = {.body = answer};
    struct arena arena;
    struct ca_answer got;
    if (IS_SHADOWED) {
        skip();
    }
    make_answer();
    assert_true(tiny_start(&server));
    struct ca *ca = ca_for(&server);
    call_once(ca, &t);
    must_be(&t, CA_ANSWERED, "done");
    assert_int_equal(marks_at_done, 2); /* the server's and the result's */
    arena_init_secret(&arena, 10000);
    ca_answer_read(CA_NEWCERT, 200, buf_slice(&t.last.body), &arena, &got);
    assert_int_equal(got.verdict, CA_DONE);
    assert_int_equal(count_marks(), 3); /* and the arena's; none of cJSON's */
    arena_free(&arena);
    forget(&t);
    secret_wipe(answer, sizeof(answer));
    assert_int_equal(count_marks(), 0);
    ca_free(ca);
    tiny_stop(&server);
}

int main(void)
{
    ca_answer_setup();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_left)};
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
