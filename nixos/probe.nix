# `nix run .#probe`: asks a service whether it is healthy.
{ uecho, writeShellApplication }:
writeShellApplication {
  name = "uecho-probe";
  runtimeInputs = [ uecho ];
  text = ''exec uecho probe "$@"'';
  meta.description = "Ask a service whether it is healthy, and which version answers";
}
