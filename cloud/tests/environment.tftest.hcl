# What the stack of an environment promises, asked of a plan with a mocked provider: no account is needed.
mock_provider "aws" {
  # The provider checks the form of these wherever they are used.
  mock_resource "aws_lb" {
    defaults = {
      arn        = "arn:aws:elasticloadbalancing:eu-central-1:111111111111:loadbalancer/app/test/0123456789"
      arn_suffix = "app/test/0123456789"
    }
  }
  mock_resource "aws_lb_target_group" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:eu-central-1:111111111111:targetgroup/test/0123456789abcdef"
    }
  }
  mock_resource "aws_ce_anomaly_monitor" {
    defaults = {
      arn = "arn:aws:ce::111111111111:anomalymonitor/01234567-89ab-cdef-0123-456789abcdef"
    }
  }
  mock_resource "aws_ami" {
    defaults = {
      id = "ami-11111111111111111"
    }
  }
  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-0123456789abcdef0"
      latest_version = 7
    }
  }
}

variables {
  account      = "111111111111"
  notify       = "owner@example.com"
  certificate  = "arn:aws:acm:eu-central-1:111111111111:certificate/01234567-89ab-cdef-0123-456789abcdef"
  image_bucket = "uecho-images"
  images = {
    "1.0" = "uecho-1.0.vhd"
    "1.1" = "uecho-1.1.vhd"
  }
  release = "1.1"
}

run "nodes" {
  command = plan

  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required"
    error_message = "a node answers to IMDSv1"
  }
  assert {
    condition     = alltrue([for image in values(aws_ami.node) : image.imds_support == "v2.0"])
    error_message = "an image allows IMDSv1"
  }
  assert {
    condition = (
      aws_launch_template.node.key_name == null
      && aws_launch_template.node.user_data == null
      && length(aws_launch_template.node.iam_instance_profile) == 0
    )
    error_message = "a node has a key, user data or a role"
  }
  assert {
    condition = alltrue([
      for image in values(aws_ebs_snapshot_import.node) : image.encrypted
    ]) && tobool(aws_launch_template.node.block_device_mappings[0].ebs[0].encrypted)
    error_message = "a disk is not encrypted"
  }
  assert {
    condition     = length(aws_ami.node) == 2 && aws_launch_template.node.image_id == aws_ami.node["1.1"].id
    error_message = "the image of the release is not that of the nodes, or the one before it is gone"
  }
  assert {
    condition     = aws_autoscaling_group.node.min_size >= 3
    error_message = "fewer than three nodes"
  }
  assert {
    condition = length(toset([
      for subnet in [aws_subnet.private_a, aws_subnet.private_b, aws_subnet.private_c] :
      subnet.availability_zone
    ])) == 3
    error_message = "nodes are in fewer than three zones"
  }
  assert {
    condition     = aws_autoscaling_group.node.health_check_type == "ELB"
    error_message = "a node that is not ready is not replaced"
  }
  assert {
    condition = alltrue([
      for policy in [aws_autoscaling_group.node.instance_maintenance_policy[0]] :
      policy.min_healthy_percentage >= 100 && policy.max_healthy_percentage > 100
    ])
    error_message = "nodes are replaced by taking them away first"
  }
  assert {
    condition     = aws_autoscaling_group.node.launch_template[0].version == "7"
    error_message = "the group names no number of a version"
  }
}

run "rollout" {
  command = plan

  assert {
    condition     = output.rollout.DesiredConfiguration.LaunchTemplate.Version == "7"
    error_message = "the rollout names no number of a version"
  }
  assert {
    condition = (
      output.rollout.Preferences.MinHealthyPercentage >= 100
      && output.rollout.Preferences.MaxHealthyPercentage > 100
    )
    error_message = "there are fewer nodes than before during a rollout"
  }
  assert {
    condition = (
      output.rollout.Preferences.AutoRollback
      && length(output.rollout.Preferences.AlarmSpecification.Alarms) >= 2
    )
    error_message = "a rollout that goes wrong is not taken back"
  }
  assert {
    condition = (
      output.rollout.Preferences.CheckpointPercentages[0] <= ceil(100 / aws_autoscaling_group.node.max_size)
      && output.rollout.Preferences.CheckpointDelay >= 60
      && output.rollout.Preferences.BakeTime >= 60
    )
    error_message = "nobody looks at the first node before the others follow"
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.errors.threshold <= 1
      && aws_cloudwatch_metric_alarm.latency.extended_statistic == "p99"
    )
    error_message = "the alarms do not look at errors and latency"
  }
}

run "balancer" {
  command = plan

  assert {
    condition = alltrue([
      for rule in [aws_vpc_security_group_ingress_rule.http, aws_vpc_security_group_ingress_rule.https] :
      contains([80, 443], rule.from_port) && rule.from_port == rule.to_port
    ]) && aws_vpc_security_group_ingress_rule.node.cidr_ipv4 == null
    error_message = "the internet reaches more than the balancer's two ports"
  }
  assert {
    condition = (
      aws_vpc_security_group_egress_rule.node.cidr_ipv4 == aws_vpc.main.cidr_block
      && aws_vpc_security_group_egress_rule.balancer.cidr_ipv4 == null
    )
    error_message = "a machine may talk to the internet"
  }
  assert {
    condition = alltrue([
      for subnet in [aws_subnet.private_a, aws_subnet.public_a] : !subnet.map_public_ip_on_launch
    ])
    error_message = "a machine gets a public address"
  }
  assert {
    condition = (
      aws_lb_target_group.node.health_check[0].path == "/readyz"
      && aws_lb_target_group.node.health_check[0].matcher == "200"
    )
    error_message = "the balancer does not ask whether a node is ready"
  }
  assert {
    condition     = tonumber(aws_lb_target_group.node.deregistration_delay) >= 30
    error_message = "a node that leaves cannot finish its requests"
  }
  assert {
    condition     = aws_lb.main.idle_timeout > 10 && aws_lb.main.idle_timeout < 30
    error_message = "the balancer gives up before a node does, or uses a connection that a node closes"
  }
  assert {
    condition = (
      aws_lb_listener.http.default_action[0].type == "redirect"
      && aws_lb_listener.https.protocol == "HTTPS"
      && strcontains(aws_lb_listener.https.ssl_policy, "TLS13")
    )
    error_message = "a client can talk without TLS"
  }
}

run "budget" {
  command = plan

  assert {
    condition = alltrue([
      for share in [50, 80, 100] : contains([
        for notification in aws_budgets_budget.monthly.notification : notification.threshold
        if notification.notification_type == "ACTUAL" && length(notification.subscriber_email_addresses) > 0
      ], share)
    ]) && tonumber(aws_budgets_budget.monthly.limit_amount) > 0
    error_message = "nobody is told at 50, 80 and 100 % of the budget"
  }
  assert {
    condition = (
      aws_ce_anomaly_monitor.services.monitor_dimension == "SERVICE"
      && length(aws_ce_anomaly_subscription.daily.subscriber) > 0
    )
    error_message = "nobody is told of unusual costs"
  }
}

run "a_release_without_image" {
  command = plan
  variables {
    release = "2.0"
  }
  expect_failures = [var.release]
}
