# Numbers that several parts of a stack have to agree on, and some of them with the program: the evaluated
# check `cloud-module` compares those with its defaults.
rec {
  # services.uecho.settings: public.listen of the appliance; limits.handler and limits.idle in seconds.
  port = 8080;
  handler = 10;
  idle = 30;
  # Of a node's disk, in GiB; the image has 4.
  disk = 8;
  # Seconds from the start of a machine to the verdict of its guard (15 s to become healthy, 30 s to stay so),
  # with time to boot.
  warmup = 120;
  # The balancer closes an idle connection before a node would, or it would send a request into a connection
  # that the node has just closed; and it waits for an answer longer than a node works on it.
  balancerIdle = idle - 5;
  # A node that leaves gets no new requests and finishes those it has.
  drain = 3 * handler;
  # At most one node more than needed, in percent, rounded up.
  oneMore = nodes: 100 + share nodes;
  # One of so many nodes, in percent, rounded up.
  share = nodes: (100 + nodes - 1) / nodes;
}
