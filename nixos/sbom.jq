# A closure, as Nix writes it for exportReferencesGraph, as a software bill of materials in CycloneDX 1.6. The
# same closure makes the same bytes: no time, no serial number. Arguments: $name and $version of the whole.

# As builtins.parseDrvName splits it: the version begins at the first dash before what is no letter.
def named: (sub("^/nix/store/[0-9a-z]{32}-"; "")) as $all
  | ($all | capture("^(?<name>.+?)-(?<version>[^A-Za-z].*)$")) // { name: $all };

(.closure | sort_by(.path)) as $closure
| [$closure[] | .references[] as $to | select($to != .path) | $to] as $used
| {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: { type: "operating-system", "bom-ref": $name, name: $name, version: $version }
    },
    components: [
      $closure[] | (.path | named) as $is | {
        type: "library",
        "bom-ref": .path,
        name: $is.name,
        purl: "pkg:nix/\($is.name | @uri)\(if $is.version then "@\($is.version | @uri)" else "" end)",
        properties: [{ name: "nix:narHash", value: .narHash }]
      } + if $is.version then { version: $is.version } else {} end
    ],
    dependencies: [
      { ref: $name, dependsOn: ([$closure[].path] - $used) },
      ($closure[] | { ref: .path, dependsOn: (.references - [.path] | sort) })
    ]
  }
