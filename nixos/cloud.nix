# The stacks of cloud/ as OpenTofu reads them, a folder each, and the script that brings a version to nodes.
{
  formats,
  lib,
  linkFarm,
}:
linkFarm "uecho-cloud" (
  lib.mapAttrsToList (name: stack: {
    name = "${name}/main.tf.json";
    path = (formats.json { }).generate "main.tf.json" stack;
  }) (import ../cloud)
  ++ [
    {
      name = "rollout.sh";
      path = ../cloud/rollout.sh;
    }
  ]
)
