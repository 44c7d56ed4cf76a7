# The software bill of materials of the programs: each crate, in CycloneDX. Every program carries the list of
# its crates, as cargo-auditable writes it with every build of rustPlatform.buildRustPackage.
{
  jq,
  lib,
  runCommand,
  rust-audit-info,
  uecho,
}:
let
  inherit (uecho) version;
  bill =
    runCommand "uecho-crates-${version}.cdx.json"
      {
        nativeBuildInputs = [
          jq
          rust-audit-info
        ];
        passthru.tests.complete = complete;
        meta = {
          description = "Software bill of materials of the programs, in CycloneDX";
          inherit (uecho.meta) license;
        };
      }
      ''
        for program in ${lib.getBin uecho}/bin/*; do
          rust-audit-info "$program"
        done | jq --slurp --from-file ${./sbom-crates.jq} --arg name uecho --arg version ${version} >"$out"
      '';

  # It lists what Cargo.lock says, and nothing else.
  complete =
    import ./cargo-check.nix
      {
        inherit lib;
        package = uecho;
      }
      "crates-complete"
      {
        command = ''
          bash ${./sbom-crates.sh} >crates
          bash ${./sbom-check.sh} ${bill} crates
        '';
        tools = [ jq ];
      };
in
bill
