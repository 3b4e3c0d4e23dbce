//! Who this process is.

use rustix::fs::Stat;
use rustix::process::{getegid, geteuid, getgroups};

/// The user and the groups of this process.
#[derive(Debug)]
pub(crate) struct Us {
    user: u32,
    groups: Vec<u32>,
}

impl Us {
    /// Asks the kernel.
    pub(crate) fn now() -> Self {
        // Without the list of supplementary groups, no group but the effective one is ours.
        let mut groups: Vec<u32> =
            getgroups().unwrap_or_default().into_iter().map(rustix::fs::Gid::as_raw).collect();
        groups.push(getegid().as_raw());
        Self { user: geteuid().as_raw(), groups }
    }

    /// The effective user.
    pub(crate) fn user(&self) -> u32 {
        self.user
    }

    pub(crate) fn is_in(&self, group: u32) -> bool {
        self.groups.contains(&group)
    }

    /// Whether this process's user or root owns a file.
    pub(crate) fn trusts_owner(&self, stat: &Stat) -> bool {
        stat.st_uid == 0 || stat.st_uid == self.user
    }

    /// Whether a `chmod` by this process's user can succeed.
    pub(crate) fn may_change_mode(&self, owner: u32) -> bool {
        self.user == owner || self.user == 0
    }
}
