#!/bin/bash
# screenshots.sh [CERTBROKER] - pictures of the report into .build/report-screens, to be looked at: light and
# dark, from phone to wide, of an empty log, a small one and a large one (RECORDS, default 1,000,000).
# Needs chromium and a C compiler; nothing else of the project does.
set -eu
cd "$(dirname "$0")/../.."
binary=${1:-.build/release/certbroker}
records=${RECORDS:-1000000}
out=.build/report-screens
mkdir -p $out .build/bench
make -s .build/release/libaudit.a .build/release/libtlog.a .build/release/libbase.a
cc -O2 -std=c17 -D_GNU_SOURCE -I. -o .build/bench/make_log tests/bench/make_log.c \
    .build/release/libaudit.a .build/release/libtlog.a .build/release/libbase.a -lcrypto -lzstd -lpthread

make_log() { # make_log NAME RECORDS DAYS
    [ -d "$out/log-$1" ] || .build/bench/make_log "$out/log-$1" "$2" "$3" >/dev/null
    "$binary" audit report --audit "$out/log-$1" -o "$out/$1.html"
}
shoot() { # shoot NAME WIDTH HEIGHT SCHEME(0 dark, 1 light)
    local scheme=light
    [ "$4" = 1 ] || scheme=dark
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size="$2,$3" \
        --blink-settings=preferredColorScheme="$4" --screenshot="$out/$1-$2-$scheme.png" \
        "file://$PWD/$out/$1.html" >/dev/null 2>&1
    echo "$out/$1-$2-$scheme.png"
}
make_log empty 0 1
make_log small 6000 20
make_log large "$records" 365
for width in 400 900 1440; do
    shoot small $width 15000 1
    shoot small $width 15000 0
    shoot large $width 15000 1
done
shoot large 1440 15000 0
shoot empty 900 2400 1
