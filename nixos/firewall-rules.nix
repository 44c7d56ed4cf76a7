# Rules of the firewall of NixOS (nftables): who may reach a port, by IPv4 or IPv6 address or network.
{ lib }:
port: sources:
lib.concatMapStrings (source: ''
  ${if lib.hasInfix ":" source then "ip6" else "ip"} saddr ${source} tcp dport ${toString port} accept
'') sources
