#!/bin/bash
# What one request over mutual TLS costs the server in CPU time: our edge and nginx in its default
# settings (tickets on) and with tickets off, each with one worker, interleaved; medians of the
# rounds.
# Usage: tests/bench/edge_handshakes.sh [requests a round] [rounds]
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-200} rounds=${2:-9}
dir=$(mktemp -d)
bin=.build/release/bench
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$dir"' EXIT

mkdir -p $bin
make -s .build/release/libedge.a .build/release/libbase.a
libs="$(pkg-config --cflags --libs libevent_core libevent_openssl libssl libcrypto) -lpthread"
gcc -std=c17 -D_GNU_SOURCE -O2 -g -I. -o $bin/edge_server tests/bench/edge_server.c \
    .build/release/libedge.a .build/release/libbase.a $libs
gcc -std=c17 -D_GNU_SOURCE -O2 -g -I. -o $bin/edge_client tests/bench/edge_client.c $libs

# A CA, a server and a client with an intermediate CA between: all P-256.
make_cert() { # name, issuer, extensions
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$dir/$1.key" -out "$dir/$1.csr" 2>/dev/null
    openssl x509 -req -in "$dir/$1.csr" -CA "$dir/$2.pem" -CAkey "$dir/$2.key" -CAcreateserial \
        -days 30 -extfile <(printf '%s\n' "$3") -out "$dir/$1.pem" 2>/dev/null
    chmod 0600 "$dir/$1.key"
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -days 30 \
    -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
make_cert server ca $'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
make_cert client ca $'subjectAltName=URI:spiffe://test/client\nextendedKeyUsage=clientAuth'

nginx_conf() { # port, tickets
    cat <<CONF
daemon off; worker_processes 1; pid $dir/nginx-$2.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir;
  uwsgi_temp_path $dir; scgi_temp_path $dir; keepalive_requests 1000000;
  server {
    listen 127.0.0.1:$1 ssl;
    ssl_certificate $dir/server.pem; ssl_certificate_key $dir/server.key;
    ssl_client_certificate $dir/ca.pem; ssl_verify_client on; ssl_session_tickets $2;
    default_type application/json;
    location / { return 200 '{"success":true,"result":{},"errors":[],"messages":[]}\n'; }
  }
}
CONF
}
free_port() { /usr/bin/python3 -c 'import socket;s=socket.socket();s.bind(("127.0.0.1",0));print(s.getsockname()[1])'; }

declare -A port pid
for tickets in on off; do
    port[nginx-$tickets]=$(free_port)
    nginx_conf "${port[nginx-$tickets]}" $tickets >"$dir/nginx-$tickets.conf"
    nginx -p "$dir" -c "$dir/nginx-$tickets.conf" 2>/dev/null &
    pids+=($!)
    for _ in $(seq 100); do [ -s "$dir/nginx-$tickets.pid" ] && break; sleep 0.05; done
    pid[nginx-$tickets]=$(pgrep -P "$(cat "$dir/nginx-$tickets.pid")" | head -1)
done
$bin/edge_server "$dir/server.pem" "$dir/server.key" "$dir/ca.pem" >"$dir/edge.port" &
pid[edge]=$!
pids+=($!)
for _ in $(seq 100); do [ -s "$dir/edge.port" ] && break; sleep 0.05; done
port[edge]=$(cat "$dir/edge.port")

cpu_ns() { cut -d' ' -f1 "/proc/$1/schedstat"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for mode in new keep; do
    for who in edge nginx-on nginx-off; do : >"$dir/$who.ns"; done
    for round in $(seq 0 "$rounds"); do # round 0 warms up and is not counted
        for who in edge nginx-on nginx-off; do
            before=$(cpu_ns "${pid[$who]}")
            $bin/edge_client "${port[$who]}" "$dir/client.pem" "$dir/client.key" "$dir/ca.pem" \
                "$count" $mode
            after=$(cpu_ns "${pid[$who]}")
            [ "$round" = 0 ] || echo $(((after - before) / count)) >>"$dir/$who.ns"
        done
    done
    for who in edge nginx-on nginx-off; do
        awk -v who=$who -v mode=$mode -v ns="$(median <"$dir/$who.ns")" \
            -v base="$(median <"$dir/nginx-on.ns")" 'BEGIN {
                printf "%-5s %-10s %8.1f us CPU a request   %.2fx\n", mode, who, ns / 1000, ns / base }'
    done
done
for who in edge nginx-on; do
    echo "$who: $(grep VmRSS "/proc/${pid[$who]}/status")"
done
