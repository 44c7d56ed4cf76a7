# A check of the workspace: its package, with the build replaced by another command, that leaves nothing.
{ lib, package }:
name:
{
  command,
  src ? package.src,
  tools ? [ ],
}:
package.overrideAttrs (old: {
  pname = "${old.pname}-${name}";
  inherit src;
  env = removeAttrs old.env [ "UECHO_REVISION" ];
  nativeBuildInputs = old.nativeBuildInputs ++ tools;
  buildPhase = ''
    runHook preBuild
    ${command}
    runHook postBuild
  '';
  installPhase = "touch $out";
  postInstall = "";
  doInstallCheck = false;
  passthru = { };
  meta.platforms = lib.platforms.linux;
})
