# ZAP scans the service, and servers with planted faults, which it has to find: what it does not find there,
# it would not find in the service either. What it may report is in .ci/web-scan.toml.
{ lib, pkgs, ... }:
let
  routes = [
    "/"
    "/a"
    "/a?text=b&next=c"
    "/api/v1/echo?text=b"
    "/api/v1/fanout/a?text=b"
    "/healthz"
    "/readyz"
    "/nothing/"
  ];
  # An echo has no links to follow, so each route is asked first. Segments of paths are no input for ZAP by
  # default, and the fault of the original was there.
  plan = name: target: {
    env = {
      contexts = [
        {
          inherit name;
          urls = [ target ];
        }
      ];
      parameters = {
        failOnError = true;
        progressToStdout = true;
      };
    };
    jobs = [
      {
        type = "requestor";
        requests = map (route: { url = target + route; }) routes;
      }
      {
        type = "passiveScan-wait";
        parameters.maxDuration = 5;
      }
      {
        type = "activeScan-config";
        parameters.maxScanDurationInMins = 20;
        inputVectors = {
          urlQueryStringAndDataDrivenNodes = {
            enabled = true;
            addParam = true;
          };
          urlPath = true;
          httpHeaders = {
            enabled = true;
            allRequests = true;
          };
        };
      }
      {
        type = "activeScan";
        parameters.context = name;
      }
      {
        type = "report";
        parameters = {
          template = "traditional-json";
          reportDir = "/tmp";
          reportFile = "${name}.json";
        };
      }
    ];
  };
  targets = {
    service = "http://127.0.0.1:8080";
    xss-query = "http://127.0.0.1:9001";
    xss-path = "http://127.0.0.1:9002";
    redirect-query = "http://127.0.0.1:9003";
  };
in
{
  nodes.machine = {
    virtualisation.memorySize = 3072;
    environment = {
      systemPackages = [
        pkgs.python3
        pkgs.zap
      ];
      etc = {
        web-scan.source = lib.fileset.toSource {
          root = ../..;
          fileset = lib.fileset.unions [
            ../../.ci/web-scan.toml
            ../security/findings.py
            ../security/planted.py
          ];
        };
      }
      // lib.mapAttrs' (
        name: target:
        lib.nameValuePair "zap/${name}.yaml" {
          # JSON is YAML, too.
          text = builtins.toJSON (plan name target);
        }
      ) targets;
    };
  };
  testScript = lib.readFile ./web-scan.py;
}
