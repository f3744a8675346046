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
# Exit status: the command's; without a command that of init-hook.sh revoke.
set -u

hook=${CERTBROKER_HOOK:-$(dirname "$0")/init-hook.sh}
CERTBROKER_TIMEOUT=${CERTBROKER_TIMEOUT:-20}
export CERTBROKER_TIMEOUT

revoke() {
  sh "$hook" revoke && return
  status=$?
  echo "revoke-on-exit: the certificate was not revoked (status $status)" >&2
  return "$status"
}

if [ $# -eq 0 ]; then
  revoke
  exit $?
fi

"$@" &
child=$!
# A command in the background ignores INT, so that comes as TERM.
trap 'kill -TERM "$child" 2>/dev/null' TERM INT
trap 'kill -HUP "$child" 2>/dev/null' HUP

# wait returns early when a signal comes: then wait on, until the command has really ended.
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || break
done
trap '' TERM INT HUP
revoke
exit "$status"
