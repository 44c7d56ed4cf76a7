# Images: disks of the appliance (`nix build .#images.amazon`), imported from a bucket. All releases that are
# named stay, because a rollback needs the image of the release before.
{ name, ref, ... }:
{
  variable = {
    images = {
      type = "map(string)";
      description = "Release to the key of its disk (VHD) in the bucket: the new one, and those before it.";
      validation = {
        condition = ref (
          "length(var.images) > 0 && " + ''alltrue([for key in values(var.images) : endswith(key, ".vhd")])''
        );
        error_message = "images: at least one release, each with the key of a .vhd in the bucket.";
      };
    };
    release = {
      type = "string";
      description = "Which release the nodes run.";
      validation = {
        condition = ref "contains(keys(var.images), var.release)";
        error_message = "release: one of those in images.";
      };
    };
    image_bucket = {
      type = "string";
      description = "Name of the bucket that has the disks.";
    };
  };
  output.images = {
    description = "All releases that have an image, for who adds one to them.";
    value = ref "var.images";
  };
  resource = {
    aws_iam_role.import = {
      name = "uecho-${name}-image-import";
      assume_role_policy = builtins.toJSON {
        Version = "2012-10-17";
        Statement = [
          {
            Effect = "Allow";
            Principal.Service = "vmie.amazonaws.com";
            Action = "sts:AssumeRole";
            Condition.StringEquals."sts:Externalid" = "vmimport";
          }
        ];
      };
    };
    aws_iam_role_policy.import = {
      name = "read-disks";
      role = ref "aws_iam_role.import.id";
      policy = builtins.toJSON {
        Version = "2012-10-17";
        Statement = [
          {
            Effect = "Allow";
            Action = [
              "s3:GetBucketLocation"
              "s3:ListBucket"
              "s3:GetObject"
            ];
            Resource = [
              "arn:aws:s3:::${ref "var.image_bucket"}"
              "arn:aws:s3:::${ref "var.image_bucket"}/*"
            ];
          }
          {
            Effect = "Allow";
            Action = [
              "ec2:CopySnapshot"
              "ec2:DescribeSnapshots"
              "ec2:ModifySnapshotAttribute"
              "ec2:RegisterImage"
            ];
            Resource = "*";
          }
        ];
      };
    };
    aws_ebs_snapshot_import.node = {
      for_each = ref "var.images";
      depends_on = [ "aws_iam_role_policy.import" ];
      description = "uecho ${ref "each.key"}";
      role_name = ref "aws_iam_role.import.name";
      encrypted = true;
      disk_container = {
        format = "VHD";
        user_bucket = {
          s3_bucket = ref "var.image_bucket";
          s3_key = ref "each.value";
        };
      };
      tags.Name = "uecho-${ref "each.key"}";
    };
    aws_ami.node = {
      for_each = ref "var.images";
      name = "uecho-${ref "each.key"}";
      architecture = "x86_64";
      boot_mode = "uefi";
      ena_support = true;
      imds_support = "v2.0";
      virtualization_type = "hvm";
      root_device_name = "/dev/xvda";
      ebs_block_device = {
        device_name = "/dev/xvda";
        snapshot_id = ref "aws_ebs_snapshot_import.node[each.key].id";
        volume_type = "gp3";
        delete_on_termination = true;
      };
      tags.Name = "uecho-${ref "each.key"}";
    };
  };
}
