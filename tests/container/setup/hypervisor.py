"""Set-up of the scenario `hypervisor`: what a hypervisor hands over as SMBIOS strings, systemd-nspawn hands
over as the credentials of the machine's service manager; from there on, all is the same.
"""

CREDENTIALS = {"uecho.api.token": "canary-from-the-hypervisor", "uecho.other": "not-for-the-service"}
