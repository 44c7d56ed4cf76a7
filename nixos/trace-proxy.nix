# The text of nginx's server in front of the store of traces: who reaches it may send spans, and ask nothing.
# The scenario `balancer-traces` runs with the very same text (tests/container/trace-proxy.conf).
{
  port,
  receiver,
}:
''
  server {
    listen ${toString port};
    listen [::]:${toString port};
    access_log off;
    client_max_body_size 4m;
    location = /v1/traces {
      proxy_pass ${receiver};
    }
    location / {
      return 404;
    }
  }
''
