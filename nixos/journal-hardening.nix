# What neither the unit that sends journals nor the one that seals them needs.
{
  DynamicUser = true;
  LockPersonality = true;
  MemoryDenyWriteExecute = true;
  PrivateDevices = true;
  ProtectControlGroups = true;
  ProtectHome = true;
  ProtectHostname = true;
  ProtectKernelLogs = true;
  ProtectKernelModules = true;
  ProtectKernelTunables = true;
  ProtectProc = "invisible";
  RestrictAddressFamilies = [
    "AF_UNIX"
    "AF_INET"
    "AF_INET6"
  ];
  RestrictNamespaces = true;
  RestrictRealtime = true;
  SystemCallArchitectures = "native";
}
