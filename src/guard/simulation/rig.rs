//! What every simulated machine has: power that can fail at any effect, a clock, the guard's two folders, and
//! the verdicts that it has left.

use std::{cell::RefMut, time::Duration};

use crate::{
    report::Conclusion,
    simulation::disk::SimFolder,
    system::{Result, SystemError},
};

#[derive(Default)]
pub(super) struct Rig {
    /// The state, and what is gone with the power.
    pub(super) disks: [SimFolder; 2],
    pub(super) clock: Duration,
    pub(super) boot: u32,
    pub(super) boots_in_total: u32,
    pub(super) reboot_asked: bool,
    /// Effects left before the crash.
    pub(super) fuse: Option<u32>,
    pub(super) dead: bool,
    /// The verdicts that were published.
    pub(super) verdicts: Vec<Conclusion>,
}

impl Rig {
    /// Counts an effect; the effect at which the fuse ends does not happen, and neither do later ones.
    pub(super) fn effect(&mut self) -> Result<()> {
        self.alive()?;
        match &mut self.fuse {
            Some(0) => {
                self.dead = true;
                self.alive()
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn alive(&self) -> Result<()> {
        if self.dead { Err(SystemError("crashed".into())) } else { Ok(()) }
    }

    /// Off and on again: what was not synced is lost.
    pub(super) fn power_cut(&mut self) {
        (self.dead, self.fuse, self.reboot_asked) = (false, None, false);
        for disk in &mut self.disks {
            disk.power_cut();
        }
        self.disks[1] = SimFolder::default();
    }
}

/// A machine that is built on a rig.
pub(super) trait Rigged {
    fn rig(&self) -> RefMut<'_, Rig>;
}
