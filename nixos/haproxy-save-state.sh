# Saves what HAProxy knows about its servers, for the process that a reload starts (server-state-file).
# shellcheck shell=bash
new=/run/haproxy/state.new
echo 'show servers state' | socat - UNIX-CONNECT:/run/haproxy/haproxy.sock >"$new"
mv "$new" /run/haproxy/state
