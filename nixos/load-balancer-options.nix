# Options of services.uecho-load-balancer. Their values belong together: load-balancer.nix refuses those with
# which requests would be lost.
{ lib, ... }:
let
  inherit (lib) mkEnableOption mkOption types;

  # Both HAProxy and the program read these.
  duration = types.strMatching "[0-9]+(ms|s|m|h)" // {
    description = "duration like \"250ms\" or \"2s\"";
  };
  span =
    default: description:
    mkOption {
      type = duration;
      inherit default description;
    };
  count =
    default: description:
    mkOption {
      type = types.ints.positive;
      inherit default description;
    };
in
{
  options.services.uecho-load-balancer = {
    enable = mkEnableOption "HAProxy in front of nodes that run uecho";

    servers = mkOption {
      type = types.attrsOf (types.strMatching "[^ ]+:[0-9]+");
      default = { };
      example = {
        n1 = "10.0.0.3:8080";
        n2 = "10.0.0.4:8080";
      };
      description = "Name of each node to the address and port of its public listener.";
    };

    serviceSettings = mkOption {
      type = types.submodule {
        freeformType = types.attrsOf types.anything;
        options = {
          drain.delay = mkOption {
            type = duration;
            example = "3s";
            description = ''
              How long a node that stops still takes connections. Until then, the balancer must have noticed
              that it is not ready any more.
            '';
          };
          limits.handler = span "10s" "Time that a node gives itself for an answer.";
          limits.idle = span "30s" "How long a node keeps a connection open that has no request.";
        };
      };
      example = {
        drain.delay = "3s";
      };
      description = ''
        What the nodes have in {option}`services.uecho.settings`. The balancer's intervals and timeouts have
        to fit it, and an evaluation in which they do not fails.
      '';
    };

    port = mkOption {
      type = types.port;
      default = 80;
      description = "Port for clients, on all addresses.";
    };

    tls = {
      certificate = mkOption {
        type = types.nullOr (types.strMatching "/[^ ]+");
        default = null;
        example = "/var/lib/secrets/echo.example.pem";
        description = ''
          PEM file with the certificate, its chain and the key, for HTTPS and HTTP/2 on {option}`tls.port`.
          The user haproxy must be able to read it. A new one counts after `systemctl reload haproxy`.
        '';
      };

      acme = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        example = "echo.example";
        description = ''
          Host name to get and renew a certificate for, by {option}`security.acme`, whose terms have to be
          accepted there. The authority asks on port 80.
        '';
      };

      port = mkOption {
        type = types.port;
        default = 443;
        description = "Port for clients with TLS, on all addresses.";
      };

      challengeAddress = mkOption {
        type = types.singleLineStr;
        default = "127.0.0.1:8402";
        internal = true;
        description = "Where the ACME client answers.";
      };
    };

    opsPort = mkOption {
      type = types.port;
      default = 8404;
      description = ''
        Port of HAProxy's metrics ({file}`/metrics`) and of its own health: {file}`/up` is 200 while at least
        one node is ready, {file}`/may-drain` is 200 while all are, and both are 503 otherwise.
      '';
    };

    monitoringNetworks = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [ "10.0.9.0/24" ];
      description = "Networks that may ask {option}`opsPort`, beside the machine itself.";
    };

    maxConnections = count 2000 ''
      How many clients may be connected at once; others wait until one has left. The ceiling of HAProxy's
      memory is made for as many, twice: during a reload there are two processes.
    '';

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether to open {option}`port` in the firewall, and, with {option}`monitoringNetworks`,
        {option}`opsPort`.
      '';
    };

    failover = {
      enable = mkEnableOption "an address that several balancers share: the one that is well has it";

      address = mkOption {
        type = types.strMatching "[0-9a-f.:]+/[0-9]+";
        example = "10.0.0.100/24";
        description = "The address that clients ask, and the length of its network's prefix.";
      };

      interface = mkOption {
        type = types.nonEmptyStr;
        example = "eth1";
        description = "Network interface that gets the address.";
      };

      source = mkOption {
        type = types.nonEmptyStr;
        example = "10.0.0.2";
        description = "This balancer's own address on that network: the other ones know it by this.";
      };

      peers = mkOption {
        type = types.listOf types.nonEmptyStr;
        example = [ "10.0.0.12" ];
        description = "The same of each other balancer.";
      };

      priority = mkOption {
        type = types.ints.between 1 254;
        default = 100;
        description = "When several begin at once, the one with the highest takes the address.";
      };

      routerId = mkOption {
        type = types.ints.between 1 255;
        default = 51;
        description = "The virtual router: the same on all balancers of one address, and no other's there.";
      };
    };

    checks = {
      interval = span "1s" "Pause between two checks of a node's `/readyz`.";
      fastInterval = span "250ms" "The same while a node is about to change its state.";
      downInterval = span "500ms" "The same while a node is down.";
      timeout = span "500ms" "How long a check may take.";
      fall = count 2 "How many failed checks in a row make a node down.";
      rise = count 2 "How many good checks in a row make it up.";
      errorLimit = count 3 "How many clients' connections that fail in a row make it down, without a check.";
      slowStart = span "10s" "How long a node that came up takes to get its full share of requests.";
    };

    timeouts = {
      connect = span "500ms" "How long a connection to a node may take; then another node is tried.";
      client = span "30s" "How long a client may be silent in the middle of a request or an answer.";
      server = span "12s" "How long a node may be silent.";
      unacknowledged = span "1s" ''
        How long a node may leave what was sent to it without an acknowledgement, the question included with
        which TCP asks each second whether it is there.
      '';
      request = span "5s" "How long a client may take for the head of a request.";
      keepAlive = span "25s" "How long a client's connection may be without a request.";
      queue = span "5s" "How long a request may wait for a node.";
    };
  };
}
