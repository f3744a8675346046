#!/bin/bash
# run.sh - everything a machine can say about the sources. Exits 1 if any of it finds something.
set -u
cd "$(dirname "$0")/../.." || exit 2
status=0
sources=$(git ls-files 'broker/*.c' 'policy/*.c' 'audit/*.c')
headers=$(git ls-files 'broker/*.h' 'policy/*.h' 'audit/*.h')
check() { # check NAME COMMAND...
    local name=$1
    shift
    if out=$("$@" 2>&1); then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        printf '%s\n' "$out" | tail -n 60
        status=1
    fi
}
sizes() {
    wc -l $sources $headers | awk '$2 != "total" && $1 > 550 {print $2 ": " $1 " lines, at most 550"; bad = 1} END {exit bad}'
}
banned() {
    ! grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|alloca|system|popen|tolower|isalpha|isalnum|isdigit)\s*\(' \
        $sources $headers
}
flags=$(make -s --no-print-directory VARIANT=lint print-cflags)
tidy() {
    out=$(printf '%s\n' $sources | FLAGS=$flags xargs -P 2 -n 8 sh -c 'clang-tidy --quiet "$@" -- $FLAGS 2>/dev/null' _ |
        grep -E '(error|warning): ')
    printf '%s\n' "$out"
    [ -z "$out" ]
}
static_check() {
    cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
        --suppress=missingIncludeSystem --suppress='normalCheckLevelMaxBranches' -D_GNU_SOURCE -I. -j 2 \
        broker policy audit
}
check "who includes whom" python3 tests/lint/includes.py
check "file sizes" sizes
check "banned functions" banned
check "format" clang-format --dry-run --Werror $sources $headers
check "clang warnings as errors" make -s --no-print-directory VARIANT=lint all
check "gcc warnings as errors" make -s --no-print-directory VARIANT=gcclint all
check "cppcheck" static_check
check "clang-tidy" tidy
exit $status
