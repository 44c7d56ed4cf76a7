# Of every stack: who provides it, in which account and region, where its state is, who is told.
{
  name,
  ref,
  region,
  ...
}:
{
  terraform = {
    required_version = ">= 1.10";
    required_providers.aws = {
      source = "hashicorp/aws";
      version = ">= 6.0, < 7.0";
    };
    # Bucket and region of the state come from `tofu init -backend-config=...`. Two who apply at once are kept
    # apart by a lock beside the state.
    backend.s3 = {
      key = "uecho/${name}.tfstate";
      encrypt = true;
      use_lockfile = true;
    };
  };
  variable = {
    account = {
      type = "string";
      description = "Number of the account that this stack is for; nothing is done to another.";
      validation = {
        condition = ref ''can(regex("^[0-9]{12}$", var.account))'';
        error_message = "account: the twelve digits of an account's number.";
      };
    };
    notify = {
      type = "string";
      description = "E-mail address of those who are told when it costs more than expected.";
      validation = {
        condition = ref ''can(regex("^[^@ ]+@[^@ ]+$", var.notify))'';
        error_message = "notify: an e-mail address.";
      };
    };
  };
  provider.aws = {
    inherit region;
    allowed_account_ids = [ (ref "var.account") ];
    default_tags.tags = {
      project = "uecho";
      stack = name;
    };
  };
}
