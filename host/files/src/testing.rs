//! A machine for tests: with users, folders and mounts that an ordinary one does not have.

use rustix::fs::{CWD, FileType, Gid, Mode, Uid, XattrFlags, fsetxattr, mknodat};
use rustix::mount::{MountFlags, mount, mount_bind_recursive, mount_remount};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::fs::{DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::process::Command;

/// The variable that tells a test program to run its only test on the machine.
const INSIDE: &str = "PORTCULLIS_TEST_MACHINE";
/// `$CREDENTIALS_DIRECTORY` on the machine.
pub(crate) const CREDENTIALS: &str = "/run/credentials/portcullis.service";
/// A user who is not root.
pub(crate) const US: u32 = 1234;
/// Another one.
pub(crate) const BOB: u32 = 1001;

/// Runs a test as root of a machine of its own: a copy of this program in a mount namespace, with
/// an empty root folder in memory. It has `/proc`, `/dev`, a sticky `/tmp`, and the users root, us
/// (1234) and bob (1001), each with a group of its own.
///
/// A user other than root gets a user namespace, too; its ids come from `/etc/subuid`.
pub(crate) fn on_a_machine<T: Fn()>(test: T) {
    if let Some(root) = std::env::var_os(INSIDE) {
        start(Path::new(&root));
        return test();
    }
    // The closure's name is that of the test, within the crate.
    let name = std::any::type_name::<T>();
    let name = name.trim_start_matches("portcullis_files::").trim_end_matches("::{{closure}}");
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.args(["--map-root-user", "--map-auto"]);
    }
    command.arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]);
    command.env(INSIDE, root.path()).env("CREDENTIALS_DIRECTORY", CREDENTIALS);
    let output = command.output().unwrap();
    let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (printed(&output.stdout), printed(&output.stderr));
    assert!(
        output.status.success() && out.contains("1 passed"),
        "{name} failed in its own namespace (it needs root, or user namespaces with ranges in \
         /etc/subuid):\n{out}\n{err}"
    );
}

fn start(root: &Path) {
    mount("test", root, "tmpfs", MountFlags::empty(), Some(c"mode=0755")).unwrap();
    for name in ["proc", "dev"] {
        std::fs::create_dir(root.join(name)).unwrap();
        mount_bind_recursive(Path::new("/").join(name), root.join(name)).unwrap();
    }
    rustix::process::chroot(root).unwrap();
    std::env::set_current_dir("/").unwrap();
    folder("/tmp", 0, 0, 0o1777);
    write("/etc/passwd", "root:x:0:0::/:\nus:x:1234:1234::/:\nbob:x:1001:1001::/:\n");
    write("/etc/group", "root:x:0:\nus:x:1234:\nbob:x:1001:\n");
}

/// Runs code as another user. The first group is the main one. Only this thread changes its user.
pub(crate) fn as_user<T: Send>(user: u32, groups: &[u32], code: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let groups: Vec<_> = groups.iter().map(|group| Gid::from_raw(*group)).collect();
            set_thread_groups(&groups[1..]).unwrap();
            set_thread_res_gid(groups[0], groups[0], groups[0]).unwrap();
            let user = Uid::from_raw(user);
            set_thread_res_uid(user, user, user).unwrap();
            code()
        });
        other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs code as the user 1234.
pub(crate) fn as_us<T: Send>(code: impl FnOnce() -> T + Send) -> T {
    as_user(US, &[US], code)
}

/// Writes a file of root with the mode 0644, and its folders with the mode 0755.
fn write(path: &str, content: &str) {
    std::fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Writes a file with the content `hunter2`.
pub(crate) fn file(path: impl AsRef<Path>, owner: u32, group: u32, mode: u32) {
    write(path.as_ref().to_str().unwrap(), "hunter2");
    give(path, owner, group, mode);
}

/// Makes a folder, and those above it as root's.
pub(crate) fn folder(path: impl AsRef<Path>, owner: u32, group: u32, mode: u32) {
    DirBuilder::new().recursive(true).mode(0o755).create(&path).unwrap();
    give(path, owner, group, mode);
}

/// Makes a link.
pub(crate) fn link(path: impl AsRef<Path>, target: impl AsRef<Path>, owner: u32) {
    symlink(target, &path).unwrap();
    lchown(path, Some(owner), Some(owner)).unwrap();
}

/// Sets owner, group and mode.
pub(crate) fn give(path: impl AsRef<Path>, owner: u32, group: u32, mode: u32) {
    chown(&path, Some(owner), Some(group)).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
}

/// Makes a folder on a mount of its own, with a file of root, that is then read-only.
pub(crate) fn read_only_mount(path: &str, mode: u32, file_mode: u32) {
    folder(path, 0, 0, 0o755);
    mount("test", path, "tmpfs", MountFlags::empty(), None).unwrap();
    file(Path::new(path).join("file"), 0, 0, file_mode);
    give(path, 0, 0, mode);
    mount_remount(path, MountFlags::RDONLY | MountFlags::BIND, c"").unwrap();
}

/// Gives a user permissions on a file or folder by an access control list, as systemd does. The
/// mode of its group then shows these permissions.
pub(crate) fn allow(path: impl AsRef<Path>, user: u32, permissions: u16) {
    let none = u32::MAX;
    // Owner, the user, group, mask, others: struct posix_acl_xattr_entry of the kernel.
    let entries = [
        (0x01, 4 | permissions, none),
        (0x02, permissions, user),
        (0x04, 0, none),
        (0x10, permissions, none),
        (0x20, 0, none),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        list.extend(u16::to_le_bytes(tag));
        list.extend(u16::to_le_bytes(bits));
        list.extend(u32::to_le_bytes(id));
    }
    let handle = File::open(path).unwrap();
    fsetxattr(&handle, "system.posix_acl_access", &list, XattrFlags::empty()).unwrap();
}

/// Makes a pipe with a name.
pub(crate) fn pipe(path: impl AsRef<Path>) {
    mknodat(CWD, path.as_ref(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
