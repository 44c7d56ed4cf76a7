# The software bill of materials of a system: each path of its closure, in CycloneDX.
{
  closureInfo,
  jq,
  lib,
  runCommand,
  stdenvNoCC,

  name,
  toplevel,
  version,
}:
stdenvNoCC.mkDerivation (finalAttrs: {
  name = "${name}-${version}.cdx.json";

  __structuredAttrs = true;
  exportReferencesGraph.closure = [ toplevel ];
  nativeBuildInputs = [ jq ];
  preferLocalBuild = true;

  buildCommand = ''
    jq --from-file ${./sbom.jq} --arg name ${name} --arg version ${lib.escapeShellArg version} \
      "$NIX_ATTRS_JSON_FILE" >"''${outputs[out]}"
  '';

  # It lists what there is, and nothing else.
  passthru.tests.complete =
    runCommand "${name}-sbom-complete"
      {
        nativeBuildInputs = [ jq ];
        closure = closureInfo { rootPaths = [ toplevel ]; };
      }
      ''
        bash ${./sbom-check.sh} ${finalAttrs.finalPackage} "$closure/store-paths"
        touch "$out"
      '';

  meta = {
    description = "Software bill of materials of the appliance, in CycloneDX";
    license = [
      lib.licenses.asl20
      lib.licenses.mit
    ];
  };
})
