use super::*;
use crate::testing::{BOB, US, as_us, file, folder, give, link, on_a_machine, pipe};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn audit(path: &str) -> Result<(), FileError> {
    let mut file = append_audit(Path::new(path))?;
    file.write_all(b"+").unwrap();
    Ok(())
}

#[test]
fn a_new_file_is_for_its_owner_alone_and_an_own_one_is_appended_to() {
    on_a_machine(|| {
        folder("/var/log/portcullis", US, US, 0o755);
        let path = "/var/log/portcullis/audit";
        as_us(|| audit(path)).unwrap();
        as_us(|| audit(path)).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"++");
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        // After a rotation.
        std::fs::rename(path, "/var/log/portcullis/audit.1").unwrap();
        as_us(|| audit(path)).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"+");
        assert!(matches!(audit("/var/log/missing/audit"), Err(FileError::Open { .. })));
    });
}

#[test]
fn a_file_of_another_user_or_open_to_others_is_refused_and_left_alone() {
    on_a_machine(|| {
        file("/tmp/audit", BOB, BOB, 0o600);
        let error = audit("/tmp/audit").unwrap_err();
        assert!(matches!(error, FileError::NotOurs { owner: BOB, user: 0, .. }), "{error}");
        give("/tmp/audit", BOB, BOB, 0o666);
        assert!(matches!(as_us(|| audit("/tmp/audit")), Err(FileError::NotOurs { .. })));
        // Root's is not the server's own either, though it could be written.
        give("/tmp/audit", 0, US, 0o660);
        assert!(matches!(as_us(|| audit("/tmp/audit")), Err(FileError::NotOurs { owner: 0, .. })));
        for mode in [0o644, 0o640, 0o620, 0o602] {
            give("/tmp/audit", US, US, mode);
            let error = as_us(|| audit("/tmp/audit")).unwrap_err();
            assert!(matches!(error, FileError::OpenToOthers { .. }), "{error}");
            assert!(error.to_string().ends_with("run: chmod go-rwx /tmp/audit"), "{error}");
        }
        assert_eq!(std::fs::read("/tmp/audit").unwrap(), b"hunter2");
    });
}

#[test]
fn a_link_or_a_second_name_in_its_place_is_refused() {
    on_a_machine(|| {
        folder("/srv", US, US, 0o755);
        file("/srv/target", US, US, 0o600);
        link("/srv/audit", "/srv/target", US);
        link("/srv/dangling", "/srv/new", US);
        for path in ["/srv/audit", "/srv/dangling"] {
            let error = as_us(|| audit(path)).unwrap_err();
            let is_link = matches!(error, FileError::NotRegular { found: FileKind::Link, .. });
            assert!(is_link, "{error}");
        }
        assert!(!Path::new("/srv/new").exists());
        std::fs::hard_link("/srv/target", "/srv/name").unwrap();
        assert!(matches!(as_us(|| audit("/srv/name")), Err(FileError::OtherNames { .. })));
        assert_eq!(std::fs::read("/srv/target").unwrap(), b"hunter2");
    });
}

#[test]
fn folders_must_belong_to_root_or_to_this_user_and_be_closed_to_others() {
    on_a_machine(|| {
        // As with DynamicUser=.
        folder("/var/log/private/portcullis", US, US, 0o755);
        link("/var/log/portcullis", "private/portcullis", 0);
        let path = "/var/log/portcullis/audit";
        // As in Ubuntu, for the group syslog.
        give("/var/log", 0, 4, 0o775);
        as_us(|| audit(path)).unwrap();
        as_us(|| audit("/tmp/audit")).unwrap();
        give("/var/log", 0, 4, 0o777);
        let error = as_us(|| audit(path)).unwrap_err();
        assert!(matches!(error, FileError::WritableByOthers { .. }), "{error}");
        give("/var/log", BOB, BOB, 0o755);
        assert!(matches!(as_us(|| audit(path)), Err(FileError::ForeignOwner { .. })));
        give("/var/log", 0, 0, 0o755);
        std::fs::remove_file("/var/log/portcullis").unwrap();
        link("/var/log/portcullis", "private/portcullis", BOB);
        assert!(matches!(as_us(|| audit(path)), Err(FileError::ForeignOwner { .. })));
        // A folder of this user that a group may write.
        folder("/srv", US, 4, 0o775);
        assert!(matches!(as_us(|| audit("/srv/audit")), Err(FileError::WritableByOthers { .. })));
    });
}

#[test]
fn a_pipe_is_refused_with_and_without_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    pipe(&path);
    let refused = || {
        let error = append_audit(&path).unwrap_err();
        assert!(matches!(error, FileError::NotRegular { found: FileKind::Pipe, .. }), "{error}");
    };
    refused();
    let _reader =
        rustix::fs::open(&path, OFlags::RDONLY | OFlags::NONBLOCK, rustix::fs::Mode::empty());
    refused();
    let error = append_audit(folder.path()).unwrap_err();
    assert!(matches!(error, FileError::NotRegular { found: FileKind::Folder, .. }), "{error}");
}

#[test]
fn devices_are_accepted() {
    audit("/dev/null").unwrap();
    let full = append_audit(Path::new("/dev/full")).unwrap().write_all(b"+").unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn standard_output_and_error_are_what_the_process_was_started_with() {
    const INSIDE: &str = "PORTCULLIS_TEST_STARTED";
    if std::env::var_os(INSIDE).is_some() {
        return write_to_what_it_was_started_with();
    }
    let run = |script: &str| {
        let test = "append::tests::standard_output_and_error_are_what_the_process_was_started_with";
        let output = Command::new("bash")
            .args(["-c", &format!("umask 022; \"$EXE\" --exact {test} --nocapture {script}")])
            .env(INSIDE, "yes")
            .env("EXE", std::env::current_exe().unwrap())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // Pipes.
    let out = run("2>&1");
    assert!(out.contains("1 passed") && out.contains('+'), "{out}");
    // A file of mode 0644 in place of standard error.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let out = run(&format!("2> {}", file.display()));
    assert!(out.contains("1 failed"), "{out}");
    let out = std::fs::read_to_string(&file).unwrap();
    assert!(out.contains("is open to others (mode 644)"), "{out}");
}

fn write_to_what_it_was_started_with() {
    for path in ["/dev/stdout", "/dev/stderr"] {
        audit(path).unwrap_or_else(|error| panic!("{error}"));
    }
    for path in ["/dev/stdin", "/dev/fd/1", "/proc/self/fd/2"] {
        assert!(matches!(audit(path), Err(FileError::NotRegular { .. })), "{path}");
    }
}
