# What the archive of logs promises, asked of a plan with a mocked provider: no account is needed.
mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::uecho-logs"
      id  = "uecho-logs"
    }
  }
  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:222222222222:key/01234567-89ab-cdef-0123-456789abcdef"
    }
  }
}

variables {
  account = "222222222222"
  notify  = "owner@example.com"
  bucket  = "uecho-logs"
  writers = {
    dev  = "arn:aws:iam::111111111111:role/archive"
    qa   = "arn:aws:iam::111111111112:role/archive"
    prod = "arn:aws:iam::111111111113:role/archive"
  }
}

run "archive" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket.archive.object_lock_enabled
      && aws_s3_bucket_object_lock_configuration.archive.rule[0].default_retention[0].mode == "COMPLIANCE"
      && aws_s3_bucket_object_lock_configuration.archive.rule[0].default_retention[0].days >= 400
      && aws_s3_bucket_versioning.archive.versioning_configuration[0].status == "Enabled"
    )
    error_message = "a log can be deleted or changed"
  }
  assert {
    condition = alltrue([
      for action in ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket"] : contains(flatten([
        for statement in jsondecode(aws_s3_bucket_policy.archive.policy).Statement : statement.Action
        if statement.Effect == "Deny" && statement.Principal == "*" && !can(statement.Condition)
      ]), action)
    ])
    error_message = "the policy of the bucket lets somebody delete"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.archive.policy).Statement :
      statement.Action == "s3:PutObject" && statement.Principal != "*" if statement.Effect == "Allow"
    ])
    error_message = "a writer may do more than write"
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.archive.policy).Statement :
      try(statement.Effect == "Deny" && statement.Condition.Bool["aws:SecureTransport"] == "false", false)
    ])
    error_message = "the archive can be talked to without TLS"
  }
  assert {
    condition = (
      aws_s3_bucket_public_access_block.archive.block_public_acls
      && aws_s3_bucket_public_access_block.archive.block_public_policy
      && aws_s3_bucket_public_access_block.archive.ignore_public_acls
      && aws_s3_bucket_public_access_block.archive.restrict_public_buckets
    )
    error_message = "the archive can be made public"
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.archive.rule[0].expiration[0].days > 400
    error_message = "logs expire before their time"
  }
  assert {
    condition = alltrue(flatten([
      for rule in aws_s3_bucket_server_side_encryption_configuration.archive.rule : [
        for default in rule.apply_server_side_encryption_by_default : default.sse_algorithm == "aws:kms"
      ]
    ])) && aws_kms_key.archive.enable_key_rotation
    error_message = "logs are not encrypted with the archive's own key"
  }
}
