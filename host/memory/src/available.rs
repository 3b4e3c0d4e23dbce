//! How much memory a process may use: what its control groups, its resource limits and the machine
//! allow.

use std::path::Path;

/// The memory that this process may use, in bytes: the smallest of the machine's memory, the limits
/// of its control groups, and its own resource limits (`RLIMIT_AS` and `RLIMIT_DATA`). `None` if
/// the operating system does not say.
#[must_use]
pub fn available() -> Option<u64> {
    [machine(Path::new("/proc/meminfo")), control_groups(Path::new("/")), resource_limits()]
        .into_iter()
        .flatten()
        .min()
}

/// The memory of the machine. <https://docs.kernel.org/filesystems/proc.html#meminfo>
fn machine(meminfo: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(meminfo).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The smallest limit of the control groups that contain this process.
/// <https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files>
fn control_groups(root: &Path) -> Option<u64> {
    let groups = std::fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    // `0::/path` in version 2, `9:memory:/path` in version 1.
    let limits = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        smallest(&root.join(mount), path, file)
    });
    limits.min()
}

/// The smallest limit of a group and of the groups around it. In a container, the path may be that
/// of the machine, and only the mounted group exists.
fn smallest(mount: &Path, path: &str, file: &str) -> Option<u64> {
    let path = Path::new(path.trim_start_matches('/'));
    let is_plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let path = if is_plain { path } else { Path::new("") };
    // The word `max` means that there is no limit.
    let limit = |group: &Path| {
        std::fs::read_to_string(mount.join(group).join(file)).ok()?.trim().parse::<u64>().ok()
    };
    path.ancestors().filter_map(limit).min()
}

#[cfg(unix)]
fn resource_limits() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    [Resource::As, Resource::Data].into_iter().filter_map(|kind| getrlimit(kind).current).min()
}

#[cfg(not(unix))]
fn resource_limits() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with files, instead of the root folder.
    fn root(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("memory-{name}-{}", std::process::id()));
        for (file, text) in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn smallest_limit_on_the_path_of_the_group_counts() {
        let root = root(
            "v2",
            &[
                ("proc/self/cgroup", "0::/a/b\n"),
                ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                ("sys/fs/cgroup/a/memory.max", "1048576\n"),
                ("sys/fs/cgroup/memory.max", "2097152\n"),
            ],
        );
        assert_eq!(control_groups(&root), Some(1_048_576));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn mounted_group_counts_if_the_path_is_outside_the_container() {
        let files = [("proc/self/cgroup", "0::/../x\n"), ("sys/fs/cgroup/memory.max", "4096\n")];
        let root = root("container", &files);
        assert_eq!(control_groups(&root), Some(4096));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn first_version_of_control_groups_is_read() {
        let root = root(
            "v1",
            &[
                ("proc/self/cgroup", "3:cpu:/x\n2:memory:/a\n"),
                ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "8192\n"),
            ],
        );
        assert_eq!(control_groups(&root), Some(8192));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn memory_of_the_machine_is_read() {
        let root = root("machine", &[("meminfo", "MemTotal:       24684112 kB\nMemFree: 1 kB\n")]);
        assert_eq!(machine(&root.join("meminfo")), Some(24_684_112 * 1024));
        assert_eq!(machine(&root.join("missing")), None);
        fs::remove_dir_all(root).unwrap();
    }
}
