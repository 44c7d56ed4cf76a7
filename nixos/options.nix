# Options of services.uecho. A setting that is null is left to the program's default, which the text of its
# option repeats.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkEnableOption mkOption types;
  cfg = config.services.uecho;

  # A setting of this type, or null for the program's default: `default` is documented, not written to the
  # file.
  setting =
    type: default: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      defaultText = lib.literalMD "the program's default, `${builtins.toJSON default}`";
      inherit description;
    };
  unset =
    type: example: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit description example;
    };

  duration = (import ./duration.nix { inherit lib; }).type;
  size = types.either types.ints.positive (types.strMatching "[0-9]+ ?([KMG]i?B|kB|B)?") // {
    description = "size like 8192, \"16KiB\" or \"1MiB\"";
  };
  count = types.ints.positive;
  policy = types.either (types.enum [
    "best_effort"
    "all"
    "any"
  ]) (types.submodule { options.quorum = mkOption { type = types.ints.positive; }; });
in
{
  imports = [ ./package-option.nix ];

  options.services.uecho = {
    enable = mkEnableOption "Unstoppable Echo, a fan-out echo service";

    credentials = mkOption {
      type = types.attrsOf (types.either types.str types.path);
      default = { };
      example = {
        "api.token" = "/var/lib/secrets/uecho-api-token";
        "fanout.token" = "/var/lib/secrets/uecho-fanout-token";
      };
      description = ''
        Secret settings: key of the setting to the path of a file on the machine that holds its value.
        systemd passes the file to the service alone (`LoadCredential=`), so only root has to have access.
        Paths in the Nix store are refused.

        A machine without logins can get them from its hypervisor: the system credentials
        `uecho.api.token` and `uecho.fanout.token` are imported if they exist
        (see {manpage}`systemd.system-credentials(7)`).
      '';
    };

    socketActivation = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether systemd holds the listening sockets. Then connections wait, and none is refused, while the
        service restarts: with a new version, a new configuration, or after a crash.

        A switch to other listen addresses takes effect when the sockets are started again
        (`systemctl restart uecho.socket uecho-ops.socket`) or the machine boots.
      '';
    };

    leaf = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether this node asks no peers. Then it has no network but the sockets that it inherits, and cannot
        open a connection.
      '';
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether to open the port of {option}`services.uecho.settings.public.listen` in the firewall. The port
        of the ops listener stays closed.
      '';
    };

    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        OTEL_SERVICE_NAME = "echo-front";
        UECHO_LOG__ACCESS = "all";
      };
      description = ''
        Environment of the service. `UECHO_SECTION__KEY` overrides {option}`services.uecho.settings`; the
        standard variables `OTEL_EXPORTER_OTLP_*`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and
        `OTEL_TRACES_SAMPLER` are honoured. The environment ends up in the world-readable Nix store: see
        {option}`services.uecho.credentials` for secrets.
      '';
    };

    settings = mkOption {
      default = { };
      example = {
        message = "Automate all the things!";
        public.listen = "[::]:8080";
        fanout = {
          peers = [ "http://10.0.0.2:8080" ];
          policy.quorum = 1;
        };
      };
      description = ''
        Configuration of the service ({file}`uecho.toml`). The program checks it while the system is built, so
        an unknown key or a wrong value fails the build. A change of only `message`, `fanout.peers`,
        `log.filter`, `system` or `current_system` reloads the service; any other change restarts it.
      '';
      type = types.submodule {
        freeformType = (pkgs.formats.toml { }).type;

        options = {
          message = setting types.str "Automate all the things!" "What `GET /` says.";
          instance = unset types.str "echo-1" "Name of this node in the receipt; the host name unless set.";
          system = mkOption {
            type = types.nullOr types.str;
            default = null;
            defaultText = lib.literalExpression "config.system.nixos.label";
            description = "Label of the system, for the receipt.";
          };
          current_system = mkOption {
            type = types.nullOr types.str;
            default = null;
            defaultText = lib.literalExpression ''"/run/current-system"'';
            description = ''
              Link to the running system. The hash in the name of its target follows the label in the receipt,
              so that no two systems look the same.
            '';
          };

          workers =
            setting (types.either (types.enum [ "auto" ]) (types.ints.between 1 1024)) "auto"
              "Threads that serve the public listener: `\"auto\"` (one per CPU that it may use) or a number.";

          public.listen = mkOption {
            type = types.str;
            default = "127.0.0.1:8080";
            example = "[::]:8080";
            description = "Public listener: `ADDR:PORT` or `unix:/path`.";
          };
          ops.listen = mkOption {
            type = types.str;
            default = "127.0.0.1:8081";
            description = ''
              Ops listener (health, version, metrics): `ADDR:PORT` or `unix:/path`. It has no access control.
            '';
          };

          fanout = {
            peers = mkOption {
              type = types.listOf (types.strMatching "https?://.+");
              default = [ ];
              example = [
                "http://10.0.0.2:8080"
                "https://echo.example/api/v1/fanout"
              ];
              description = "Base URLs of the peers; `/` and the percent-encoded text are appended.";
            };
            policy =
              setting policy "best_effort"
                "How many peers must be `ok`: `\"best_effort\"`, `\"all\"`, `\"any\"` or `{ quorum = n; }`.";
            ready_policy = setting policy "best_effort" "How many peers must be up for `/readyz` to be 200.";
            timeout = setting duration "2s" "Deadline budget of a whole fan-out tree.";
            max_hops = setting count 4 "Number of hops at which a request is answered 508.";
            ca =
              unset types.str "/etc/ssl/certs/peers.pem"
                "PEM file of authorities for https peers, instead of the system's.";
          };

          limits = {
            headers = setting count 64 "Most header fields of a request; 431 above.";
            header_bytes = setting size "16KiB" "Most bytes of header names and values together; 431 above.";
            uri_bytes = setting size "8KiB" "Longest request target; 414 above.";
            body_bytes = setting size "1MiB" "Largest request body; 413 above.";
            memory = setting size "256MiB" "Most bytes of bodies and answers held at once; 503 above.";
            first_byte = setting duration "5s" "Time from accept to the first byte.";
            header = setting duration "5s" "Time for a complete request header.";
            body = setting duration "10s" "Time for a complete request body.";
            handler = setting duration "10s" "Time for an answer to begin.";
            idle = setting duration "30s" "How long a kept-alive connection may stay without a request.";
            connections = setting count 4096 "Most connections at once; further ones wait.";
            in_flight = setting count 1024 "Most requests in flight; 503 above.";
            http2_streams = setting count 100 "Most concurrent streams of one HTTP/2 connection.";
          };

          drain = {
            delay =
              setting duration "0s"
                "How long the listener stays open after the stop signal, with `/readyz` already 503.";
            deadline = setting duration "20s" "How long requests in flight may take after that.";
          };

          log = {
            filter = setting types.str "info" "Filter directives, like `info,uecho=debug`.";
            format = setting (types.enum [
              "auto"
              "text"
              "json"
            ]) "auto" "How events are written; `auto` is the journal where there is one.";
            access = setting (types.enum [
              "errors"
              "all"
              "off"
            ]) "errors" "Which requests are logged.";
            slow = setting duration "1s" "A request that takes this long or longer is slow.";
          };

          otlp = {
            endpoint =
              unset types.str "http://collector:4318"
                "Base URL of an OTLP/HTTP collector. Traces are exported only if set.";
            headers = mkOption {
              type = types.attrsOf types.str;
              default = { };
              description = "Extra headers of the export. They end up in the world-readable Nix store.";
            };
            sample_ratio =
              unset (types.numbers.between 0 1) 0.01
                "Share of new traces that are sampled; 1 unless set.";
            timeout = unset duration "10s" "Time for one export; 10 s unless set.";
          };
        };
      };
    };
  };

  config.warnings = lib.optional (cfg.enable && cfg.settings.otlp.headers != { }) ''
    services.uecho.settings.otlp.headers end up in the world-readable Nix store. If one of them is a secret,
    put them in a file on the machine instead: services.uecho.credentials."otlp.headers".
  '';
}
