# The nodes: what one is (launch template), how many there are (autoscaling group), who may talk to them. They
# have no role, no key and no user data: nothing that could be stolen from them.
{
  cloud,
  name,
  ref,
  ...
}:
let
  limits = import ./limits.nix;
  tags = {
    Name = "uecho-${name}-node";
    project = "uecho";
    stack = name;
  };
in
{
  resource = {
    aws_security_group.node = {
      name = "uecho-${name}-node";
      description = "Nodes of uecho";
      vpc_id = ref "aws_vpc.main.id";
    };
    aws_vpc_security_group_ingress_rule.node = {
      security_group_id = ref "aws_security_group.node.id";
      description = "Requests, from the balancer only";
      referenced_security_group_id = ref "aws_security_group.balancer.id";
      ip_protocol = "tcp";
      from_port = limits.port;
      to_port = limits.port;
    };
    aws_vpc_security_group_egress_rule.node = {
      security_group_id = ref "aws_security_group.node.id";
      description = "Logs and traces, to machines of this network";
      cidr_ipv4 = ref "aws_vpc.main.cidr_block";
      ip_protocol = "tcp";
      from_port = 443;
      to_port = 443;
    };

    aws_launch_template.node = {
      name = "uecho-${name}-node";
      image_id = ref "aws_ami.node[var.release].id";
      instance_type = cloud.instanceType;
      vpc_security_group_ids = [ (ref "aws_security_group.node.id") ];
      # Version 2 only, and not through a proxy on the node.
      metadata_options = {
        http_endpoint = "enabled";
        http_tokens = "required";
        http_put_response_hop_limit = 1;
      };
      monitoring.enabled = true;
      block_device_mappings = [
        {
          device_name = "/dev/xvda";
          ebs = {
            volume_type = "gp3";
            volume_size = limits.disk;
            encrypted = true;
            delete_on_termination = true;
          };
        }
      ];
      tag_specifications = [
        {
          resource_type = "instance";
          inherit tags;
        }
        {
          resource_type = "volume";
          inherit tags;
        }
      ];
    };

    aws_autoscaling_group.node = {
      name = "uecho-${name}";
      min_size = cloud.nodes.min;
      max_size = cloud.nodes.max;
      vpc_zone_identifier = map (zone: ref "aws_subnet.private_${zone}.id") cloud.zones;
      target_group_arns = [ (ref "aws_lb_target_group.node.arn") ];
      # A node that is not ready is replaced, not only one whose machine has died.
      health_check_type = "ELB";
      health_check_grace_period = limits.warmup;
      default_instance_warmup = limits.warmup;
      # A number, not $Latest: a rollback has to know what ran before.
      launch_template = {
        id = ref "aws_launch_template.node.id";
        version = ref "aws_launch_template.node.latest_version";
      };
      # A new one first, then the old one goes, whatever the reason.
      instance_maintenance_policy = {
        min_healthy_percentage = 100;
        max_healthy_percentage = limits.oneMore cloud.nodes.min;
      };
      enabled_metrics = [
        "GroupDesiredCapacity"
        "GroupInServiceInstances"
      ];
      tag = [
        {
          key = "Name";
          value = tags.Name;
          propagate_at_launch = false;
        }
        {
          key = "project";
          value = tags.project;
          propagate_at_launch = false;
        }
      ];
      # rollout.nix brings a new version. OpenTofu would first change the group, and only then start to
      # replace nodes: a rollback would "return" to the new version.
      lifecycle.ignore_changes = [ "launch_template" ];
    };
    aws_autoscaling_policy.node = {
      name = "cpu";
      autoscaling_group_name = ref "aws_autoscaling_group.node.name";
      policy_type = "TargetTrackingScaling";
      target_tracking_configuration = {
        predefined_metric_specification.predefined_metric_type = "ASGAverageCPUUtilization";
        target_value = 50;
      };
    };
  };
}
