#!/bin/bash
# run.sh - every test, one line a part, and at the end "N passed, N failed". Output of a part that
# failed is shown in full; the rest is in .build/test/.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p .build/test
passed=0
failed=0
export PYTHONDONTWRITEBYTECODE=1

# part NAME COMMAND... - runs it and adds up what it says of itself: cmocka's and pytest's sums, or
# one test for the whole part.
part() {
    local name=$1 log status ok bad
    shift
    log=.build/test/$(tr -c 'a-z0-9\n' '-' <<<"$name").log
    local start=$SECONDS
    "$@" >"$log" 2>&1
    status=$?
    ok=$(sed -nE 's/^\[  PASSED  \] ([0-9]+) test.*/\1/p; s/.*\b([0-9]+) passed.*/\1/p' "$log" | awk "{n += \$1} END {print n + 0}")
    bad=$(sed -nE 's/^\[  FAILED  \] ([0-9]+) test.*/\1/p; s/.*\b([0-9]+) (failed|error|errors)\b.*/\1/p' "$log" | awk "{n += \$1} END {print n + 0}")
    ok=${ok:-0} bad=${bad:-0}
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$status" -eq 0 ] && [ "$ok" -eq 0 ]; then ok=1; fi
    passed=$((passed + ok)) failed=$((failed + bad))
    printf '%-44s %5d passed %3d failed  %4d s\n' "$name" "$ok" "$bad" $((SECONDS - start))
    if [ "$status" -ne 0 ]; then
        grep -nE 'FAILED|ERROR|: error|Sanitizer|^E  ' "$log" | head -n 60
        tail -n 60 "$log"
    fi
}
# What has threads; the system tests in which threads meet; those that a sanitizer build cannot run
# (secrets in memory, faults injected by ptrace) or that want the speed of the real thing.
threaded="audit verify ca edge issued limits broker anchor"
racing="tests/system/test_newcert.py tests/system/test_reload.py tests/system/test_revoke.py tests/system/test_kill.py tests/system/test_idempotency.py tests/system/test_quota.py tests/system/test_control.py tests/system/test_jwt.py"
hardened="tests/system/test_secrets.py tests/system/test_audit_faults.py tests/system/test_kill.py tests/system/test_tls.py tests/system/test_witness.py::test_killed_while_it_keeps"
mk() { make --no-print-directory -s "$@"; }

part "build" mk -j2 all
part "build with asan and ubsan" mk -j2 VARIANT=asan all unit-programs
part "unit tests, asan and ubsan" mk unit VARIANT=asan
part "system tests, asan and ubsan" mk system VARIANT=asan
part "build with tsan" mk -j2 VARIANT=tsan all unit-programs MODULE="$threaded"
part "unit tests, tsan" mk unit VARIANT=tsan MODULE="$threaded"
part "system tests, tsan" mk system VARIANT=tsan T="$racing"
part "system tests, release" mk system T="$hardened"
part "fuzz targets" mk fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-2}"
part "examples" examples/check.sh .build/release/certbroker
part "demo" examples/demo/demo.sh .build/release/certbroker

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
