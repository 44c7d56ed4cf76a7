# services.NAME.senders: for whom the firewall opens services.NAME.port.
name:
{ config, lib, ... }:
let
  cfg = config.services.${name};
in
{
  options.services.${name}.senders = lib.mkOption {
    type = lib.types.listOf lib.types.singleLineStr;
    default = [ ];
    example = [ "10.0.0.0/24" ];
    description = "IPv4 or IPv6 addresses or networks for which the firewall opens {option}`port`.";
  };

  config.networking.firewall.extraInputRules = lib.mkIf cfg.enable (
    import ./firewall-rules.nix { inherit lib; } cfg.port cfg.senders
  );
}
