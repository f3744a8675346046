#!/bin/sh
# init-hook.sh - get a certificate before a service starts; revoke it when the service ends.
#
#   init-hook.sh [newcert]     ask for a certificate, write tls.key, tls.crt and request-id
#   init-hook.sh revoke        revoke the certificate in tls.crt
#
# Needs a POSIX shell, curl, awk, od and base64 (those of busybox will do); no jq, no openssl.
# Everything is said through the environment:
#
#   CERTBROKER_URL         https://certbroker.acme.internal:8443
#   CERTBROKER_CA          PEM file: who signed the broker's server certificate
#   CERTBROKER_CERT, _KEY  client certificate and key, PEM files; or instead
#   CERTBROKER_TOKEN       a bearer token as file:/path (or env:NAME); never the token itself
#   CERTBROKER_HOSTS       names and addresses, separated by spaces
#   CERTBROKER_CN          common name; default: the first host name or address, if it has at most
#                          64 characters; "-" for none
#   CERTBROKER_NAMES       subject as CFSSL's JSON, e.g. [{"C":"NL","O":"ACME Inc."}]; default none
#   CERTBROKER_PROFILE     default: the CA's default profile
#   CERTBROKER_KEYTYPE     ecdsa-256 (default), ecdsa-384, ecdsa-521, rsa-2048, ...
#   CERTBROKER_OUT         folder for the files; default /run/tls
#   CERTBROKER_ON_BEHALF_OF  for whom this is asked, when it is not the caller: a client's id or
#                          id:instance. Needs a rule with delegate; for revoke as well
#   CERTBROKER_INSTANCE    what is started, e.g. the pod's uid: 1 to 64 of A-Z a-z 0-9 - _ . :
#                          Sent as Idempotency-Key: when the same instance asks again, the
#                          certificate it got before is revoked. Default: new in every run
#   CERTBROKER_TIMEOUT     seconds for all of it, waiting included; default 120
#   CERTBROKER_REASON      for revoke: cessationOfOperation (default), keyCompromise, superseded, ...
#
# Exit status: 0 done, 2 wrong usage or a request that can never succeed, 3 the policy denies it
# (trying again is useless), 4 not authenticated, 75 temporary: try again later; if the broker said
# when, the message does.
#
# Tried again here, as long as it fits into CERTBROKER_TIMEOUT: what the broker says is temporary
# (503, 429, 409, 408; as late as Retry-After asks) and connections that fail or time out. That is
# safe because of the Idempotency-Key: at most the last certificate stays valid. A Retry-After that
# is too long for CERTBROKER_TIMEOUT ends it at once. A 502 is not tried again: the CA may have
# acted, and the audit log says what is known.
#
# The files: tls.key, tls.crt and request-id are symbolic links to ..data/NAME, and ..data is one to
# the folder of the newest certificate. A new key and its certificate are written into a fresh
# folder, and then ..data is switched to it in one step, as Kubernetes does for its own volumes. So:
#   - who opens tls.crt and tls.key when nothing is being switched gets a pair;
#   - who must get a pair at any moment opens the folder ..data once and both files in it
#     (cd -P /run/tls/..data && read tls.crt tls.key): the folder before is kept until the next run;
#   - who watches for changes watches ..data (or /run/tls for a rename to it), not tls.crt.
# On the first run tls.crt appears last: when it is there, the key is. Mount or share the folder as a
# whole, not single files of it. Plain files of these names are replaced by links once, key first.
# One hook at a time for a folder.
set -u
umask 077
LC_ALL=C
export LC_ALL

EXIT_USAGE=2 EXIT_DENIED=3 EXIT_UNAUTHENTICATED=4 EXIT_TEMPORARY=75
OUT=${CERTBROKER_OUT:-/run/tls}
tmp=
fresh=

say() { printf '%s\n' "init-hook: $*" >&2; }
die() { # STATUS MESSAGE
  status=$1
  shift
  say "$*"
  exit "$status"
}
cleanup() { [ -z "$tmp" ] || rm -rf "$tmp" ${fresh:+"$fresh"}; }
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---------------------------------------------------------------- the request
# Nothing that stands in the environment gets into the JSON unless its characters are harmless.
checked() { # WHAT TEXT PATTERN: prints TEXT as a JSON string
  case $2 in
    *[!$3]* | '') die $EXIT_USAGE "$1 \"$2\" has a character that cannot be right" ;;
  esac
  printf '"%s"' "$2"
}

# behalf - the member on_behalf_of, if there is one. A principal may hold a URI.
behalf() {
  [ -n "${CERTBROKER_ON_BEHALF_OF:-}" ] || return 0
  printf ',"on_behalf_of":'
  checked "party" "$CERTBROKER_ON_BEHALF_OF" 'A-Za-z0-9.:/@_~+%=-'
}

newcert_body() {
  [ -n "${CERTBROKER_HOSTS:-}" ] || die $EXIT_USAGE "CERTBROKER_HOSTS is not set"
  hosts=
  first=
  set -f # a host may be *.something
  for host in $CERTBROKER_HOSTS; do
    text=$(checked "host" "$host" 'A-Za-z0-9.:*/@_-') || exit $?
    hosts=${hosts:+$hosts,}$text
    case $host in
      *://* | *@*) ;; # no common name
      *) first=${first:-$host} ;;
    esac
  done
  set +f
  cn=${CERTBROKER_CN:-${first:--}}
  [ -n "${CERTBROKER_CN:-}" ] || [ ${#cn} -le 64 ] || cn=-
  type=${CERTBROKER_KEYTYPE:-ecdsa-256}
  algo=$(checked "key type" "${type%-*}" 'a-z') || exit $?
  checked "key size" "${type#*-}" '0-9' >/dev/null
  printf '{"request":{"hosts":[%s],"key":{"algo":%s,"size":%s}' "$hosts" "$algo" "${type#*-}"
  if [ "$cn" != - ]; then
    printf ',"CN":'
    checked "common name" "$cn" 'A-Za-z0-9.:*@_ -'
  fi
  [ -z "${CERTBROKER_NAMES:-}" ] || printf ',"names":%s' "$CERTBROKER_NAMES"
  printf '}'
  if [ -n "${CERTBROKER_PROFILE:-}" ]; then
    printf ',"profile":'
    checked "profile" "$CERTBROKER_PROFILE" 'A-Za-z0-9._-'
  fi
  behalf
  printf '}\n'
}

# serial_of - the serial number of a certificate in decimal, as the broker and CFSSL want it:
# the second INTEGER of the DER, turned from bytes into decimal digits.
serial_of() { # PEM_FILE
  awk '/-----BEGIN/ {on = 1; next} /-----END/ {exit} on' "$1" | base64 -d 2>/dev/null |
    od -An -v -tu1 | awk '
      { for (i = 1; i <= NF; i++) byte[num++] = $i }
      function header(   n) {  # step over a tag and its length; the length
        at++
        if (byte[at] < 128) return byte[at++]
        n = byte[at++] - 128
        len = 0
        while (n-- > 0) len = len * 256 + byte[at++]
        return len
      }
      END {
        if (num < 16 || byte[0] != 48) exit 1
        at = 0; header(); header()                      # Certificate, TBSCertificate
        if (byte[at] == 160) { size = header(); at += size }  # version
        if (byte[at] != 2) exit 1
        size = header()
        digits = 1; digit[0] = 0                        # base 10000, lowest first
        for (i = 0; i < size; i++) {
          carry = byte[at + i]
          for (j = 0; j < digits; j++) {
            carry += digit[j] * 256
            digit[j] = carry % 10000
            carry = int(carry / 10000)
          }
          while (carry > 0) { digit[digits++] = carry % 10000; carry = int(carry / 10000) }
        }
        printf "%d", digit[digits - 1]
        for (j = digits - 2; j >= 0; j--) printf "%04d", digit[j]
        print ""
      }'
}

revoke_body() {
  [ -s "$OUT/tls.crt" ] || die $EXIT_USAGE "$OUT/tls.crt is not there: nothing to revoke"
  serial=$(serial_of "$OUT/tls.crt") || die $EXIT_USAGE "$OUT/tls.crt is not a certificate"
  reason=$(checked "reason" "${CERTBROKER_REASON:-cessationOfOperation}" 'A-Za-z') || exit $?
  printf '{"serial":"%s","reason":%s' "$serial" "$reason"
  behalf
  printf '}\n'
}

# write_headers - a file for curl, so that the token is in no argument list.
write_headers() {
  printf 'Content-Type: application/json\n' >"$tmp/send"
  if [ "$action" = newcert ]; then
    key=${CERTBROKER_INSTANCE:-run-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')}
    checked "instance" "$key" 'A-Za-z0-9._:-' >/dev/null
    printf 'Idempotency-Key: %s\n' "$key" >>"$tmp/send"
  fi
  case ${CERTBROKER_TOKEN:-} in
    '') return ;;
    file:*) token=$(cat "${CERTBROKER_TOKEN#file:}") || die $EXIT_USAGE "cannot read the token" ;;
    env:*)
      name=${CERTBROKER_TOKEN#env:}
      checked "variable" "$name" 'A-Za-z0-9_' >/dev/null
      eval "token=\${$name:-}"
      ;;
    *) die $EXIT_USAGE "CERTBROKER_TOKEN is file:/path or env:NAME, not the token itself" ;;
  esac
  case $token in
    '') die $EXIT_USAGE "the token is empty" ;;
    *[!A-Za-z0-9._~+/=-]*) die $EXIT_USAGE "the token has a character that no token has" ;;
  esac
  printf 'Authorization: Bearer %s\n' "$token" >>"$tmp/send"
  token=
}

# ---------------------------------------------------------------- asking
seconds_left() { echo $((deadline - $(date +%s))); }

# ask - one POST; the HTTP status in $http (000: no answer), curl's own exit code in $curl_status.
ask() { # PATH
  longest=$(seconds_left)
  [ "$longest" -gt 0 ] || longest=1
  [ "$longest" -lt 70 ] || longest=70 # the broker itself gives up after 60
  set -- "$CERTBROKER_URL$1"
  [ -z "${CERTBROKER_CA:-}" ] || set -- "$@" --cacert "$CERTBROKER_CA"
  [ -z "${CERTBROKER_CERT:-}" ] || set -- "$@" --cert "$CERTBROKER_CERT" --key "$CERTBROKER_KEY"
  : >"$tmp/head"
  : >"$tmp/body"
  curl_status=0
  http=$(curl --silent --show-error --http1.1 --connect-timeout 5 --max-time "$longest" \
    --header "@$tmp/send" --data-binary "@$tmp/ask" --dump-header "$tmp/head" \
    --output "$tmp/body" --write-out '%{http_code}' "$@" 2>"$tmp/error") || curl_status=$?
  http=${http:-000}
}

# member - a string member of the answer; PEM line ends become real ones. The first match is the
# right one: CFSSL's members come before all others.
member() { # NAME
  awk -v name="$1" '
    match($0, "\"" name "\":\"[^\"]*\"") {
      text = substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
      gsub(/\\n|\\u000a/, "\n", text)
      printf "%s", text
      exit
    }' "$tmp/body"
}
# message - errors[0].message; it may hold escaped quotes.
message() {
  sed -n 's/.*"message":"\(\([^"\\]\|\\.\)*\)".*/\1/p' "$tmp/body" | sed 's/\\"/"/g'
}

# retry_after - the seconds; nothing if there are none.
retry_after() {
  tr -d '\r' <"$tmp/head" | awk '
    tolower($1) == "retry-after:" && $2 ~ /^[0-9]+$/ {
      printf "%d", ($2 < 1000000000 ? $2 : 1000000000)
      exit
    }'
}

# wait_or_give_up - sleep as long as was asked for, plus a little that differs from instance to
# instance, so that hundreds that start at once do not come back at once.
wait_or_give_up() { # SECONDS WHY
  left=$(seconds_left)
  if [ "$1" -ge "$left" ]; then
    [ "$left" -gt 0 ] || left=0
    die $EXIT_TEMPORARY "$2; try again in $1 s or later" \
      "(of CERTBROKER_TIMEOUT, ${CERTBROKER_TIMEOUT:-120} s, $left s are left)"
  fi
  spread=$(od -An -N1 -tu1 /dev/urandom | tr -d ' ')
  pause=$(($1 + spread % 3))
  [ "$pause" -lt "$left" ] || pause=$1
  say "$2; trying again in $pause s"
  sleep "$pause"
}

no_answer() {
  why=$(sed -n 1p "$tmp/error") # curl explains itself at length below
  case $why in
    *alert*certificate* | *alert*'unknown ca'* | *alert*'access denied'*)
      die $EXIT_UNAUTHENTICATED "the broker refuses the client certificate: $why" ;;
  esac
  case $curl_status in
    # resolve, connect, timeout, TLS handshake, empty answer, send, receive
    5 | 6 | 7 | 28 | 35 | 52 | 55 | 56) wait_or_give_up 2 "no answer: $why" ;;
    *) die $EXIT_USAGE "$why" ;;
  esac
}

# request - ask until there is an answer that will not change by asking again.
request() { # PATH
  while :; do
    ask "$1"
    if [ "$curl_status" -ne 0 ]; then
      no_answer
      continue
    fi
    reason=$(member reason)
    why="$http ${reason:-} $(message) (request $(member request_id))"
    case $http in
      200) return ;;
      401) die $EXIT_UNAUTHENTICATED "$why" ;;
      403) die $EXIT_DENIED "$why" ;;
      429) [ "$reason" != refused_too_often ] || die $EXIT_DENIED "$why" ;; # as a 403, and counted
      408 | 409 | 503) ;;
      5??) die $EXIT_TEMPORARY "$why" ;;
      *) die $EXIT_USAGE "$why" ;;
    esac
    pause=$(retry_after)
    wait_or_give_up "${pause:-2}" "$why"
  done
}

# ---------------------------------------------------------------- what it is for
# put - move what is finished over what is in $OUT, in one step. Given the folder as the target, mv
# replaces a link in it and does not follow it, in every mv.
put() { # NAME
  mv -f "$tmp/$1" "$OUT/" || die $EXIT_TEMPORARY "cannot write $OUT/$1"
}

# put_all - see "The files" above. The links of the first run come after what they point to.
put_all() { # NAME...
  before=$(cd -P "$OUT/..data" 2>/dev/null && pwd) || before=
  now=..${tmp##*.}.cert
  chmod 755 "$tmp/cert" # who may read the files, e.g. after a chgrp, is said by the files and $OUT
  fresh=$OUT/$now
  mv "$tmp/cert" "$fresh" || die $EXIT_TEMPORARY "cannot write $fresh"
  ln -s "$now" "$tmp/..data" || die $EXIT_TEMPORARY "cannot make a symbolic link in $OUT"
  put ..data
  fresh=
  for name in "$@"; do
    [ -h "$OUT/$name" ] && continue
    ln -s "..data/$name" "$tmp/$name" || die $EXIT_TEMPORARY "cannot make a symbolic link in $OUT"
    put "$name"
  done
  for old in "$OUT"/..*.cert; do
    case ${old##*/} in
      "$now" | "${before##*/}") ;;
      *) rm -rf "$old" ;;
    esac
  done
}

newcert() {
  newcert_body >"$tmp/ask" || exit $?
  request /api/v1/cfssl/newcert
  mkdir "$tmp/cert" || die $EXIT_TEMPORARY "cannot write to $OUT"
  member private_key >"$tmp/cert/tls.key"
  member certificate >"$tmp/cert/tls.crt"
  member request_id >"$tmp/cert/request-id"
  case $(head -n 1 "$tmp/cert/tls.key")$(head -n 1 "$tmp/cert/tls.crt") in
    -----BEGIN*PRIVATE*-----BEGIN*CERTIFICATE*) ;;
    *) die $EXIT_TEMPORARY "the answer holds no key and certificate" ;;
  esac
  serial=$(serial_of "$tmp/cert/tls.crt")
  put_all request-id tls.key tls.crt
  say "$OUT/tls.crt: serial $serial"
}

revoke() {
  revoke_body >"$tmp/ask" || exit $?
  request /api/v1/cfssl/revoke
  say "revoked serial $serial"
}

action=${1:-newcert}
case $action in
  newcert | revoke) ;;
  *) die $EXIT_USAGE "usage: init-hook.sh [newcert | revoke]" ;;
esac
case ${CERTBROKER_URL:-} in
  https://*) CERTBROKER_URL=${CERTBROKER_URL%/} ;;
  http://127.0.0.1:* | http://localhost:* | 'http://[::1]:'*) ;;
  *) die $EXIT_USAGE "CERTBROKER_URL must be https://HOST:PORT" ;;
esac
case ${CERTBROKER_CERT:-}:${CERTBROKER_KEY:-} in
  :) ;;
  :* | *:) die $EXIT_USAGE "CERTBROKER_CERT and CERTBROKER_KEY belong together" ;;
esac
case ${CERTBROKER_TIMEOUT:-120} in
  *[!0-9]*) die $EXIT_USAGE "CERTBROKER_TIMEOUT must be a number of seconds" ;;
esac
deadline=$(($(date +%s) + ${CERTBROKER_TIMEOUT:-120}))
mkdir -p "$OUT" || die $EXIT_USAGE "cannot make $OUT"
tmp=$(mktemp -d "$OUT/.init-hook.XXXXXX") || die $EXIT_USAGE "cannot write to $OUT"
write_headers
"$action"
