# `nix run .#fleet`: the interactive driver of the VM test `scenario-observability` starts its machines and
# waits, instead of testing them; these ports of theirs are on the host.
{ lib }:
let
  ports = {
    # The service, behind the balancer.
    lb."8080" = 80;
    # Dashboards; targets and alerts.
    obs = {
      "3000" = 3000;
      "9090" = 9090;
    };
  };
in
{
  # Without a prompt.
  extraDriverArgs = lib.mkForce [ ];
  testScript = lib.mkForce ''
    start_all()
    for machine in machines:
        machine.wait_for_unit("multi-user.target")
    print("The fleet is up. Ctrl-C stops it.")
    join_all()
  '';
  nodes = lib.mapAttrs (_: forwarded: {
    virtualisation.forwardPorts = lib.mapAttrsToList (host: guest: {
      from = "host";
      host = {
        address = "127.0.0.1";
        port = lib.toInt host;
      };
      guest.port = guest;
    }) forwarded;
    # The host is in none of the monitoring networks.
    networking.firewall.allowedTCPPorts = lib.attrValues forwarded;
  }) ports;
}
