#!/bin/bash
# demo.sh - the main job in front of a real CFSSL, played with plain curl. Everything lives in a
# throwaway folder and listens on loopback; what was started is stopped at the end.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
broker=${1:?usage: demo.sh PATH-TO-certbroker}
broker=$(realpath "$broker")
work=$(mktemp -d)
pids=()

if [ -t 1 ]; then
    bold=$'\033[1m' dim=$'\033[2m' green=$'\033[32m' red=$'\033[31m' off=$'\033[0m'
    export DEMO_COLOUR=1
else
    bold='' dim='' green='' red='' off=''
fi

cleanup() {
    status=$?
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [ "$status" -ne 0 ]; then
        echo "${red}The demo failed.${off} Its logs:"
        tail -n 15 "$work"/*.log 2>/dev/null || true
    fi
    rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 0' INT TERM

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# wait_for SECONDS WHAT COMMAND... - until the command succeeds
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "gave up waiting for $what" >&2
            return 1
        fi
        sleep 0.1
    done
}

# ---------------------------------------------------------------- a throwaway PKI
# ca NAME SUBJECT
ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "$2" \
        -keyout "$1.key" -out "$1.pem" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign
}
# leaf NAME CA SUBJECT SAN USAGE
leaf() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" \
        -keyout "$1.key" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days 30 -out "$1.pem" -extfile <(
        printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
        printf 'extendedKeyUsage=%s\nsubjectAltName=%s\n' "$5" "$4")
}
make_pki() {
    umask 077
    ca issuing-ca "/C=NL/O=ACME Inc./CN=ACME Issuing CA"
    ca service-ca "/O=ACME Inc./CN=ACME Service CA"
    leaf ca-server service-ca "/CN=ca" "IP:127.0.0.1" serverAuth
    leaf broker service-ca "/CN=broker" "IP:127.0.0.1,DNS:localhost" serverAuth
    leaf compute service-ca "/CN=compute-init" "URI:spiffe://acme.internal/compute/init" clientAuth
}

# ---------------------------------------------------------------- the CA and the broker
start_cfssl() {
    sqlite3 certs.db <"$here/certdb.sql"
    printf '{"driver": "sqlite3", "data_source": "%s/certs.db"}\n' "$work" >db.json
    ca_port=$(free_port)
    cfssl serve -address=127.0.0.1 "-port=$ca_port" -ca=issuing-ca.pem -ca-key=issuing-ca.key \
        "-config=$here/cfssl.json" -db-config=db.json -tls-cert=ca-server.pem \
        -tls-key=ca-server.key >cfssl.log 2>&1 &
    pids+=($!)
    wait_for 20 "cfssl serve" curl -sf --cacert service-ca.pem -d '{}' \
        "https://127.0.0.1:$ca_port/api/v1/cfssl/info"
}

write_config() {
    cp "$here/policy.yaml" policy.yaml
    cat >certbroker.yaml <<EOF
version: 1
listen: [ { tls: "127.0.0.1:0" } ]
operations: "127.0.0.1:0"
tls: { certificate: broker.pem, key: broker.key, client_ca: service-ca.pem }
policy: policy.yaml
audit: { directory: audit, key: audit.key }
index: issued.sqlite
ca:
  upstreams: [ { url: "https://127.0.0.1:$ca_port" } ]
  tls: { ca: service-ca.pem }
  issuer: issuing-ca.pem
  profiles:
    server: { usages: [signing, key encipherment, server auth] }
EOF
}

start_broker() {
    "$broker" audit init --dir audit --origin demo.acme.example --key audit.key >/dev/null
    "$broker" check -c certbroker.yaml >/dev/null
    "$broker" serve -c certbroker.yaml 2>broker.log &
    pids+=($!)
    wait_for 20 "the broker" grep -q ' ready: ' broker.log
    url=https://$(sed -n 's/.* listen: tls //p' broker.log)
}

# ask PATH FILE - as the compute instances' init hook; the answer goes to answer.json
ask() {
    code=$(curl -s -o answer.json -w '%{http_code}' --cacert service-ca.pem --cert compute.pem \
        --key compute.key -d @"$2" "$url$1")
}

step() { printf '\n%s %s%s\n' "$bold$1" "$2" "$off"; }
said() {
    if [ "$1" = "$code" ]; then
        printf '      %s%s%s %s\n' "$2" "$code" "$off" "$3"
    else
        printf '      %s%s, expected %s%s\n' "$red" "$code" "$1" "$off"
        cat answer.json
        exit 1
    fi
}

cd "$work"
make_pki 2>/dev/null
start_cfssl
write_config
start_broker

printf '%scertbroker%s  a real CFSSL with a sqlite certificate database, and the broker in front of it\n' "$bold" "$off"
printf '%s      CA      https://127.0.0.1:%s   (no service ever talks to it)\n      broker  %s%s\n' "$dim" "$ca_port" "$url" "$off"

step 1 "A compute instance asks for its certificate"
printf '      %s$ curl --cert compute.pem -d @request.json %s/api/v1/cfssl/newcert%s\n' "$dim" "$url" "$off"
ask /api/v1/cfssl/newcert "$here/request.json"
said 200 "$green" "issued"
python3 "$here/show.py" issued answer.json
serial=$(python3 "$here/show.py" serial answer.json)

step 2 "The same for a host outside its allow-list"
sed 's/ms001253\.compute-acme\.oraclecloud\.internal/payroll.acme.internal/g' "$here/request.json" >outside.json
ask /api/v1/cfssl/newcert outside.json
said 403 "$red" "refused"
python3 "$here/show.py" refused answer.json

step 3 "A bypass: CFSSL would obey the second, upper-case HOSTS"
sed 's/"key":/"HOSTS": ["payroll.acme.internal"], "key":/' "$here/request.json" >bypass.json
ask /api/v1/cfssl/newcert bypass.json
said 400 "$red" "refused; the CA was not asked"
python3 "$here/show.py" refused answer.json

step 4 "The instance ends: its certificate is revoked"
printf '{"serial": "%s", "reason": "cessationOfOperation"}\n' "$serial" >revoke.json
ask /api/v1/cfssl/revoke revoke.json
said 200 "$green" "revoked"
printf '      %sCFSSL says%s  %s\n' "$dim" "$off" "$(sqlite3 -separator ', ' certs.db \
    "SELECT status, 'reason ' || reason, 'at ' || revoked_at FROM certificates WHERE serial_number = '$serial'")"

step 5 "The audit trail: durable before each of these answers was given"
python3 "$here/show.py" audit audit

if [ -t 0 ] && [ -t 1 ]; then
    printf '\n%sIt stays up. Try, in another terminal:%s\n' "$bold" "$off"
    printf '  cd %s && curl --cacert service-ca.pem --cert compute.pem --key compute.key %s/v1/whoami\n' "$work" "$url"
    printf '%sCtrl-C ends it.%s\n' "$dim" "$off"
    wait "${pids[1]}"
fi
