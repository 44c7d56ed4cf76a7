# The machines of a fleet, whatever they do, from its data: what is said of each, by name.
fleet: fleet.nodes // fleet.loadBalancers // fleet.observability // { inherit (fleet) archive; }
