# The organization: an account for each environment, one for the archive of logs, one for those who look after
# security. Who breaks into one has not got the others.
{
  each,
  environments,
  ref,
  ...
}:
let
  root = ref "aws_organizations_organization.main.roots[0].id";
  accounts = [
    "archive"
    "security"
  ]
  ++ environments;
in
{
  variable.emails = {
    type = "object({${builtins.concatStringsSep ", " (map (name: "${name} = string") accounts)}})";
    description = "By account, the e-mail address of its owner; no other account in the world may have it.";
  };
  resource = {
    aws_organizations_organization.main = {
      feature_set = "ALL";
      enabled_policy_types = [ "SERVICE_CONTROL_POLICY" ];
      lifecycle.prevent_destroy = true;
    };
    aws_organizations_organizational_unit =
      each
        [
          "security"
          "workload"
        ]
        (unit: {
          name = unit;
          parent_id = root;
        });
    aws_organizations_account = each accounts (account: {
      name = "uecho-${account}";
      email = ref "var.emails.${account}";
      parent_id = ref "aws_organizations_organizational_unit.${
        if builtins.elem account environments then "workload" else "security"
      }.id";
      close_on_deletion = false;
      lifecycle.prevent_destroy = true;
    });
  };
  output.accounts = {
    description = "Numbers of the accounts: the variable `account` of the other stacks.";
    value = each accounts (account: ref "aws_organizations_account.${account}.id");
  };
}
