# Before the machine's disk is named in the environment: the server has another one.
server.start()
server.wait_for_unit("nginx.service")
server.succeed(f"cp --recursive {KEYS} /root/keys", "chmod --recursive u=rwX,go= /root/keys")
