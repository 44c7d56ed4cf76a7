# What the organization promises, asked of a plan with a mocked provider: no account is needed.
mock_provider "aws" {
  mock_resource "aws_organizations_organization" {
    defaults = {
      roots = [{
        arn          = "arn:aws:organizations::333333333333:root/o-0123456789/r-0123"
        id           = "r-0123"
        name         = "Root"
        policy_types = []
      }]
    }
  }
  mock_resource "aws_organizations_organizational_unit" {
    defaults = {
      id = "ou-0123-01234567"
    }
  }
  mock_resource "aws_organizations_account" {
    defaults = {
      id = "111111111111"
    }
  }
  mock_resource "aws_organizations_policy" {
    defaults = {
      id = "p-01234567"
    }
  }
}

variables {
  account = "333333333333"
  notify  = "owner@example.com"
  emails = {
    archive  = "archive@example.com"
    security = "security@example.com"
    dev      = "dev@example.com"
    qa       = "qa@example.com"
    prod     = "prod@example.com"
  }
}

run "denied" {
  command = plan

  assert {
    condition = contains(
      aws_organizations_organization.main.enabled_policy_types, "SERVICE_CONTROL_POLICY"
    )
    error_message = "policies of the organization are not in force"
  }
  assert {
    condition = alltrue([
      for action in [
        "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket", "kms:ScheduleKeyDeletion",
      ] : contains(flatten([
        for statement in jsondecode(aws_organizations_policy.archive.content).Statement : statement.Action
        if statement.Effect == "Deny" && statement.Resource == "*" && !can(statement.Condition)
      ]), action)
    ])
    error_message = "somebody may delete in the account of the archive"
  }
  assert {
    condition = (
      aws_organizations_policy_attachment.archive.target_id == aws_organizations_account.archive.id
    )
    error_message = "what keeps the archive is not attached to its account"
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_organizations_policy.regions.content).Statement :
      try(
        statement.Effect == "Deny"
        && length(statement.Condition.StringNotEquals["aws:RequestedRegion"]) == 1, false
      )
    ]) && aws_organizations_policy_attachment.regions.target_id == "r-0123"
    error_message = "unused regions can be used"
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_organizations_policy.guardrails.content).Statement :
      try(
        statement.Effect == "Deny" && statement.Action == "ec2:RunInstances"
        && statement.Condition.StringNotEquals["ec2:MetadataHttpTokens"] == "required", false
      )
    ]) && aws_organizations_policy_attachment.guardrails.target_id == "r-0123"
    error_message = "a machine may be started with IMDSv1"
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_organizations_policy.guardrails.content).Statement :
      try(statement.Effect == "Deny" && statement.Action == "organizations:LeaveOrganization", false)
      ]) && anytrue([
      for statement in jsondecode(aws_organizations_policy.guardrails.content).Statement :
      try(
        statement.Effect == "Deny" && statement.Action == "*"
        && statement.Condition.StringLike["aws:PrincipalArn"] == "arn:aws:iam::*:root", false
      )
    ])
    error_message = "an account may leave the organization, or be used as root"
  }
}
