//! Whether a group is this process's own and nobody else's.

use crate::doubt::{GroupDoubt, NOGROUP};
use crate::error::FileError;
use crate::untrusted::read_untrusted;
use crate::us::Us;
use rustix::fd::AsFd;
use rustix::fs::{Stat, fgetxattr};
use rustix::io::Errno;
use std::path::Path;

/// The most bytes of the list of users or groups: 16 MiB are some 200,000 users.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Why the group of an open file or folder may let others in; none if it is this process's own and
/// nobody else's.
pub(crate) fn doubt(us: &Us, handle: impl AsFd, stat: &Stat) -> Option<GroupDoubt> {
    let group = stat.st_gid;
    if group == NOGROUP {
        return Some(GroupDoubt::Nogroup);
    }
    if !us.is_in(group) {
        return Some(GroupDoubt::NotOurs(group));
    }
    match fgetxattr(handle, "system.posix_acl_access", &mut [0_u8; 0]) {
        Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
        _ => return Some(GroupDoubt::AccessList),
    }
    let (Some(users), Some(groups)) = (list("/etc/passwd"), list("/etc/group")) else {
        return Some(GroupDoubt::Unknown);
    };
    other_member(us.user(), group, &users, &groups)
        .map(|with| GroupDoubt::Shared { group, with: with.to_string() })
}

/// A list of users or groups. It is empty if there is none.
fn list(path: &str) -> Option<String> {
    match read_untrusted(Path::new(path), MAX_LIST_BYTES) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(FileError::Open { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Some(String::new())
        }
        Err(_) => None,
    }
}

/// The name of a user other than root and `user` who is in the group.
fn other_member<'t>(user: u32, group: u32, users: &'t str, groups: &'t str) -> Option<&'t str> {
    // name:password:user:group:…
    let users = || {
        users.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let id: u32 = fields.nth(1)?.parse().ok()?;
            let main_group: u32 = fields.next()?.parse().ok()?;
            Some((name, id, main_group))
        })
    };
    let is_other = |id: u32| id != user && id != 0;
    // name:password:group:member,member
    let members = groups.lines().filter_map(|line| {
        let mut fields = line.split(':').skip(2);
        let id: u32 = fields.next()?.parse().ok()?;
        (id == group).then(|| fields.next().unwrap_or_default().split(','))
    });
    let main = users().find(|(_, id, main)| *main == group && is_other(*id));
    main.map(|(name, ..)| name).or_else(|| {
        members
            .flatten()
            .map(str::trim)
            .filter(|member| !member.is_empty())
            .find(|member| !users().any(|(name, id, _)| name == *member && !is_other(id)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nus:x:1234:1234::/:/bin/sh\n\
                         us-again:x:1234:50::/:/bin/sh\nbob:x:1001:100::/:/bin/sh\n+\n";

    #[test]
    fn a_group_of_one_user_is_nobody_elses() {
        assert_eq!(other_member(1234, 1234, USERS, "us:x:1234:\n"), None);
        assert_eq!(other_member(1234, 1234, USERS, "us:x:1234:us,root, us-again ,\n"), None);
        assert_eq!(other_member(1234, 1234, "", ""), None);
    }

    #[test]
    fn a_user_whose_main_group_it_is_shares_it() {
        assert_eq!(other_member(1234, 100, USERS, ""), Some("bob"));
        assert_eq!(other_member(1001, 100, USERS, ""), None);
    }

    #[test]
    fn a_listed_member_shares_it_even_if_unknown() {
        assert_eq!(other_member(1234, 7, USERS, "g:x:7:us,bob\n"), Some("bob"));
        assert_eq!(other_member(1234, 7, USERS, "g:x:7:\nagain:x:7:eve\n"), Some("eve"));
        assert_eq!(other_member(1234, 7, USERS, "g:x:8:eve\nbroken\n"), None);
    }
}
