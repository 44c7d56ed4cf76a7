# dev, qa and prod, as data: what an environment may state differently, and nothing else (fleets.nix refuses
# it). Everything that is not here is the same in all of them: fleet.nix.
let
  # Where an account of the cloud runs, alike in all environments.
  site = {
    region = "eu-central-1";
    zones = [
      "a"
      "b"
      "c"
    ];
  };
in
{
  dev = {
    # Of its machines; it takes the place of the network that fleet.nix has.
    network = "10.20.1";
    settings.log.access = "all";
    cloud = site // {
      network = "10.21";
      instanceType = "t3.micro";
      nodes = {
        min = 3;
        max = 3;
      };
      # Seconds for which a rollout looks at the first node, and at all nodes before it is over.
      bake = 120;
      # In US dollars a month.
      budget = 100;
    };
  };
  qa = {
    network = "10.30.1";
    settings.log.access = "all";
    cloud = site // {
      network = "10.31";
      instanceType = "t3.small";
      nodes = {
        min = 3;
        max = 6;
      };
      bake = 300;
      budget = 200;
    };
  };
  prod = {
    network = "10.40.1";
    settings.log.access = "errors";
    cloud = site // {
      network = "10.41";
      instanceType = "c7i.large";
      nodes = {
        min = 3;
        max = 30;
      };
      bake = 900;
      budget = 2000;
    };
  };
}
