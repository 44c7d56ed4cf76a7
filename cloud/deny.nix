# What nobody may do in an account of the organization, whatever their role (service control policies).
{ ref, regions, ... }:
let
  policies = {
    # In the account of the archive.
    archive = {
      target = ref "aws_organizations_account.archive.id";
      description = "Logs stay: nothing that is in the archive can be deleted, nor what keeps it.";
      statements = [
        {
          Sid = "LogsStay";
          Effect = "Deny";
          Action = [
            "s3:BypassGovernanceRetention"
            "s3:DeleteBucket"
            "s3:DeleteBucketPolicy"
            "s3:DeleteObject"
            "s3:DeleteObjectVersion"
            "s3:PutObjectRetention"
            "kms:DisableKey"
            "kms:ScheduleKeyDeletion"
          ];
          Resource = "*";
        }
      ];
    };
    regions = {
      target = ref "aws_organizations_organization.main.roots[0].id";
      description = "Only ${builtins.concatStringsSep ", " regions}; except for what has no region.";
      statements = [
        {
          Sid = "OneRegion";
          Effect = "Deny";
          NotAction = [
            "account:*"
            "aws-portal:*"
            "billing:*"
            "budgets:*"
            "ce:*"
            "health:*"
            "iam:*"
            "organizations:*"
            "route53:*"
            "s3:GetAccountPublicAccessBlock"
            "s3:ListAllMyBuckets"
            "sts:*"
            "support:*"
          ];
          Resource = "*";
          Condition.StringNotEquals."aws:RequestedRegion" = regions;
        }
      ];
    };
    guardrails = {
      target = ref "aws_organizations_organization.main.roots[0].id";
      description = "Nobody leaves the organization, works as root, or starts a machine with IMDSv1.";
      statements = [
        {
          Sid = "NobodyLeaves";
          Effect = "Deny";
          Action = "organizations:LeaveOrganization";
          Resource = "*";
        }
        {
          Sid = "NobodyIsRoot";
          Effect = "Deny";
          Action = "*";
          Resource = "*";
          Condition.StringLike."aws:PrincipalArn" = "arn:aws:iam::*:root";
        }
        {
          Sid = "OnlyIMDSv2";
          Effect = "Deny";
          Action = "ec2:RunInstances";
          Resource = "arn:aws:ec2:*:*:instance/*";
          Condition.StringNotEquals."ec2:MetadataHttpTokens" = "required";
        }
      ];
    };
  };
in
{
  resource = {
    aws_organizations_policy = builtins.mapAttrs (name: policy: {
      name = "uecho-${name}";
      inherit (policy) description;
      type = "SERVICE_CONTROL_POLICY";
      content = builtins.toJSON {
        Version = "2012-10-17";
        Statement = policy.statements;
      };
    }) policies;
    aws_organizations_policy_attachment = builtins.mapAttrs (name: policy: {
      policy_id = ref "aws_organizations_policy.${name}.id";
      target_id = policy.target;
    }) policies;
  };
}
