# The network: in each zone a subnet for the balancer and one for nodes, which have no way to the internet.
{
  cloud,
  each,
  name,
  ref,
  ...
}:
let
  inherit (builtins)
    concatMap
    elemAt
    genList
    length
    listToAttrs
    ;
  kinds = [
    {
      kind = "public";
      first = 0;
    }
    {
      kind = "private";
      first = 100;
    }
  ];
  # f for the subnet of each kind in each zone.
  subnets =
    f:
    listToAttrs (
      concatMap (
        { kind, first }:
        genList (
          index:
          let
            zone = elemAt cloud.zones index;
          in
          {
            name = "${kind}_${zone}";
            value = f kind zone "${cloud.network}.${toString (first + index)}.0/24";
          }
        ) (length cloud.zones)
      ) kinds
    );
in
{
  resource = {
    aws_vpc.main = {
      cidr_block = "${cloud.network}.0.0/16";
      enable_dns_support = true;
      enable_dns_hostnames = true;
      tags.Name = "uecho-${name}";
    };
    # Of machines that name no group: nothing comes in or goes out.
    aws_default_security_group.none.vpc_id = ref "aws_vpc.main.id";
    aws_subnet = subnets (
      kind: zone: cidr_block: {
        inherit cidr_block;
        vpc_id = ref "aws_vpc.main.id";
        availability_zone = "${cloud.region}${zone}";
        map_public_ip_on_launch = false;
        tags.Name = "uecho-${name}-${kind}-${zone}";
      }
    );
    aws_internet_gateway.main = {
      vpc_id = ref "aws_vpc.main.id";
      tags.Name = "uecho-${name}";
    };
    aws_route_table = each (map ({ kind, ... }: kind) kinds) (kind: {
      vpc_id = ref "aws_vpc.main.id";
      tags.Name = "uecho-${name}-${kind}";
    });
    aws_route.internet = {
      route_table_id = ref "aws_route_table.public.id";
      destination_cidr_block = "0.0.0.0/0";
      gateway_id = ref "aws_internet_gateway.main.id";
    };
    aws_route_table_association = subnets (
      kind: zone: _: {
        subnet_id = ref "aws_subnet.${kind}_${zone}.id";
        route_table_id = ref "aws_route_table.${kind}.id";
      }
    );
  };
}
