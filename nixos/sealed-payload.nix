# What machines download of a version, unsigned: its store and hash tree, named by the UUIDs that their
# partitions get, and its boot image. publish.sh signs it.
{
  baseName,
  ceiling,
  intermediateImage,
  jq,
  labels,
  runCommand,
  uki,
  ukiFile,
  zstd,
}:
runCommand "uecho-update"
  {
    nativeBuildInputs = [
      jq
      zstd
    ];
    inherit
      baseName
      ceiling
      intermediateImage
      uki
      ukiFile
      ;
    labels = builtins.toJSON labels;
    # Nothing in it is run from where it lies.
    unsafeDiscardReferences.out = true;
    __structuredAttrs = true;
  }
  ''
    mkdir "$out"
    for part in store verity; do
      uuid=$(jq --raw-output --argjson labels "$labels" --arg part "$part" '
        [.[] | select(.label == $labels[$part]) | .uuid]
        | if length == 1 then .[0] else error("there is not one \($part)") end
      ' "$intermediateImage/repart-output.json")
      [[ $uuid =~ ^[0-9a-f-]+$ ]] || { echo "the $part has no UUID, but $uuid"; exit 1; }
      zstd --threads="$NIX_BUILD_CORES" -9 --quiet "$intermediateImage/$baseName.$part.raw" \
        -o "$out/''${baseName}_$uuid.$part.zst"
    done
    install -m 444 "$uki/$ukiFile" "$out/$baseName.efi"

    bytes=$(du --apparent-size --block-size=1 --summarize "$out" | cut --fields=1)
    echo "update: $((bytes >> 20)) MiB of $ceiling MiB"
    if [ "$bytes" -gt "$((ceiling << 20))" ]; then
      echo "The update is larger than it may be: appliance.disk.ceilings.payload = $ceiling MiB."
      exit 1
    fi
  ''
