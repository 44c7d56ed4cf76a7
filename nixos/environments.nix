# dev, qa and prod: the same appliance, with different values for the same options and no other difference. A
# check proves it (appliance-checks.nix): each environment, given the values of prod, is the same system as
# prod.
{ lib }:
let
  environment =
    {
      hostName,
      # Which requests are logged.
      access,
      # Which share of the peers must be up for this node to be ready.
      readyPolicy,
      # Other nodes of the same environment.
      peers ? [ ],
    }:
    {
      networking = { inherit hostName; };
      services.uecho.settings = {
        fanout = {
          inherit peers;
          ready_policy = readyPolicy;
        };
        log = { inherit access; };
      };
    };
in
lib.mapAttrs (_: environment) {
  dev = {
    hostName = "uecho-dev";
    access = "all";
    readyPolicy = "best_effort";
  };
  qa = {
    hostName = "uecho-qa";
    access = "all";
    readyPolicy = "any";
    peers = [
      "http://uecho-qa-1:8080"
      "http://uecho-qa-2:8080"
    ];
  };
  prod = {
    hostName = "uecho-prod";
    access = "errors";
    readyPolicy = "any";
    peers = [
      "http://uecho-prod-1:8080"
      "http://uecho-prod-2:8080"
      "http://uecho-prod-3:8080"
    ];
  };
}
