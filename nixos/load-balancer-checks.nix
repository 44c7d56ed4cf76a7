# Claims about services.uecho-load-balancer and the fleet, all checked by evaluation.
{
  pkgs,
  self,
}:
let
  inherit (pkgs) lib;
  inherit (import ./claims.nix { inherit pkgs self; })
    accepts
    evaluate
    refuses
    ;
  with' = balancer: {
    imports = [ self.nixosModules.load-balancer ];
    services.uecho-load-balancer = lib.recursiveUpdate {
      enable = true;
      servers.n1 = "10.0.0.3:8080";
      serviceSettings.drain.delay = "3s";
    } balancer;
  };

  failover = {
    enable = true;
    address = "10.0.0.100/24";
    interface = "eth1";
    source = "10.0.0.2";
    peers = [ "10.0.0.12" ];
  };

  fleet = import ./fleet.nix;
  inherit (self.nixosConfigurations.lb) config options;
  inherit (config.systemd.services) haproxy;
  # A text to search for, without string context: hasInfix refuses a text that refers to store paths.
  unsafeText = text: builtins.unsafeDiscardStringContext "${text}";
  file = config.environment.etc."haproxy.cfg".source;
  # The defaults of the program, as the options of the service name them.
  ofService =
    path:
    (lib.getAttrFromPath path (options.services.uecho.settings.type.getSubOptions [ ]))
    .defaultText.text;
  ofBalancer =
    path:
    (lib.getAttrFromPath path (
      options.services.uecho-load-balancer.serviceSettings.type.getSubOptions [ ]
    )).default;

  # The lines of keepalived's file, as a container has it. The module of nixpkgs keeps the text to itself.
  keepalived =
    name:
    let
      machine = evaluate {
        imports = [
          self.nixosModules.load-balancer
          (import ./fleet-balancer.nix {
            inherit name;
            fleet = fleet // {
              interface = "host0";
            };
          })
        ];
        _module.args.pkgs = lib.mkForce (
          pkgs
          // {
            writeText = name: text: if name == "keepalived.conf" then text else pkgs.writeText name text;
          }
        );
      };
      command = unsafeText machine.systemd.services.keepalived.serviceConfig.ExecStart;
      text = lib.replaceStrings [ (unsafeText (lib.getExe pkgs.curl)) ] [ "/usr/bin/curl" ] (
        lib.head (lib.splitString " -p /run/" (lib.last (lib.splitString " -f " command)))
      );
    in
    lines text;
  lines = text: lib.filter (line: line != "") (map lib.trim (lib.splitString "\n" text));

  memoryMax = module: (evaluate (with' module)).systemd.services.haproxy.serviceConfig.MemoryMax;
  ports = module: (evaluate (with' module)).networking.firewall.allowedTCPPorts;
in
{
  refusals = {
    "no servers are refused" =
      refuses
        {
          imports = [ self.nixosModules.load-balancer ];
          services.uecho-load-balancer = {
            enable = true;
            serviceSettings.drain.delay = "3s";
          };
        }
        [
          "servers"
          "servers.n1 ="
        ];
    "a drain that is too short for the checks is refused" =
      refuses (with' { serviceSettings.drain.delay = "2249ms"; })
        [
          "drain.delay ="
          ''"2249ms"''
          ''"2250ms"''
        ];
    "a drain that is just long enough is accepted" = accepts (with' {
      serviceSettings.drain.delay = "2250ms";
    });
    "checks that are too slow for the drain are refused" =
      refuses
        (with' {
          checks = {
            interval = "2s";
            fall = 3;
            fastInterval = "2s";
          };
          serviceSettings.drain.delay = "5s";
        })
        [
          ''"7500ms"''
          "checks.interval"
        ];
    "a balancer that gives up before its nodes is refused" =
      refuses (with' { timeouts.server = "10s"; })
        [
          ''timeouts.server = "10s"''
          ''limits.handler = "10s"''
        ];
    "nodes that need longer than the balancer waits are refused" =
      refuses (with' { serviceSettings.limits.handler = "1m"; })
        [
          ''timeouts.server = "12s"''
          ''limits.handler = "1m"''
        ];
    "a balancer that gives up before it knows that a node has vanished is refused" =
      refuses (with' { timeouts.unacknowledged = "10s"; })
        [
          ''timeouts.unacknowledged = "10s"''
          ''timeouts.server = "12s"''
        ];
    "a balancer that never knows that a node has vanished is refused" =
      refuses (with' { timeouts.unacknowledged = "0s"; })
        [
          ''timeouts.unacknowledged = "0s"''
        ];
    "a balancer that just knows it is accepted" = accepts (with' {
      timeouts.unacknowledged = "9999ms";
    });
    "connections that the nodes close first are refused" =
      refuses (with' { timeouts.keepAlive = "30s"; })
        [
          ''timeouts.keepAlive = "30s"''
          ''limits.idle = "30s"''
        ];
    "ACME on another port than 80 is refused" =
      refuses
        (with' {
          tls.acme = "echo.example";
          port = 8080;
        })
        [
          "services.uecho-load-balancer.port = 8080"
          "tls.certificate"
        ];
    "a balancer without another one is refused" =
      refuses
        (with' {
          failover = failover // {
            peers = [ ];
          };
        })
        [
          "failover.peers = []"
          "failover.source"
        ];
    "a balancer that is its own other one is refused" =
      refuses
        (with' {
          failover = failover // {
            peers = [ failover.source ];
          };
        })
        [
          ''failover.peers = ["10.0.0.2"]''
        ];
    "two balancers are accepted" = accepts (with' {
      inherit failover;
    });
    "the defaults are accepted" = accepts (with' { });
  };

  machine = {
    # nix eval --raw '.#nixosConfigurations.lb.config.environment.etc."haproxy.cfg".source.text' writes it.
    "tests/container/haproxy.cfg, with which the scenarios run, is what the module writes" =
      file.text == lib.readFile ../tests/container/haproxy.cfg;
    "TLS in the scenario is what the module writes" =
      let
        plain = "  bind :::80 v6only\n";
        inherit
          ((evaluate {
            imports = [
              self.nixosModules.load-balancer
              (import ./fleet-balancer.nix {
                inherit fleet;
                name = "lb";
              })
            ];
            services.uecho-load-balancer.tls.certificate = "/etc/haproxy.pem";
          }).environment.etc."haproxy.cfg".source
          )
          text
          ;
        scenario = lib.readFile ../tests/scenarios/balancer.py;
        lines = lib.head (
          lib.splitString "\"\"\"" (lib.last (lib.splitString "TLS = \"\"\"\\\n" scenario))
        );
      in
      text == lib.replaceStrings [ plain ] [ "${plain}${lines}" ] (
        lib.readFile ../tests/container/haproxy.cfg
      );
    "with ACME, HAProxy starts after the certificate, reloads for a new one, and passes questions on" =
      let
        found = evaluate (with' {
          tls.acme = "echo.example";
          openFirewall = true;
        });
        certificate = found.security.acme.certs."echo.example";
        cfg = found.environment.etc."haproxy.cfg".source.text;
      in
      lib.elem "acme-echo.example.service" found.systemd.services.haproxy.after
      && certificate.reloadServices == [ "haproxy.service" ]
      && certificate.group == "haproxy"
      && lib.hasInfix "bind :443 ssl crt /var/lib/acme/echo.example/full.pem alpn h2,http/1.1\n" cfg
      && lib.hasInfix "use_backend acme if { path_beg /.well-known/acme-challenge/ }\n" cfg
      && lib.hasInfix "server lego ${certificate.listenHTTP}\n" cfg
      && lib.elem 443 found.networking.firewall.allowedTCPPorts;
    "rollouts and the monitoring ask the balancers where these have their metrics" =
      let
        port = toString config.services.uecho-load-balancer.opsPort;
        monitored = lib.importJSON ../tests/container/prometheus.json;
        job = lib.findFirst (job: job.job_name == "haproxy") { } monitored.scrape_configs;
      in
      (import ./rollouts.nix).fleet.balancer.ops == "http://${fleet.virtualAddress}:${port}"
      &&
        lib.concatMap (machines: machines.targets) job.static_configs
        == map (machine: "${machine.address}:${port}") (lib.attrValues fleet.loadBalancers);
    "the nodes of the scenarios drain for as long as those of the fleet" =
      lib.hasInfix "UECHO_DRAIN__DELAY=${fleet.settings.drain.delay}\n" (
        lib.readFile ../tests/container/setup/balancer.py
      );
    "tests/container/keepalived-*.conf are what the module writes for the balancers of the fleet" =
      lib.all (name: keepalived name == lines (lib.readFile ../tests/container/keepalived-${name}.conf))
        (lib.attrNames fleet.loadBalancers);
    "the machines of the scenario have the addresses of the fleet" =
      let
        setup = lib.readFile ../tests/container/setup/failover.py;
        has = text: lib.hasInfix text setup;
      in
      has ''VIRTUAL = "${fleet.virtualAddress}"''
      && has ''"lb2": "${fleet.loadBalancers.lb2.address}"''
      && has ''"n1": "${fleet.nodes.n1.address}"'';
    "a balancer that has another one takes VRRP through the firewall" =
      (evaluate (with' {
        inherit failover;
        openFirewall = true;
      })).services.keepalived.openFirewall;
    "HAProxy checks the file while the system is built" = lib.any (
      check:
      check.name == "haproxy-cfg-check"
      && lib.hasInfix (baseNameOf (unsafeText file)) (unsafeText check.buildCommand)
    ) config.system.checks;
    "the memory of HAProxy has the ceiling with which the scenarios run, and more with more connections" =
      lib.hasInfix "\nMemoryMax=${haproxy.serviceConfig.MemoryMax}\n" (
        lib.readFile ../tests/container/setup/balancer.py
      )
      && haproxy.serviceConfig.MemoryMax == "251M"
      && memoryMax { maxConnections = 20000; } == "1939M"
      && memoryMax { tls.certificate = "/etc/haproxy.pem"; } == "564M";
    "a changed file is a reload" =
      haproxy.reloadTriggers == [ file ] && haproxy.restartTriggers == [ ] && !haproxy.stopIfChanged;
    "a reload first saves the states, and goes on if it cannot" =
      lib.hasPrefix "-" (lib.head haproxy.serviceConfig.ExecReload)
      && lib.hasSuffix "/bin/haproxy-save-state" (lib.head haproxy.serviceConfig.ExecReload)
      && lib.hasSuffix "kill -USR2 $MAINPID" (lib.last haproxy.serviceConfig.ExecReload);
    "the limits of the nodes have the program's defaults" =
      lib.all (path: lib.hasInfix (builtins.toJSON (ofBalancer path)) (ofService path))
        [
          [
            "limits"
            "handler"
          ]
          [
            "limits"
            "idle"
          ]
        ];
    "the firewall is closed unless asked, and then for metrics only with networks that may ask" =
      ports { } == [ ]
      && ports { openFirewall = true; } == [ 80 ]
      &&
        ports {
          openFirewall = true;
          monitoringNetworks = [ "10.0.9.0/24" ];
        } == [
          80
          8404
        ];
    "the balancer of the fleet has no uecho, and its guard asks HAProxy" =
      !config.services.uecho.enable
      && config.services.uecho-guard.enable
      && config.services.uecho-guard.units == [ "haproxy.service" ]
      && map (check: check.name) config.services.uecho-guard.checks == [ "balancer" ];
    "the nodes of the fleet drain for as long as its balancer thinks, and ask each other" = lib.all (
      name:
      let
        node = self.nixosConfigurations.${name}.config;
      in
      node.networking.hostName == name
      && node.services.uecho.settings.drain.delay == fleet.settings.drain.delay
      &&
        lib.length node.services.uecho.settings.fanout.peers == lib.length (lib.attrNames fleet.nodes) - 1
    ) (lib.attrNames fleet.nodes);
  };
}
