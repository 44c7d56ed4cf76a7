# The crates of programs, as cargo-auditable has written them there, as a software bill of materials in
# CycloneDX 1.6. Input: what rust-audit-info says of each program, one after the other (--slurp). The same
# programs make the same bytes. Arguments: $name and $version of the whole.

def ref: "pkg:cargo/\(.name)@\(.version | @uri)";

[
  .[].packages as $packages
  | $packages[]
  | {
      ref: ref,
      name,
      version,
      program: (.root // false),
      # what only runs while others are built is no part of the program
      scope: (if .kind == "build" then "excluded" else "required" end),
      needs: [(.dependencies // [])[] | $packages[.] | ref]
    }
]
| group_by(.ref)
| {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: { type: "application", "bom-ref": $name, name: $name, version: $version }
    },
    components: [
      .[] | {
        type: (if any(.program) then "application" else "library" end),
        "bom-ref": .[0].ref,
        name: .[0].name,
        version: .[0].version,
        purl: .[0].ref,
        scope: (map(.scope) | max)
      }
    ],
    dependencies: [
      { ref: $name, dependsOn: [.[] | select(any(.program)) | .[0].ref] },
      (.[] | { ref: .[0].ref, dependsOn: (map(.needs) | add | unique) })
    ]
  }
