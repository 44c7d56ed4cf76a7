# Claims about where logs go, all checked by evaluation.
{
  pkgs,
  self,
}:
let
  inherit (pkgs) lib;
  inherit (import ./claims.nix { inherit pkgs self; }) bare;

  fleet = import ./fleet.nix;
  machines = lib.genAttrs (
    [ "archive" ] ++ lib.attrNames fleet.nodes ++ lib.attrNames fleet.loadBalancers
  ) (name: self.nixosConfigurations.${name}.config);
  inherit (machines) archive;
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
  "the archive has no uecho, receives on loopback without TLS, and is open where nginx is" =
    !archive.services.uecho.enable
    &&
      archive.systemd.sockets.systemd-journal-remote.listenStreams == [
        ""
        "127.0.0.1:19532"
      ]
    && lib.hasInfix "--listen-http=-3" (
      unsafeText (lib.last archive.systemd.services.systemd-journal-remote.serviceConfig.ExecStart)
    )
    && archive.networking.firewall.allowedTCPPorts == [ 19533 ];
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
      search.systemd.services.nginx
      search.systemd.services.victorialogs
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
