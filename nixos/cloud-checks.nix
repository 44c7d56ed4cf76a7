# The stacks of cloud/ under OpenTofu with the real provider's schema and without any account: valid, what the
# tests in cloud/tests ask of them, and for each mutant in tests/cloud that OpenTofu can notice, that it does.
{
  pkgs,
  self,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  inherit (import ./claims.nix { inherit pkgs self; }) claim;

  limits = import ../cloud/limits.nix;
  node = self.nixosConfigurations.n1;
  options = node.options.services.uecho.settings.type.getSubOptions [ ];
  # What the program does when nothing is set, as its options say.
  default = path: (lib.getAttrFromPath path options).defaultText.text;
  inherit (import ./duration.nix { inherit lib; }) milliseconds;
  guard = node.config.services.uecho-guard.settings;
in
{
  cloud-module = claim "cloud-module" {
    "nodes get requests on the port on which they listen" =
      lib.hasSuffix ":${toString limits.port}" node.config.services.uecho.settings.public.listen;
    "limits.handler is the program's" = lib.hasInfix ''"${toString limits.handler}s"'' (default [
      "limits"
      "handler"
    ]);
    "limits.idle is the program's" = lib.hasInfix ''"${toString limits.idle}s"'' (default [
      "limits"
      "idle"
    ]);
    "a node that is replaced finishes what it has" = limits.drain >= limits.handler;
    "nodes count when their guard has judged" =
      limits.warmup * 1000 >= milliseconds guard.grace + milliseconds guard.soak;
  };

  cloud =
    pkgs.runCommand "cloud"
      {
        nativeBuildInputs = [
          pkgs.jq
          self.packages.${system}.tofu
        ];
        stacks = self.packages.${system}.cloud;
        tests = ../cloud/tests;
        mutants = ../tests/cloud/mutants.json;
      }
      ''
        export HOME=$PWD TF_IN_AUTOMATION=1
        stack() { # NAME FOLDER
          local kind=$1
          case $1 in dev | qa | prod) kind=environment ;; esac
          mkdir -p "$2"
          cp --dereference --no-preserve=mode "$stacks/$1/main.tf.json" "$2"
          cp --no-preserve=mode "$tests/$kind.tftest.hcl" "$2"
        }
        for folder in "$stacks"/*/; do
          name=$(basename "$folder")
          echo "== $name"
          stack "$name" "green/$name"
          tofu -chdir="green/$name" init -backend=false -input=false -no-color >/dev/null
          tofu -chdir="green/$name" validate -no-color
          tofu -chdir="green/$name" test -no-color
        done

        jq --compact-output '.[] | select(.tofu != false)' "$mutants" >mutants
        [ -s mutants ]
        survived=0
        while IFS= read -r mutant; do
          name=$(jq --raw-output .stack <<<"$mutant")
          rm -rf red
          cp --recursive "green/$name" red
          jq --argjson mutant "$mutant" '
            $mutant.path as $path |
            if $mutant.remove then delpaths([$path])
            elif $mutant.replace then
              setpath($path; getpath($path) | split($mutant.replace[0]) | join($mutant.replace[1]))
            else setpath($path; $mutant.set) end' "$stacks/$name/main.tf.json" >red/main.tf.json
          if tofu -chdir=red test -no-color >log 2>&1; then
            echo "NOT NOTICED: $mutant"
            cat log
            survived=1
          fi
        done <mutants
        [ $survived = 0 ]
        touch "$out"
      '';
}
