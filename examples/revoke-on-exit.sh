#!/bin/sh
# revoke-on-exit.sh - run a service and revoke its certificate when it ends.
#
#   revoke-on-exit.sh COMMAND [ARGUMENTS...]    as a container's entry point, or in a systemd unit
#   revoke-on-exit.sh                           just revoke, e.g. as a preStop hook
#
# TERM and HUP are passed on to the command, INT as TERM. Whatever way it ends, init-hook.sh revoke
# follows, with the same environment as init-hook.sh newcert had (see there). A certificate that
# could not be revoked within CERTBROKER_TIMEOUT (here 20 s by default: a container is not given for
# ever to stop) stays valid until it expires, and a message on stderr says so.
#
# Exit status: the command's, whatever becomes of the revocation; without a command that of
# init-hook.sh revoke.
set -u

hook=${CERTBROKER_HOOK:-$(dirname "$0")/init-hook.sh}
CERTBROKER_TIMEOUT=${CERTBROKER_TIMEOUT:-20}
export CERTBROKER_TIMEOUT

revoke() {
  sh "$hook" revoke && return 0
  revoked=$?
  echo "revoke-on-exit: the certificate was not revoked (status $revoked)" >&2
  return "$revoked"
}

if [ $# -eq 0 ]; then
  revoke
  exit $?
fi

child=
signal=
status=
forward() { # SIGNAL
  signal=$1
  [ -z "$child" ] || kill -"$1" "$child" 2>/dev/null
}
# A command in the background ignores INT, so that comes as TERM.
trap 'forward TERM' TERM INT
trap 'forward HUP' HUP

"$@" &
child=$!
[ -z "$signal" ] || forward "$signal" # it came before there was a child to send it to

# wait returns early when a signal comes: then wait on, until the command has really ended. If the
# signal came just after its end, there is nothing left to wait for (127), and the status is known.
while :; do
  signal=
  wait "$child"
  waited=$?
  if [ "$waited" -ne 127 ] || [ -z "$status" ]; then
    status=$waited
  fi
  [ -n "$signal" ] || break
done
trap '' TERM INT HUP
revoke
exit "$status"
