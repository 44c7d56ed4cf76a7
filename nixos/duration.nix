# Durations as the program writes them: "250ms", "2s", "1m 30s".
{ lib }:
let
  units = {
    ms = 1;
    s = 1000;
    m = 60 * 1000;
    min = 60 * 1000;
    h = 60 * 60 * 1000;
  };
in
{
  type = lib.types.strMatching "[0-9].*[a-z]" // {
    description = "duration like \"250ms\", \"2s\" or \"1m 30s\"";
  };

  # Null for a unit that is not among the above: the program, which knows them all, checks the value while the
  # system is built.
  milliseconds =
    text:
    let
      parts = lib.filter lib.isList (builtins.split "([0-9]+) *([a-zA-Z]+)" text);
      known = lib.all (part: units ? ${lib.elemAt part 1}) parts;
      value = part: lib.toIntBase10 (lib.elemAt part 0) * units.${lib.elemAt part 1};
    in
    if known && parts != [ ] then lib.foldl' (sum: part: sum + value part) 0 parts else null;
}
