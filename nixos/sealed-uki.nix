# The boot image of a version: kernel, initrd, and the root hash of the one store that it starts. It is built
# only if that store and the image itself are as small as they have to be.
{
  artifact,
  ceilings,
  cmdline,
  configFile,
  intermediateImage,
  jq,
  labels,
  runCommand,
  slot,
  systemdUkify,
  ukiFile,
}:
runCommand ukiFile
  {
    nativeBuildInputs = [
      jq
      systemdUkify
    ];
    inherit (ceilings) store uki;
    inherit
      artifact
      cmdline
      configFile
      intermediateImage
      slot
      ukiFile
      ;
    label = labels.verity;
  }
  ''
    usrhash=$(jq --raw-output --arg label "$label" '
      [.[] | select(.label == $label) | .roothash]
      | if length == 1 then .[0] else error("there is not one \($label)") end
    ' "$intermediateImage/repart-output.json")
    [[ $usrhash =~ ^[0-9a-f]{64}$ ]] || { echo "$label has no root hash, but $usrhash"; exit 1; }

    # What the file system says of itself: blocks, and the logarithm of their size. The file is as large as
    # the slot.
    field() { # FORMAT OFFSET BYTES
      od --address-radix=n --endian=little --format="$1" --skip-bytes="$2" --read-bytes="$3" \
        "$intermediateImage/$artifact"
    }
    [ "$(field u4 1024 4)" -eq "$((0xE0F5E1E2))" ] || { echo "$artifact is not erofs"; exit 1; }
    bytes=$(($(field u4 1060 4) << $(field u1 1036 1)))
    echo "store: $((bytes >> 20)) MiB of $store MiB, in a slot of $slot MiB"
    if [ "$bytes" -gt "$((store << 20))" ] || [ "$((bytes * 5))" -gt "$(((slot << 20) * 4))" ]; then
      echo "The store is larger than it may be: appliance.disk.ceilings.store = $store MiB," \
        "or 80 % of appliance.disk.store = $slot MiB."
      exit 1
    fi

    mkdir "$out"
    ukify build --config="$configFile" --cmdline="$cmdline usrhash=$usrhash" --output="$out/$ukiFile"
    bytes=$(stat --format=%s "$out/$ukiFile")
    echo "boot image: $((bytes >> 20)) MiB of $uki MiB"
    if [ "$bytes" -gt "$((uki << 20))" ]; then
      echo "The boot image is larger than it may be: appliance.disk.ceilings.uki = $uki MiB."
      exit 1
    fi
  ''
