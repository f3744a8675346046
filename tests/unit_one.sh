#!/bin/bash
# unit_one.sh PROGRAM - run a unit test and print all it says at once, so that two do not mix.
out=$(mktemp)
"$1" >"$out" 2>&1
status=$?
{
    flock 9
    echo "# $1"
    cat "$out"
} 9>>.build/unit.lock
rm -f "$out"
exit $status
