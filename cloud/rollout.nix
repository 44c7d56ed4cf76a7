# How a new version comes: an instance refresh, which rollout.sh starts with the output `rollout` and watches.
# One node first, then the others, never fewer than before; an alarm or a node that does not become ready
# takes all of it back to the version before.
{
  cloud,
  name,
  ref,
  ...
}:
let
  limits = import ./limits.nix;
  dimensions.LoadBalancer = ref "aws_lb.main.arn_suffix";
  count = metric: {
    metric = {
      namespace = "AWS/ApplicationELB";
      metric_name = metric;
      period = 60;
      stat = "Sum";
      inherit dimensions;
    };
  };
in
{
  resource.aws_cloudwatch_metric_alarm = {
    errors = {
      alarm_name = "uecho-${name}-errors";
      alarm_description = "More than 1 % of the answers are errors of the balancer or of nodes.";
      comparison_operator = "GreaterThanThreshold";
      threshold = 1;
      evaluation_periods = 2;
      # Without requests there are no errors.
      treat_missing_data = "notBreaching";
      metric_query = [
        {
          id = "share";
          label = "share of errors, percent";
          expression = "100 * (FILL(node, 0) + FILL(balancer, 0)) / requests";
          return_data = true;
        }
        (count "RequestCount" // { id = "requests"; })
        (count "HTTPCode_Target_5XX_Count" // { id = "node"; })
        (count "HTTPCode_ELB_5XX_Count" // { id = "balancer"; })
      ];
    };
    latency = {
      alarm_name = "uecho-${name}-latency";
      alarm_description = "One in a hundred answers of nodes takes longer than 250 ms.";
      namespace = "AWS/ApplicationELB";
      metric_name = "TargetResponseTime";
      inherit dimensions;
      extended_statistic = "p99";
      period = 60;
      evaluation_periods = 3;
      comparison_operator = "GreaterThanThreshold";
      threshold = 0.25;
      treat_missing_data = "notBreaching";
    };
  };

  # As `aws autoscaling start-instance-refresh --cli-input-json` reads it.
  output.rollout = {
    description = "The instance refresh that brings the version of the launch template to all nodes.";
    value = {
      AutoScalingGroupName = ref "aws_autoscaling_group.node.name";
      Strategy = "Rolling";
      # The group itself has the version before until this has succeeded.
      DesiredConfiguration.LaunchTemplate = {
        LaunchTemplateId = ref "aws_launch_template.node.id";
        Version = ref "tostring(aws_launch_template.node.latest_version)";
      };
      Preferences = {
        MinHealthyPercentage = 100;
        MaxHealthyPercentage = limits.oneMore cloud.nodes.min;
        InstanceWarmup = limits.warmup;
        # One node, however many there are.
        CheckpointPercentages = [
          (limits.share cloud.nodes.max)
          100
        ];
        CheckpointDelay = cloud.bake;
        BakeTime = cloud.bake;
        SkipMatching = true;
        AutoRollback = true;
        AlarmSpecification.Alarms = map (alarm: ref "aws_cloudwatch_metric_alarm.${alarm}.alarm_name") [
          "errors"
          "latency"
        ];
      };
    };
  };
}
