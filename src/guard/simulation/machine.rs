//! The simulated machine as the guard sees it.

use std::{cell::RefMut, time::Duration};

use uecho_probe::timestamp::Timestamp;

use crate::{
    report::Report,
    simulation::{
        Machine,
        rig::{Rig, Rigged},
    },
    system::{BootChoice, BootIdentity, Illness, Outlook, Result, System, SystemError},
    version::Version,
};

fn unknown() -> SystemError {
    SystemError("not known".into())
}

impl System for Machine {
    fn running(&self) -> Result<Version> {
        self.see().rig.alive()?;
        self.see().running.clone().ok_or_else(unknown)
    }

    fn booted(&self) -> Result<Version> {
        self.see().rig.alive()?;
        self.see().booted.clone().ok_or_else(unknown)
    }

    fn installed(&self) -> Result<Option<Version>> {
        self.see().rig.alive()?;
        Ok(self.see().installed.clone())
    }

    fn activation(&self) -> Result<String> {
        self.see().rig.alive()?;
        Ok(self.see().activation.to_string())
    }

    fn exists(&self, version: &Version) -> bool {
        self.see().store.contains(version)
    }

    fn boot_identity(&self, version: &Version) -> Result<BootIdentity> {
        self.see().rig.alive()?;
        let world = self.see();
        let kernel = world.versions.get(version).ok_or_else(unknown)?.kernel.to_string();
        Ok(BootIdentity { kernel, early: String::new() })
    }

    fn install(&mut self, version: &Version) -> Result<()> {
        self.get().rig.effect()?;
        self.get().add_generation(version);
        Ok(())
    }

    fn switch(&mut self, version: &Version) -> Result<()> {
        self.get().rig.effect()?;
        let rival = self.get().rival.take().unwrap_or_default();
        if !rival.is_zero() {
            let end = self.see().rig.clock + rival;
            self.get().switching_until = end;
        }
        if self.switching() {
            return Err(SystemError("Could not acquire lock".into()));
        }
        if !self.see().versions[version].switches {
            return Err(SystemError("exit status 1".into()));
        }
        self.get().write_entries();
        self.get().activate(version);
        // whoever waits for it may not live to see its end
        self.get().rig.effect()
    }

    fn install_boot(&mut self, _version: &Version) -> Result<()> {
        self.get().rig.effect()?;
        self.get().write_entries();
        Ok(())
    }

    fn reboot(&mut self) -> Result<()> {
        self.get().rig.effect()?;
        self.get().rig.reboot_asked = true;
        Ok(())
    }

    fn boot_choice(&self) -> Result<Option<BootChoice>> {
        self.see().rig.alive()?;
        Ok(self.see().efi.then(|| self.see().choice.clone()))
    }

    fn has_boot_entry(&self, version: &Version) -> bool {
        self.see().entries.contains(version)
    }

    fn set_default(&mut self, version: &Version) -> Result<()> {
        self.get().rig.effect()?;
        assert!(self.see().entries.contains(version), "{version} has no entry to be the default");
        self.get().choice.default = Some(version.clone());
        Ok(())
    }

    fn set_oneshot(&mut self, version: Option<&Version>) -> Result<()> {
        self.get().rig.effect()?;
        self.get().choice.oneshot = version.cloned();
        Ok(())
    }

    fn pins(&self) -> Result<Vec<Version>> {
        self.see().rig.alive()?;
        Ok(self.see().pins.iter().cloned().collect())
    }

    fn pin(&mut self, version: &Version) -> Result<()> {
        self.get().rig.effect()?;
        self.get().pins.insert(version.clone());
        Ok(())
    }

    fn unpin(&mut self, version: &Version) -> Result<()> {
        self.get().rig.effect()?;
        self.get().pins.remove(version);
        Ok(())
    }

    fn health(&mut self, version: &Version) -> std::result::Result<(), Illness> {
        let mut world = self.get();
        world.checks += 1;
        let checks = world.checks;
        if world.intruder.as_ref().is_some_and(|(at, _)| *at == checks) {
            let (_, intruder) = world.intruder.take().unwrap();
            world.add_generation(&intruder);
            world.write_entries();
            world.activate(&intruder);
        }
        if world.running.as_ref() != Some(version) {
            return Err(Illness::new("receipt", "another version answers"));
        }
        let traits = &world.versions[version];
        if traits.wrong.contains(&checks) {
            return Err(Illness::new("probe", "wrong").but(Outlook::Wrong));
        }
        match traits.healthy_for {
            _ if traits.missed.contains(&checks) => Err(Illness::new("probe", "missed")),
            Some(limit) if checks > limit => Err(Illness::new("probe", "ill")),
            _ => Ok(()),
        }
    }

    fn leave_verdict(&mut self, report: &Report, _activation: Option<&str>) {
        if self.get().rig.effect().is_ok() {
            self.get().rig.verdicts.push(report.outcome);
        }
    }

    fn switching(&self) -> bool {
        self.see().rig.clock < self.see().switching_until
    }

    fn boot_id(&self) -> String {
        format!("boot-{}", self.see().rig.boot)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.see().rig.clock.as_secs())
    }

    fn elapsed(&self) -> Duration {
        self.see().rig.clock
    }

    fn sleep(&mut self, duration: Duration) {
        self.get().rig.clock += duration;
    }
}

impl Rigged for Machine {
    fn rig(&self) -> RefMut<'_, Rig> {
        RefMut::map(self.get(), |world| &mut world.rig)
    }
}
