# The balancer: TLS for clients, /readyz decides which nodes get requests. The only part that the internet can
# reach.
{
  cloud,
  each,
  name,
  ref,
  ...
}:
let
  limits = import ./limits.nix;
in
{
  variable.certificate = {
    type = "string";
    description = "ARN of the certificate (ACM) of the name that clients use.";
  };
  resource = {
    aws_security_group.balancer = {
      name = "uecho-${name}-balancer";
      description = "Balancer of uecho";
      vpc_id = ref "aws_vpc.main.id";
    };
    aws_vpc_security_group_ingress_rule =
      each
        [
          "http"
          "https"
        ]
        (scheme: {
          security_group_id = ref "aws_security_group.balancer.id";
          description = if scheme == "http" then "Is sent on to https" else "Clients";
          cidr_ipv4 = "0.0.0.0/0";
          ip_protocol = "tcp";
          from_port = if scheme == "http" then 80 else 443;
          to_port = if scheme == "http" then 80 else 443;
        });
    aws_vpc_security_group_egress_rule.balancer = {
      security_group_id = ref "aws_security_group.balancer.id";
      description = "Requests and checks, to nodes only";
      referenced_security_group_id = ref "aws_security_group.node.id";
      ip_protocol = "tcp";
      from_port = limits.port;
      to_port = limits.port;
    };

    aws_lb.main = {
      name = "uecho-${name}";
      load_balancer_type = "application";
      internal = false;
      security_groups = [ (ref "aws_security_group.balancer.id") ];
      subnets = map (zone: ref "aws_subnet.public_${zone}.id") cloud.zones;
      idle_timeout = limits.balancerIdle;
      drop_invalid_header_fields = true;
      desync_mitigation_mode = "strictest";
      enable_deletion_protection = true;
    };
    aws_lb_target_group.node = {
      name = "uecho-${name}";
      vpc_id = ref "aws_vpc.main.id";
      port = limits.port;
      protocol = "HTTP";
      deregistration_delay = limits.drain;
      load_balancing_algorithm_type = "least_outstanding_requests";
      health_check = {
        path = "/readyz";
        protocol = "HTTP";
        matcher = "200";
        interval = 5;
        timeout = 2;
        healthy_threshold = 2;
        unhealthy_threshold = 2;
      };
    };
    aws_lb_listener = {
      http = {
        load_balancer_arn = ref "aws_lb.main.arn";
        port = 80;
        protocol = "HTTP";
        default_action = {
          type = "redirect";
          redirect = {
            port = "443";
            protocol = "HTTPS";
            status_code = "HTTP_301";
          };
        };
      };
      https = {
        load_balancer_arn = ref "aws_lb.main.arn";
        port = 443;
        protocol = "HTTPS";
        ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06";
        certificate_arn = ref "var.certificate";
        default_action = {
          type = "forward";
          target_group_arn = ref "aws_lb_target_group.node.arn";
        };
      };
    };
  };
  output.name = {
    description = "Name of the balancer: what the clients' name is an alias of.";
    value = ref "aws_lb.main.dns_name";
  };
}
