# How the machines of a fleet are monitored, from the fleet's data: functions and modules.
fleet:
let
  inherit (builtins)
    attrValues
    head
    length
    mapAttrs
    ;
  balancers = attrValues fleet.loadBalancers;
  # Who has the search for logs.
  observer = head (builtins.attrNames fleet.observability);
  # As clients do: several balancers share an address.
  asked = if length balancers > 1 then fleet.virtualAddress else (head balancers).address;
  # From the balancers, and from elsewhere.
  asks = name: fleet.loadBalancers ? ${name} || fleet.observability ? ${name};
  machines = import ./fleet-members.nix fleet;
  # Where journals come in, with TLS.
  receivers = {
    archive = [ 19533 ];
    ${observer} = [ 9443 ];
  };
in
{
  monitored = name: {
    services.uecho-monitored = {
      enable = true;
      networks = fleet.monitoring;
      synthetic.url = if asks name then "http://${asked}" else null;
    };
  };

  observer = {
    services.uecho-observability = {
      enable = true;
      networks = fleet.monitoring;
      inherit (fleet) webhooks;
      balancerPort = fleet.operationsPort;
      machines = mapAttrs (name: machine: {
        inherit (machine) address;
        node = fleet.nodes ? ${name};
        balancer = fleet.loadBalancers ? ${name};
        guard = true;
        synthetic = asks name;
        journal = true;
        archive = name == "archive";
        certificates = receivers.${name} or [ ];
      }) machines;
    };
  };
}
