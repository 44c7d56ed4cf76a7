# What the sealed appliance promises, claim by claim; all of it is found out by evaluating.
{
  lib,
  pkgs,
  sealed,
}:
let
  inherit (sealed) config;
  inherit (config.boot) kernelParams;
  inherit (config.image.repart) partitions;
  with' = module: (sealed.extendModules { modules = [ module ]; }).config;
  broken = module: map (a: a.message) (lib.filter (a: !a.assertion) (with' module).assertions);
  # Exactly one message, which names the option and says what would be right.
  refuses =
    module: parts:
    let
      messages = broken module;
    in
    lib.length messages == 1 && lib.all (part: lib.hasInfix part (lib.head messages)) parts;
  version = text: { system.image.version = lib.mkForce text; };

  size = name: partitions.${name}.repartConfig.SizeMinBytes;
  sameType =
    a: b: partitions.${a}.repartConfig.Type == partitions.${b}.repartConfig.Type && size a == size b;

  updated = with' {
    appliance.update = {
      url = "https://updates.example.org/uecho";
      keyring = pkgs.writeText "keys" "";
      calendar = "Sun *-*-* 03:00:00";
      randomizedDelay = "1h";
    };
    services.uecho-guard.maxAttempts = 5;
  };
  encrypted = with' { appliance.state.encrypted = true; };
  encryptedInitrd = encrypted.boot.initrd.systemd;
  etc = name: updated.environment.etc.${name};
  dropIn = name: (etc "sysupdate.d/${name}.transfer.d/appliance.conf").text;
in
{
  refusals = {
    "no version is refused" = refuses (version null) [
      "system.image.version"
      ''"1.4.0"''
    ];
    "a version with an underscore is refused" = refuses (version "1.4_0") [
      ''"1.4_0"''
      ''no "_"''
    ];
    "a version with a plus sign is refused" = refuses (version "1.4.0+3") [ ''"1.4.0+3"'' ];
    "a version with a capital is refused" = refuses (version "1.4.0-RC1") [ ''"1.4.0-RC1"'' ];
    "a version that begins with a tilde is refused" = refuses (version "~1") [ ''"~1"'' ];
    "a version that is too long is refused" = refuses (version "123456789.123456789.1234") [
      "24 characters"
      "23"
    ];
    "a version that just fits is accepted" = broken (version "123456789.123456789~123") == [ ];
    "another name is refused" = refuses { system.image.id = lib.mkForce "other"; } [ ''"other"'' ];
    "a slot that the store would fill is refused" = refuses { appliance.disk.store = 224; } [
      "appliance.disk.store = 224"
      "225"
    ];
    "a slot that is just large enough is accepted" = broken { appliance.disk.store = 225; } == [ ];
    "a hash tree that is too small is refused" = refuses { appliance.disk.store = 2048; } [
      "appliance.disk.verity = 16"
      "21"
    ];
    "a small boot partition is refused" = refuses { appliance.disk.boot = 200; } [
      "appliance.disk.boot = 200"
      "220"
    ];
    "updates without keys are refused" = refuses { appliance.update.url = "https://example.org"; } [
      "appliance.update.keyring"
      "gpg --export"
    ];
    "a hasty watchdog is refused" = refuses { systemd.settings.Manager.RuntimeWatchdogSec = "15s"; } [
      "RuntimeWatchdogSec"
    ];
    "the defaults are accepted" = broken { } == [ ];
  };

  machine = {
    "it has no Nix, and nothing to switch with" =
      !config.nix.enable
      && !config.system.switch.enable
      && lib.all (regex: lib.elem regex config.system.forbiddenDependenciesRegexes) [
        "perl"
        "python3"
        "-nix-[0-9]"
      ];
    "it has two slots, the second empty and like the first" =
      lib.attrNames partitions == [
        "00-esp"
        "10-verity-a"
        "20-store-a"
        "30-verity-b"
        "40-store-b"
      ]
      && sameType "10-verity-a" "30-verity-b"
      && sameType "20-store-a" "40-store-b"
      && partitions."30-verity-b".repartConfig.Label == "_empty"
      && partitions."40-store-b".repartConfig.Label == "_empty";
    "labels and names say the version" =
      let
        inherit (config.system.image) version;
      in
      partitions."20-store-a".repartConfig.Label == "uecho_${version}"
      && partitions."10-verity-a".repartConfig.Label == "uecho_${version}_verity"
      && config.system.boot.loader.ukiFile == "uecho_${version}.efi"
      && config.image.baseName == "uecho_${version}";
    "a machine makes /var by itself, and nothing else" =
      lib.attrNames config.systemd.repart.partitions == [ "50-var" ]
      && config.systemd.repart.partitions."50-var".FactoryReset
      && config.boot.initrd.systemd.repart.device == null
      && lib.elem "initrd-usr-fs.target" config.boot.initrd.systemd.services.systemd-repart.after
      && lib.elem "sysroot-var.mount" config.boot.initrd.systemd.services.systemd-repart.before;
    "the boot loader has no default" =
      !(lib.hasInfix "default" partitions."00-esp".contents."/loader/loader.conf".source.text);
    "a store that is not what was signed is a panic, and a panic is another boot" =
      lib.elem "systemd.verity_usr_options=panic-on-corruption" kernelParams
      && lib.elem "boot.panic_on_fail" kernelParams
      && lib.last (lib.filter (lib.hasPrefix "panic=") kernelParams) == "panic=10";
    "an initrd that waits without a limit ends" =
      config.boot.initrd.systemd.targets.initrd.unitConfig == {
        JobTimeoutAction = "reboot-force";
        JobTimeoutSec = "5min";
      };
    "no unit reboots because something has failed" = lib.all (
      unit: !(unit.unitConfig ? FailureAction) && !(unit.unitConfig ? StartLimitAction)
    ) (lib.attrValues config.systemd.services);
    "a boot that hangs is judged as well" =
      config.systemd.timers.uecho-guard-overdue.wantedBy == [ "timers.target" ];
    "the guard knows slots, and its programs" =
      config.services.uecho-guard.settings.backend == "slots"
      && config.systemd.services.uecho-guard.environment.SYSTEMD_ESP_PATH == "/boot"
      && lib.all (tool: lib.elem tool config.systemd.services.uecho-guard.path) [
        config.systemd.package
        pkgs.cryptsetup
        pkgs.gnupgMinimal
        pkgs.util-linux
      ]
      && !config.systemd.paths.uecho-guard.enable
      && !(config.system.preSwitchChecks ? uecho-guard);
    "the boot partition is written in order" = lib.elem "dirsync" config.fileSystems."/boot".options;
    "a /var that is destroyed is made anew, and one that is damaged is repaired" =
      lib.elem "x-systemd.makefs" config.fileSystems."/var".options
      && !config.fileSystems."/var".noCheck
      && config.fileSystems."/var".neededForBoot
      && lib.elem "fsck.repair=yes" kernelParams
      && lib.elem "systemd-makefs@dev-disk-by\\x2dpartlabel-var.service" (
        config.boot.initrd.systemd.services.systemd-repart.before
      );
    "/var is not encrypted unless asked for" =
      config.fileSystems."/var".device == "/dev/disk/by-partlabel/var"
      && !(config.systemd.repart.partitions."50-var" ? Encrypt);
    "/var is encrypted when asked for" =
      encrypted.fileSystems."/var".device == "/dev/mapper/var"
      && encrypted.systemd.repart.partitions."50-var".Encrypt == "tpm2"
      && encryptedInitrd.repart.extraArgs == [ "--tpm2-pcrs=7" ]
      && encrypted.boot.initrd.luks.devices.var.crypttabExtraOpts == [ "tpm2-device=auto" ]
      && lib.elem "systemd-cryptsetup@var.service" encryptedInitrd.services.systemd-repart.before;
    "without a server nothing is downloaded" =
      !config.systemd.timers.uecho-update.enable
      && !(config.environment.etc ? "sysupdate.d/20-store.transfer");
    "updates come in their window, with their keys and programs" =
      updated.systemd.timers.uecho-update.timerConfig == {
        OnCalendar = [
          ""
          "Sun *-*-* 03:00:00"
        ];
        RandomizedDelaySec = "1h";
      }
      && updated.systemd.timers.uecho-update.wantedBy == [ "timers.target" ]
      && lib.elem pkgs.gnupgMinimal updated.systemd.services.uecho-update.path
      && (etc "systemd/import-pubring.gpg").source == (etc "systemd/import-pubring.pgp").source
      && lib.hasSuffix "/share/uecho/sysupdate.d/90-uki.transfer" (etc "sysupdate.d/90-uki.transfer")
      .source
      && lib.hasInfix "Path=https://updates.example.org" (dropIn "20-store")
      && lib.hasInfix "TriesLeft=5" (dropIn "90-uki");
  };
}
