PLANTED = {"xss-query": 9001, "xss-path": 9002, "redirect-query": 9003}
TESTS = "/etc/web-scan/tests/security"


def scan(name: str) -> None:
    # It writes to $HOME/.ZAP, and -silent keeps it from asking for updates.
    machine.succeed(
        f"env HOME=/tmp/{name} zap -cmd -silent -autorun /etc/zap/{name}.yaml >/tmp/{name}.log 2>&1"
        f" || {{ tail -n 50 /tmp/{name}.log; exit 1; }}",
        timeout=1800,
    )


start_all()
machine.wait_for_unit("uecho.service")

for name, port in PLANTED.items():
    with subtest(f"ZAP finds the planted {name}"):
        server = f"python3 {TESTS}/planted.py {name} {port}"
        machine.succeed(f"systemd-run --quiet --unit=planted-{name} -- {server}")
        machine.wait_for_open_port(port)
        scan(name)
        machine.log(machine.succeed(f"python3 {TESTS}/findings.py zap /tmp/{name}.json {name}"))
        machine.succeed(f"systemctl stop planted-{name}")

with subtest("ZAP finds nothing of medium or high risk in the service that is not allowed"):
    scan("service")
    machine.log(machine.succeed(f"python3 {TESTS}/findings.py zap /tmp/service.json"))

with subtest("the service was asked a lot, and has answered"):
    machine.succeed("curl -sSf http://127.0.0.1:8080/readyz")
    counted = machine.succeed(
        "curl -sSf http://127.0.0.1:8081/metrics"
        " | awk '/^http_server_request_duration_seconds_count/ { sum += $2 } END { print sum }'"
    )
    t.assertGreater(int(counted), 1000)
    t.assertEqual(machine.get_unit_property("uecho.service", "NRestarts"), "0")
