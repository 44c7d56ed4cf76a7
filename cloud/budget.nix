# What the account may cost before somebody is told, and what is unusual for it.
{
  cloud,
  name,
  ref,
  ...
}:
let
  notification = kind: share: {
    notification_type = kind;
    threshold = share;
    threshold_type = "PERCENTAGE";
    comparison_operator = "GREATER_THAN";
    subscriber_email_addresses = [ (ref "var.notify") ];
  };
in
{
  resource = {
    aws_budgets_budget.monthly = {
      name = "uecho-${name}";
      budget_type = "COST";
      time_unit = "MONTHLY";
      limit_amount = toString cloud.budget;
      limit_unit = "USD";
      notification =
        map (notification "ACTUAL") [
          50
          80
          100
        ]
        ++ [ (notification "FORECASTED" 100) ];
    };
    aws_ce_anomaly_monitor.services = {
      name = "uecho-${name}";
      monitor_type = "DIMENSIONAL";
      monitor_dimension = "SERVICE";
    };
    aws_ce_anomaly_subscription.daily = {
      name = "uecho-${name}";
      frequency = "DAILY";
      monitor_arn_list = [ (ref "aws_ce_anomaly_monitor.services.arn") ];
      subscriber = [
        {
          type = "EMAIL";
          address = ref "var.notify";
        }
      ];
      # A tenth of the budget beyond what is usual.
      threshold_expression.dimension = {
        key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE";
        match_options = [ "GREATER_THAN_OR_EQUAL" ];
        values = [ (toString (cloud.budget / 10)) ];
      };
    };
  };
}
