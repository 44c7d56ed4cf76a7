# The fleet, as data: its machines, and everything that has to know of them, are made from this
# (fleet-machines.nix). Most addresses are those that the driver of the VM tests gives to these names.
{
  # The network of all machines below. dev, qa and prod have others (environments.nix).
  network = "192.168.1";
  # Networks that may ask for metrics.
  monitoring = [ "192.168.1.0/24" ];
  # Clients ask the virtual address, which one of the balancers has.
  virtualAddress = "192.168.1.100";
  prefixLength = 24;
  interface = "eth1";
  # Where each balancer has its metrics, and tells whether it is up and whether a node may go.
  operationsPort = 8404;
  loadBalancers = {
    lb.address = "192.168.1.2";
    lb2.address = "192.168.1.12";
  };
  observability.obs.address = "192.168.1.6";
  # Who hears of alerts. The watchdog's receiver pages when it hears nothing.
  webhooks = {
    page = "http://192.168.1.1:9000/page";
    ticket = "http://192.168.1.1:9000/ticket";
    watchdog = "http://192.168.1.1:9000/watchdog";
  };
  nodes = {
    n1.address = "192.168.1.3";
    n2.address = "192.168.1.4";
    n3.address = "192.168.1.5";
  };
  # Takes the journals of all machines.
  archive.address = "192.168.1.7";
  # Of services.uecho on each node.
  settings = {
    # Longer than the balancer needs to notice that a node is about to stop.
    drain.delay = "3s";
    # All nodes lack the same peers, so none of them may count as not ready for that.
    fanout.ready_policy = "best_effort";
    # Of traces that a client has not begun, which all nodes send to the machine under `observability`.
    otlp.sample_ratio = 0.01;
  };
}
