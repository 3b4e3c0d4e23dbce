use super::*;
use crate::doubt::GroupDoubt;
use crate::testing::{BOB, CREDENTIALS, US, allow, as_us, as_user, file, folder, give, link};
use crate::testing::{on_a_machine, pipe, read_only_mount};
use std::os::unix::fs::PermissionsExt;

fn secret(path: &str) -> Result<(), FileError> {
    read_secret(Path::new(path)).map(|bytes| assert_eq!(*bytes, b"hunter2"))
}

fn exposed(result: Result<(), FileError>) -> Exposure {
    match result {
        Err(FileError::Exposed { exposure, .. }) => exposure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_for_its_owner_alone_is_read() {
    on_a_machine(|| {
        for mode in [0o400, 0o600] {
            file("/etc/key", US, US, mode);
            as_us(|| secret("/etc/key")).unwrap();
            file("/etc/roots", 0, 0, mode);
            secret("/etc/roots").unwrap();
        }
        // Another user's, which root could read.
        assert!(matches!(
            secret("/etc/key"),
            Err(FileError::ForeignOwner { owner: US, user: 0, .. })
        ));
    });
}

#[test]
fn a_secret_that_others_may_read_is_refused_with_a_remedy_that_can_be_carried_out() {
    on_a_machine(|| {
        for mode in [0o644, 0o444, 0o604] {
            file("/etc/key", US, US, mode);
            let message = as_us(|| secret("/etc/key")).unwrap_err().to_string();
            assert!(message.contains(&format!("its mode is {mode:04o}, which lets")), "{message}");
            assert!(message.contains("not on a read-only mount"), "{message}");
            assert!(message.contains(&format!("({CREDENTIALS})")), "{message}");
            assert!(message.ends_with("; run: chmod 600 /etc/key"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        file("/etc/key", 0, 0, 0o444);
        let message = as_us(|| secret("/etc/key")).unwrap_err().to_string();
        assert!(!message.contains("chmod") && message.contains("LoadCredential="), "{message}");
        let unset = as_us(|| read(Path::new("/etc/key"), None)).unwrap_err().to_string();
        assert!(unset.contains("there is no $CREDENTIALS_DIRECTORY"), "{unset}");
    });
}

/// A secret as Kubernetes provides it, with `fsGroup` 2000.
fn kubernetes() {
    folder("/secrets", 0, 2000, 0o3777);
    folder("/secrets/..2024_05_01", 0, 2000, 0o2755);
    file("/secrets/..2024_05_01/key", 0, 2000, 0o440);
    link("/secrets/..data", "..2024_05_01", 0);
    link("/secrets/key", "..data/key", 0);
}

#[test]
fn a_secret_of_kubernetes_is_read_by_its_group() {
    on_a_machine(|| {
        kubernetes();
        as_user(US, &[US, 2000], || secret("/secrets/key")).unwrap();
        as_user(US, &[2000], || secret("/secrets/key")).unwrap();
        // Most containers know neither this user nor the group.
        std::fs::remove_file("/etc/passwd").unwrap();
        std::fs::remove_file("/etc/group").unwrap();
        as_user(US, &[0, 2000], || secret("/secrets/key")).unwrap();
    });
}

#[test]
fn a_secret_for_a_group_with_others_is_refused() {
    on_a_machine(|| {
        kubernetes();
        std::fs::write("/etc/group", "team:x:2000:bob\n").unwrap();
        let exposure = exposed(as_user(US, &[US, 2000], || secret("/secrets/key")));
        let bob = GroupDoubt::Shared { group: 2000, with: "bob".to_string() };
        assert_eq!(exposure.group, Some(bob));
        assert_eq!(exposure.path, Path::new("/secrets/..2024_05_01/key"));
        // Root can read it, and is not in the group.
        assert_eq!(exposed(secret("/secrets/key")).group, Some(GroupDoubt::NotOurs(2000)));
        // Without the group, it cannot even be opened.
        assert!(matches!(as_us(|| secret("/secrets/key")), Err(FileError::Open { .. })));
    });
}

#[test]
fn a_secret_of_compose_is_read_from_its_read_only_mount() {
    on_a_machine(|| {
        read_only_mount("/run/secrets", 0o755, 0o444);
        as_us(|| secret("/run/secrets/file")).unwrap();
        link("/etc/key", "/run/secrets/file", 0);
        as_us(|| secret("/etc/key")).unwrap();
        // Whoever may write it can do so where it comes from.
        read_only_mount("/run/writable", 0o755, 0o666);
        let refused = as_us(|| secret("/run/writable/file")).unwrap_err();
        assert!(matches!(refused, FileError::WritableByOthers { .. }), "{refused}");
    });
}

/// Credentials as systemd provides them: for root, with an access control list for the user.
fn systemd(folder_path: &str) {
    folder(folder_path, 0, 0, 0o500);
    allow(folder_path, US, 5);
    let key = format!("{folder_path}/key");
    file(&key, 0, 0, 0o400);
    allow(&key, US, 4);
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o440);
}

#[test]
fn a_credential_of_systemd_is_read() {
    on_a_machine(|| {
        systemd(CREDENTIALS);
        let key = format!("{CREDENTIALS}/key");
        as_us(|| secret(&key)).unwrap();
        link("/etc/key", &key, 0);
        link("/run/linked", "/run/credentials/./", 0);
        as_us(|| secret("/etc/key")).unwrap();
        as_us(|| secret("/run/linked/../credentials/portcullis.service/key")).unwrap();
        // Without the variable, the list could let anybody in.
        let refused = as_us(|| read(Path::new(&key), None)).map(drop);
        assert!(matches!(exposed(refused).group, Some(GroupDoubt::NotOurs(0))));
    });
}

#[test]
fn only_what_lies_below_the_folder_of_credentials_is_one() {
    on_a_machine(|| {
        systemd(CREDENTIALS);
        systemd("/run/credentials/portcullis.service-2");
        systemd("/run/credentials/other");
        link(format!("{CREDENTIALS}/out"), "../other", 0);
        for path in [
            "/run/credentials/portcullis.service-2/key",
            "/run/credentials/portcullis.service/../other/key",
            "/run/credentials/portcullis.service/out/key",
        ] {
            assert_eq!(exposed(as_us(|| secret(path))).mode, 0o440, "{path}");
        }
        let key = format!("{CREDENTIALS}/key");
        let relative = as_us(|| read(Path::new(&key), Some("run/credentials".into()))).map(drop);
        exposed(relative);
        give("/run/credentials", BOB, BOB, 0o755);
        assert!(matches!(as_us(|| secret(&key)), Err(FileError::ForeignOwner { .. })));
    });
}

#[test]
fn a_secret_that_is_no_file_or_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    pipe(&path);
    assert!(matches!(read_secret(&path), Err(FileError::NotRegular { .. })));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, vec![b'x'; 65536]).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(read_secret(&path).unwrap().len(), 65536);
    std::fs::write(&path, vec![b'x'; 65537]).unwrap();
    assert!(matches!(read_secret(&path), Err(FileError::TooLarge { size: 65537, .. })));
}

#[test]
fn a_secret_may_be_a_descriptor_but_not_a_pipe() {
    use std::os::fd::AsRawFd;
    let (reader, _writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    assert!(matches!(read_secret(Path::new(&path)), Err(FileError::NotRegular { .. })));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, b"hunter2").unwrap();
    secret(&format!("/dev/fd/{}", file.as_file().as_raw_fd())).unwrap();
}
