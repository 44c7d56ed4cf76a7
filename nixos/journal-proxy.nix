# The text of nginx's server in front of a receiver of journals: nixpkgs builds systemd without the TLS of
# systemd-journal-remote. Only machines with a certificate of this authority may send, and they may do nothing
# else. The scenario `logs` runs with the very same text (tests/container/journal-proxy.conf).
{
  port,
  path,
  receiver,
}:
''
  server {
    listen ${toString port} ssl;
    listen [::]:${toString port} ssl;
    ssl_protocols TLSv1.3;
    ssl_certificate /run/credentials/nginx.service/journal-receive.cert;
    ssl_certificate_key /run/credentials/nginx.service/journal-receive.key;
    ssl_client_certificate /run/credentials/nginx.service/journal-receive.ca;
    ssl_verify_client on;
    access_log off;
    # After an outage, one request has everything since. Each entry goes on as it comes, and what the receiver
    # has not taken is not confirmed.
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    location = ${path} {
      proxy_pass ${receiver};
    }
    location / {
      return 404;
    }
  }
''
