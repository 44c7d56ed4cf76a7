start_all()
machine.wait_for_unit("multi-user.target")
machine.succeed(f"nix-env --profile {PROFILE} --set {V1}")

with subtest("a good version is blessed"):
    verdict(V1, 0)
    t.assertEqual(deploy(V2), 0)
    verdict(V2, 0)
    t.assertEqual(machine.succeed("curl -sSf http://127.0.0.1/"), "v2")

with subtest("one that fails the check is taken back and refused"):
    deploy(BAD)
    t.assertIn("page", verdict(V2, 3))
    t.assertEqual(machine.succeed("curl -sSf http://127.0.0.1/"), "v2")
    runs(V2)
    refused(BAD)
