# `nix run .#fleet`: balancer, three nodes and who watches them, on this machine in QEMU: the machines of the
# VM test `scenario-observability`.
{
  lib,
  test,
  writeShellApplication,
}:
writeShellApplication {
  name = "uecho-fleet";
  text = ''
    cat <<'WHERE'
    Six machines start. They need 6 GiB of memory and, without KVM, minutes. Then there are:
      the service, behind the balancer  http://127.0.0.1:8080/hello
      dashboards                        http://127.0.0.1:3000
      targets and alerts                http://127.0.0.1:9090/alerts
    WHERE
    exec ${lib.getExe' test.driverInteractive "nixos-test-driver"}
  '';
  meta.description = "Boot balancer, three nodes and monitoring in QEMU, with their ports on this host";
}
