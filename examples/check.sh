#!/bin/sh
# check.sh - certbroker check on every example configuration, against a throwaway PKI; and the tests of
# every example policy.
#
#   examples/check.sh [CERTBROKER]      default: .build/release/certbroker
#
# The examples speak of /etc/certbroker and /var/lib/certbroker; here copies of them are made that
# point into a temporary folder. Exit status: 0 all are good, 1 one is not, 2 cannot run.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-${CERTBROKER:-$here/../.build/release/certbroker}}
[ -x "$binary" ] || { echo "check.sh: no program at $binary (run make first)" >&2; exit 2; }
command -v openssl >/dev/null || { echo "check.sh: openssl is needed" >&2; exit 2; }

umask 077
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# ---------------------------------------------------------------- the PKI, once
pki=$tmp/pki
mkdir "$pki"
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
new_ca() { # NAME: NAME.pem, NAME.key
  new_key "$pki/$1.key"
  openssl req -x509 -new -key "$pki/$1.key" -subj "/O=ACME Inc./CN=$1" -days 30 \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$pki/$1.pem"
}
new_leaf() { # NAME CA USAGE
  new_key "$pki/$1.key"
  openssl req -new -key "$pki/$1.key" -subj "/CN=$1.acme.internal" -out "$pki/$1.csr"
  printf 'subjectAltName=DNS:%s.acme.internal\nextendedKeyUsage=%s\n' "$1" "$3" >"$pki/$1.ext"
  openssl x509 -req -in "$pki/$1.csr" -CA "$pki/$2.pem" -CAkey "$pki/$2.key" -CAcreateserial \
    -days 7 -extfile "$pki/$1.ext" -out "$pki/$1.pem" 2>/dev/null
}
new_crl() { # CA FILE
  : >"$pki/index.txt"
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index.txt\ndefault_md=sha256\n' "$pki" \
    >"$pki/ca.cnf"
  openssl ca -config "$pki/ca.cnf" -gencrl -crldays 7 -cert "$pki/$1.pem" \
    -keyfile "$pki/$1.key" -out "$2" 2>/dev/null
}
new_jwks() { # FILE
  x=$(openssl genpkey -algorithm ed25519 | openssl pkey -pubout -outform der | tail -c 32 |
    base64 | tr '+/' '-_' | tr -d '=')
  printf '{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"%s"}]}\n' "$x" >"$1"
}
new_ca client-ca
new_ca upstream-ca
new_ca issuer
new_leaf server upstream-ca serverAuth
new_leaf client upstream-ca clientAuth
new_crl client-ca "$pki/client.crl"
new_jwks "$pki/jwks.json"

# ---------------------------------------------------------------- one configuration
failed=0
check() { # FOLDER with certbroker.yaml and policy.yaml
  root=$tmp/$(printf %s "$1" | tr -c 'a-z0-9\n' _)
  mkdir -p "$root/etc/tls" "$root/etc/ca" "$root/etc/jwks" "$root/lib"
  cp "$pki/jwks.json" "$root/etc/jwks/cluster1.json"
  cp "$pki/server.pem" "$pki/server.key" "$pki/client-ca.pem" "$pki/client.crl" "$root/etc/tls"
  cp "$pki/upstream-ca.pem" "$root/etc/ca/witness-ca.pem"
  cp "$pki/upstream-ca.pem" "$pki/client.pem" "$pki/client.key" "$pki/issuer.pem" "$root/etc/ca"
  for file in certbroker.yaml policy.yaml; do
    sed -e "s|/etc/certbroker|$root/etc|g" -e "s|/var/lib/certbroker|$root/lib|g" \
      "$1/$file" >"$root/etc/$file"
  done
  "$binary" audit init --dir "$root/lib/audit" --origin check.acme.example \
    --key "$root/lib/audit.key" >/dev/null
  if "$binary" check -c "$root/etc/certbroker.yaml" >"$root/out" 2>&1; then
    echo "ok      $1"
  else
    echo "FAILED  $1"
    failed=1
  fi
  sed -e "s|$root/etc|$1|g" -e 's/^/          /' "$root/out"
}

cd "$here/.."
num=0
for config in examples/certbroker.yaml examples/*/certbroker.yaml; do
  case $config in examples/demo/*) continue ;; esac # the demo makes its own
  num=$((num + 1))
  check "$(dirname "$config")"
done
[ "$num" -ge 2 ] || { echo "check.sh: examples are missing" >&2; exit 2; }
if "$binary" witness check -c examples/certbroker-witness.yaml; then
  echo "ok      examples/certbroker-witness.yaml"
else
  echo "FAILED  examples/certbroker-witness.yaml"
  failed=1
fi
# ---------------------------------------------------------------- the policies and their tests
for tests in examples/policy.test.yaml examples/policies/*/*.test.yaml; do
  policy=${tests%.test.yaml}.yaml
  [ -e "$policy" ] || policy=$(dirname "$tests") # a folder is the policy, then
  if out=$("$binary" policy test --policy "$policy" --coverage); then
    echo "ok      $policy: $(printf '%s\n' "$out" | tail -n 1)"
  else
    echo "FAILED  $policy"
    printf '%s\n' "$out" | sed 's/^/          /'
    failed=1
  fi
  num=$((num + 1))
done
[ "$num" -ge 10 ] || { echo "check.sh: example policies are missing" >&2; exit 2; }
for script in examples/*.sh; do
  shell=$(sed -n '1s|^#!/bin/||p' "$script") # the one that it asks for
  "${shell:-sh}" -n "$script" || failed=1
done
exit $failed
