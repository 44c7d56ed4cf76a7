# The text of HAProxy's configuration. The scenarios in tests/scenarios/balancer-*.py run with the very same
# one (tests/container/haproxy.cfg).
{ cfg, lib }:
let
  inherit (cfg) checks timeouts tls;
  more = lib.concatMapStrings (line: "\n  ${line}");
  certificate = "ssl crt ${toString tls.certificate} alpn h2,http/1.1";
  all = toString (lib.length (lib.attrNames cfg.servers));
  monitoring = lib.concatStringsSep " " (
    [
      "127.0.0.0/8"
      "::1"
    ]
    ++ cfg.monitoringNetworks
  );
in
''
  global
    # The module's own socket may only show; this one may also take a server out by hand.
    stats socket /run/haproxy/admin.sock mode 600 level admin
    # Written before each reload.
    server-state-file /run/haproxy/state
    # After a reload, the old process ends after this time whatever its clients do. No close-spread-time: it
    # closes idle connections in spite of idle-close-on-response, and loses requests.
    hard-stop-after 60s

  defaults
    mode http
    log /dev/log local0
    option httplog
    # Like the nodes: what went well is counted, not logged. The journal has room for what did not.
    option dontlog-normal
    option dontlognull
    # After a reload, an idle connection is told to close by the answer to its next request: a client that
    # sends just then would lose that request.
    option idle-close-on-response
    load-server-state-from-file global
    timeout connect ${timeouts.connect}
    timeout client ${timeouts.client}
    timeout server ${timeouts.server}
    timeout check ${checks.timeout}
    timeout http-request ${timeouts.request}
    timeout http-keep-alive ${timeouts.keepAlive}
    timeout queue ${timeouts.queue}

  frontend public
    # Two, because one for both would show IPv4 addresses as ::ffff:a.b.c.d.
    bind :${toString cfg.port}
    bind :::${toString cfg.port} v6only${
      more (
        lib.optionals (tls.certificate != null) [
          "bind :${toString tls.port} ${certificate}"
          "bind :::${toString tls.port} v6only ${certificate}"
        ]
      )
    }
    # Of these alone: metrics and /up are answered also when all are in use.
    maxconn ${toString cfg.maxConnections}
    http-request del-header X-Forwarded-For
    http-request set-header X-Forwarded-For %[src]
    # A node that dies may have begun to work on the request; only these can be repeated (HEAD is among them).
    http-request disable-l7-retry unless METH_GET
    default_backend nodes${
      # The certificate authority asks, and for as long as it does, the program that has asked it answers.
      more (
        lib.optionals (tls.acme != null) [
          "use_backend acme if { path_beg /.well-known/acme-challenge/ }"
          ""
          "backend acme"
          "  server lego ${tls.challengeAddress}"
        ]
      )
    }

  backend nodes
    balance leastconn
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host uecho.internal
    http-check expect status 200
    retries 3
    option redispatch 1
    # Not response-timeout: when all nodes are slow, it would multiply their load.
    retry-on conn-failure empty-response
    # A node may vanish with a request that it has acknowledged. Where nothing comes, its kernel is asked each
    # second, which answers for a slow service too; after how long it counts as gone is up to tcp-ut.
    option srvtcpka
    srvtcpka-idle 1s
    srvtcpka-intvl 1s
    # No shutdown-sessions: it would cut what a node that drains still finishes.
    default-server inter ${checks.interval} fastinter ${checks.fastInterval} downinter ${checks.downInterval}
    default-server fall ${toString checks.fall} rise ${toString checks.rise} slowstart ${checks.slowStart}
    # tcp-ut: a node that has vanished acknowledges nothing, and the request goes to another one; without it,
    # that would be an error after `timeout server`. HAProxy 3.0 ignores it here, so each server has it.
    default-server observe layer4 error-limit ${toString checks.errorLimit} on-error mark-down
  ${lib.concatLines (
    lib.mapAttrsToList (
      name: address: "  server ${name} ${address} check tcp-ut ${timeouts.unacknowledged}"
    ) cfg.servers
  )}
  frontend ops
    bind :${toString cfg.opsPort}
    bind :::${toString cfg.opsPort} v6only
    tcp-request connection reject unless { src ${monitoring} }
    http-request use-service prometheus-exporter if { path /metrics }
    http-request return status 200 if { path /up } { nbsrv(nodes) gt 0 }
    http-request return status 503 if { path /up }
    # A node that follows releases asks this before it restarts.
    http-request return status 200 if { path /may-drain } { nbsrv(nodes) ge ${all} }
    http-request return status 503 if { path /may-drain }
''
