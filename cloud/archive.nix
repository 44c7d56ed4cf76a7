# The archive of logs, in an account of its own: what is written stays for as long as archive-settings.nix
# says, whoever asks. Writers may write, and nothing else.
{
  archive,
  environments,
  ref,
  ...
}:
let
  bucket = ref "aws_s3_bucket.archive.id";
  all = [
    (ref "aws_s3_bucket.archive.arn")
    "${ref "aws_s3_bucket.archive.arn"}/*"
  ];
  everybody = {
    Principal = "*";
    Effect = "Deny";
  };
in
{
  variable = {
    bucket = {
      type = "string";
      description = "Name of the bucket; no other in the world may have it.";
    };
    writers = {
      type = "object({${
        builtins.concatStringsSep ", " (map (environment: "${environment} = string") environments)
      }})";
      description = "By environment, the ARN of the role that writes its logs.";
    };
  };
  resource = {
    aws_s3_bucket.archive = {
      bucket = ref "var.bucket";
      object_lock_enabled = true;
      lifecycle.prevent_destroy = true;
    };
    aws_s3_bucket_versioning.archive = {
      inherit bucket;
      versioning_configuration.status = "Enabled";
    };
    aws_s3_bucket_object_lock_configuration.archive = {
      inherit bucket;
      depends_on = [ "aws_s3_bucket_versioning.archive" ];
      rule.default_retention = {
        mode = "COMPLIANCE";
        days = archive.retentionDays;
      };
    };
    aws_kms_key.archive = {
      description = "Archive of logs";
      enable_key_rotation = true;
      deletion_window_in_days = 30;
      # The account itself, and writers through the bucket only.
      policy = builtins.toJSON {
        Version = "2012-10-17";
        Statement = [
          {
            Sid = "Account";
            Effect = "Allow";
            Principal.AWS = "arn:aws:iam::${ref "var.account"}:root";
            Action = "kms:*";
            Resource = "*";
          }
        ]
        ++ map (environment: {
          Sid = "Write${environment}";
          Effect = "Allow";
          Principal.AWS = ref "var.writers.${environment}";
          Action = "kms:GenerateDataKey";
          Resource = "*";
        }) environments;
      };
      lifecycle.prevent_destroy = true;
    };
    aws_s3_bucket_server_side_encryption_configuration.archive = {
      inherit bucket;
      rule = {
        apply_server_side_encryption_by_default = {
          sse_algorithm = "aws:kms";
          kms_master_key_id = ref "aws_kms_key.archive.arn";
        };
        bucket_key_enabled = true;
      };
    };
    aws_s3_bucket_public_access_block.archive = {
      inherit bucket;
      block_public_acls = true;
      block_public_policy = true;
      ignore_public_acls = true;
      restrict_public_buckets = true;
    };
    aws_s3_bucket_ownership_controls.archive = {
      inherit bucket;
      rule.object_ownership = "BucketOwnerEnforced";
    };
    aws_s3_bucket_lifecycle_configuration.archive = {
      inherit bucket;
      depends_on = [ "aws_s3_bucket_versioning.archive" ];
      rule = [
        {
          id = "age";
          status = "Enabled";
          filter.prefix = "";
          transition = [
            {
              days = archive.coldDays;
              storage_class = "GLACIER_IR";
            }
          ];
          # Marks it as deleted; the version goes a day later. Neither can before the lock has ended.
          expiration.days = archive.retentionDays + 1;
          noncurrent_version_expiration.noncurrent_days = 1;
          abort_incomplete_multipart_upload.days_after_initiation = 1;
        }
      ];
    };
    aws_s3_bucket_policy.archive = {
      inherit bucket;
      policy = builtins.toJSON {
        Version = "2012-10-17";
        Statement = [
          (
            everybody
            // {
              Sid = "NobodyDeletes";
              Action = [
                "s3:BypassGovernanceRetention"
                "s3:DeleteBucket"
                "s3:DeleteObject"
                "s3:DeleteObjectVersion"
                "s3:PutObjectRetention"
              ];
              Resource = all;
            }
          )
          (
            everybody
            // {
              Sid = "OnlyEncrypted";
              Action = "s3:*";
              Resource = all;
              Condition.Bool."aws:SecureTransport" = "false";
            }
          )
        ]
        ++ map (environment: {
          Sid = "Write${environment}";
          Effect = "Allow";
          Principal.AWS = ref "var.writers.${environment}";
          Action = "s3:PutObject";
          Resource = "${ref "aws_s3_bucket.archive.arn"}/${environment}/*";
        }) environments;
      };
    };
  };
}
