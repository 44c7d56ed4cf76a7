# Claims about where logs go, all checked by evaluation.
{
  pkgs,
  self,
}:
let
  inherit (pkgs) lib;
  inherit (import ./claims.nix { inherit pkgs self; }) bare;

  fleet = import ./fleet.nix;
  addresses = lib.mapAttrs (_: machine: machine.address) (import ./fleet-members.nix fleet);
  machines = lib.mapAttrs (name: _: self.nixosConfigurations.${name}.config) addresses;
  inherit (machines) archive obs;
  # Whether the firewall lets these addresses reach the port, and nobody else.
  onlyFor =
    machine: port: allowed:
    let
      rule = address: "ip saddr ${address} tcp dport ${toString port} accept";
      inherit (machine.networking.firewall) allowedTCPPorts extraInputRules;
      rules = lib.filter (lib.hasInfix " tcp dport ${toString port} ") (
        lib.splitString "\n" extraInputRules
      );
    in
    lib.sort lib.lessThan rules == lib.sort lib.lessThan (map rule allowed)
    && !lib.elem port allowedTCPPorts;
  # Each argument is in quotes.
  told =
    option: value: machine:
    has "${builtins.toJSON option} ${builtins.toJSON value}" (metrics machine);
  metrics = machine: machine.systemd.services.uecho-log-metrics.serviceConfig.ExecStart;
  scenario = lib.readFile ../tests/container/setup/logs.py;
  # A text to search for, without string context: hasInfix refuses a text that refers to store paths.
  unsafeText = text: builtins.unsafeDiscardStringContext "${text}";
  has = part: text: lib.hasInfix (unsafeText part) (unsafeText text);

  hasDropIn =
    machine: unit: file:
    lib.any (
      package: package.name or "" == "${unit}-drop-in" && has file package.buildCommand
    ) machine.systemd.packages;

  sinks = bare [
    self.nixosModules.log-upload
    {
      services.uecho-log-upload = {
        archive = "https://archive:19533";
        search = "https://obs:9443/insert/journald";
      };
    }
  ];
  search = bare [
    self.nixosModules.log-search
    { services.uecho-log-search.enable = true; }
  ];
  traces = bare [
    self.nixosModules.trace-store
    { services.uecho-trace-store.enable = true; }
  ];
  withBucket = bare [
    self.nixosModules.log-archive
    {
      services.uecho-log-archive = {
        enable = true;
        bucket.url = "https://s3.example/logs";
      };
    }
  ];
  commands = machine: machine.systemd.services.uecho-log-archive.serviceConfig.ExecStart;
  acceptsUrl =
    url:
    (builtins.tryEval
      (bare [
        self.nixosModules.log-upload
        { services.uecho-log-upload.archive = url; }
      ]).services.journald.upload.settings.Upload.URL
    ).success;
in
{
  # nix eval --raw .#nixosConfigurations.archive.config.services.nginx.appendHttpConfig writes it.
  "tests/container/journal-proxy.conf, with which the scenario runs, is what the module writes" =
    archive.services.nginx.appendHttpConfig == lib.readFile ../tests/container/journal-proxy.conf;
  "the units have the drop-ins with which the scenario runs" =
    hasDropIn archive "systemd-journal-remote.service" ../systemd/journal-remote.conf
    && lib.all (
      machine: hasDropIn machine "systemd-journal-upload.service" ../systemd/journal-upload.conf
    ) (lib.attrValues machines)
    && hasDropIn sinks "systemd-journal-upload-search.service" ../systemd/journal-upload.conf;
  "nodes of the scenario upload with the settings that the module writes" =
    let
      settings = lib.filterAttrs (
        _: value: value != null
      ) machines.n1.services.journald.upload.settings.Upload;
    in
    lib.length (lib.attrNames settings) == 5
    && lib.all (line: lib.hasInfix line scenario) (
      lib.mapAttrsToList (key: value: "\n${key}=${value}\n") settings
    );
  "every machine of the fleet sends its journal to the archive, and knows where that is" = lib.all (
    machine:
    machine.services.journald.upload.enable
    && machine.services.journald.upload.settings.Upload.URL == "https://archive:19533"
    && lib.elem "archive" machine.networking.hosts.${fleet.archive.address}
  ) (lib.attrValues machines);
  "and to the search" = lib.all (
    machine:
    machine.services.uecho-log-upload.search == "https://obs:9443/insert/journald"
    && hasDropIn machine "systemd-journal-upload-search.service" ../systemd/journal-upload.conf
    && lib.elem "obs" machine.networking.hosts.${fleet.observability.obs.address}
  ) (lib.attrValues machines);
  "every machine of the fleet tells how far both have its journal, and the archive what it has sealed" =
    lib.all (
      machine:
      told "--sent" "archive=/var/lib/systemd/journal-upload/state" machine
      && told "--sent" "search=/var/lib/systemd-journal-upload-search/state" machine
      && machine.systemd.timers.uecho-log-metrics.wantedBy == [ "timers.target" ]
      && has "--archived" (metrics machine) == (machine.networking.hostName == "archive")
    ) (lib.attrValues machines)
    && told "--archived" "seal=/var/lib/uecho-log-archive/.sealed" archive
    && told "--archived" "upload=/var/lib/uecho-log-archive/.uploaded" withBucket
    && has "/run/uecho-log-metrics/metrics.prom" (metrics archive)
    && archive.systemd.services.uecho-log-metrics.serviceConfig.RuntimeDirectory == "uecho-log-metrics";
  "machines of the fleet reach the receivers of journals, nodes the one of spans, and nobody else does" =
    onlyFor archive 19533 (lib.attrValues addresses)
    && onlyFor obs 9443 (lib.attrValues addresses)
    && onlyFor obs 4318 (lib.mapAttrsToList (_: node: node.address) fleet.nodes);
  "stores for search and for traces are asked on loopback only, and have limits of age and size" =
    obs.services.victorialogs.enable
    && obs.services.victorialogs.listenAddress == "127.0.0.1:9428"
    &&
      obs.services.victorialogs.extraOptions == [
        "-retentionPeriod=30d"
        "-retention.maxDiskSpaceUsageBytes=4GiB"
      ]
    && obs.services.victoriatraces.enable
    && obs.services.victoriatraces.listenAddress == "127.0.0.1:10428"
    && obs.services.victoriatraces.retentionPeriod == "7d"
    && obs.services.victoriatraces.extraOptions == [ "-retention.maxDiskSpaceUsageBytes=1GiB" ];
  # The text of nginx of a machine with the store of traces alone, which writes that file.
  "tests/container/trace-proxy.conf, with which the scenario runs, is what the module writes" =
    traces.services.nginx.appendHttpConfig == lib.readFile ../tests/container/trace-proxy.conf
    && lib.hasInfix traces.services.nginx.appendHttpConfig obs.services.nginx.appendHttpConfig;
  "nodes send their spans there, a hundredth of those that no client has asked for" = lib.all (
    name:
    let
      inherit (machines.${name}.services.uecho.settings) otlp;
    in
    otlp.endpoint == "http://obs:4318" && otlp.sample_ratio == 0.01
  ) (lib.attrNames fleet.nodes);
  "the guard of the machine judges the stores, too" =
    lib.all (unit: lib.elem unit obs.services.uecho-guard.units)
      [
        "nginx.service"
        "victorialogs.service"
        "victoriatraces.service"
      ];
  "the archive has no uecho, and receives on loopback without TLS" =
    !archive.services.uecho.enable
    &&
      archive.systemd.sockets.systemd-journal-remote.listenStreams == [
        ""
        "127.0.0.1:19532"
      ]
    && lib.hasInfix "--listen-http=-3" (
      unsafeText (lib.last archive.systemd.services.systemd-journal-remote.serviceConfig.ExecStart)
    )
    && archive.networking.firewall.allowedTCPPorts == [ ];
  "a bucket adds the upload, and without one nothing of the archive has a network" =
    lib.length (commands archive) == 1
    && archive.systemd.services.uecho-log-archive.serviceConfig.PrivateNetwork
    && lib.length (commands withBucket) == 2
    && has "upload" (lib.last (commands withBucket))
    && has "https://s3.example/logs" (lib.last (commands withBucket))
    && !withBucket.systemd.services.uecho-log-archive.serviceConfig.PrivateNetwork;
  "two receivers are two units, each with a file and a cursor of its own" =
    let
      inherit (sinks.systemd.services.systemd-journal-upload-search) serviceConfig;
    in
    sinks.services.journald.upload.settings.Upload.URL == "https://archive:19533"
    && has "--save-state=/var/lib/systemd-journal-upload-search/state" serviceConfig.ExecStart
    && lib.all (lib.hasSuffix ":/etc/systemd/journal-upload.conf") serviceConfig.BindReadOnlyPaths
    && lib.length serviceConfig.BindReadOnlyPaths == 1;
  "machines can write to the search, and ask nothing" =
    search.services.victorialogs.listenAddress == "127.0.0.1:9428"
    && lib.hasInfix "location = /insert/journald/upload {" search.services.nginx.appendHttpConfig
    && lib.hasInfix "location / {\n    return 404;" search.services.nginx.appendHttpConfig;
  "the memory of each service has a ceiling" =
    lib.all (service: service.serviceConfig ? MemoryMax) [
      archive.systemd.services.nginx
      archive.systemd.services.uecho-log-archive
      archive.systemd.services.uecho-log-metrics
      search.systemd.services.nginx
      search.systemd.services.victorialogs
      traces.systemd.services.nginx
      traces.systemd.services.victoriatraces
    ]
    && lib.all (file: lib.hasInfix "\nMemoryMax=" (lib.readFile file)) [
      ../systemd/journal-remote.conf
      ../systemd/journal-upload.conf
    ];
  "an address without a port, or without TLS, is refused" =
    acceptsUrl "https://archive:19533"
    && !acceptsUrl "https://archive"
    && !acceptsUrl "http://archive:19532";
}
