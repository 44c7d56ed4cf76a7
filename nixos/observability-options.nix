# Options of services.uecho-observability.
{ lib, ... }:
let
  inherit (lib) mkEnableOption mkOption types;

  is =
    description:
    mkOption {
      type = types.bool;
      default = false;
      inherit description;
    };
  webhook =
    description:
    mkOption {
      type = types.strMatching "https?://.+";
      inherit description;
    };
in
{
  options.services.uecho-observability = {
    enable = mkEnableOption "Prometheus, Alertmanager and dashboards for a fleet of nodes that run uecho";

    machines = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            address = mkOption {
              type = types.singleLineStr;
              example = "10.0.0.3";
              description = "Where its metrics are: each machine has a node exporter on port 9100.";
            };
            node = is "Whether uecho runs there, with its ops listener on port 8081.";
            balancer = is "Whether HAProxy runs there, with its metrics on {option}`balancerPort`.";
            guard = is "Whether a guard runs there. An alert tells if it says nothing.";
            synthetic = is "Whether it asks the service as a client does. An alert tells if it does not.";
            journal = is "Whether it sends its journal elsewhere. An alert tells if it does not.";
            archive = is "Whether it is the archive of journals. An alert tells if it does not seal them.";
            pull = is "Whether it follows releases. An alert tells if it does not.";
            certificates = mkOption {
              type = types.listOf types.port;
              default = [ ];
              example = [ 443 ];
              description = "Ports with TLS. An alert tells when a certificate there is about to expire.";
            };
          };
        }
      );
      default = { };
      example = {
        n1 = {
          address = "10.0.0.3";
          node = true;
          guard = true;
        };
      };
      description = "Every machine of the fleet, by the name that alerts call it.";
    };

    balancerPort = mkOption {
      type = types.port;
      default = 8404;
      description = "Port of HAProxy's metrics, {option}`services.uecho-load-balancer.opsPort` there.";
    };

    webhooks = {
      page = webhook "Receiver of alerts that somebody has to hear of at once.";
      ticket = webhook "Receiver of alerts that can wait for the morning.";
      watchdog = webhook ''
        Receiver of a sign of life, every half minute. It has to be on another machine, better at another
        place, and to page when it hears nothing for three minutes.
      '';
    };

    networks = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [ "10.0.9.0/24" ];
      description = "IPv4 or IPv6 networks that reach Prometheus (port 9090) and the dashboards (port 3000).";
    };

    retention = mkOption {
      type = types.strMatching "[0-9]+[hdwy]";
      default = "15d";
      description = "How long metrics are kept.";
    };

    memory = mkOption {
      type = types.attrsOf types.ints.positive;
      example = {
        prometheus = 512;
      };
      description = ''
        Ceiling of each service of the machine, by the name of its unit, in MiB. A Go program also gets nine
        tenths of it as the size at which it collects garbage harder.
      '';
    };

    memoryBudget = mkOption {
      type = types.ints.positive;
      default = 1280;
      description = "What all ceilings together may be, in MiB. The machine needs 256 MiB more.";
    };
  };
}
