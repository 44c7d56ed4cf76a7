"""Set-up of the scenario `fanout`: three machines on one network."""

MACHINES = ("a", "b", "c")
