use super::*;
use crate::doubt::GroupDoubt;
use crate::testing::{BOB, US, allow, as_us, as_user, file, folder, give, link, on_a_machine};
use crate::testing::{pipe, read_only_mount};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

fn trusted(path: &str) -> Result<Vec<u8>, FileError> {
    read_trusted(Path::new(path), 1000)
}

/// Reads a file as the user 1234, and returns the message if it is refused.
fn refusal(path: &str) -> Option<String> {
    match as_us(|| trusted(path)) {
        Ok(bytes) => {
            assert_eq!(bytes, b"hunter2");
            None
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with(path) && !message.contains("hunter2"), "{message}");
            Some(message)
        }
    }
}

#[test]
fn files_of_root_and_of_this_user_are_trusted_and_those_of_others_are_not() {
    on_a_machine(|| {
        folder("/etc/portcullis", 0, 0, 0o755);
        file("/etc/portcullis/roots", 0, 0, 0o644);
        file("/etc/portcullis/ours", US, US, 0o600);
        file("/etc/portcullis/bobs", BOB, BOB, 0o644);
        assert_eq!(refusal("/etc/portcullis/roots"), None);
        assert_eq!(refusal("/etc/portcullis/ours"), None);
        let message = refusal("/etc/portcullis/bobs").unwrap();
        assert!(message.contains("the user with the id 1001, to whom the file"), "{message}");
        assert!(message.contains("let root run: chown 1234 /etc/portcullis/bobs"), "{message}");
        // Root trusts only itself.
        assert!(matches!(
            trusted("/etc/portcullis/ours"),
            Err(FileError::ForeignOwner { part: Part::File, owner: US, user: 0, .. })
        ));
    });
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    on_a_machine(|| {
        for mode in [0o666, 0o646, 0o606, 0o664, 0o1666] {
            file("/etc/policy", 0, 0, mode);
            let message = refusal("/etc/policy").unwrap_or_default();
            assert!(message.contains(&format!("the file has the mode {mode:04o}")), "{message}");
            // This user cannot change it.
            assert!(message.contains("let root run: chmod go-w /etc/policy"), "{message}");
        }
        file("/etc/policy", US, US, 0o666);
        assert!(refusal("/etc/policy").unwrap().contains("; run: chmod go-w /etc/policy"));
    });
}

#[test]
fn a_folder_that_others_may_write_is_refused_wherever_it_is() {
    on_a_machine(|| {
        folder("/open/sub", 0, 0, 0o755);
        file("/open/sub/policy", 0, 0, 0o644);
        link("/to-file", "/open/sub/policy", 0);
        link("/to-folder", "open/sub", 0);
        let paths = ["/open/sub/policy", "/to-file", "/to-folder/policy"];
        for path in paths {
            give("/open", 0, 0, 0o755);
            assert_eq!(refusal(path), None);
            for mode in [0o777, 0o757, 0o775] {
                give("/open", 0, 0, mode);
                let message = refusal(path).unwrap_or_default();
                let expected = format!("the folder /open has the mode {mode:04o}");
                assert!(message.contains(&expected), "{message}");
            }
            give("/open", BOB, BOB, 0o755);
            let message = refusal(path).unwrap_or_default();
            assert!(message.contains("1001, to whom the folder /open belongs"), "{message}");
        }
        // A relative path depends on the same folders.
        std::env::set_current_dir("/open/sub").unwrap();
        assert!(refusal("policy").unwrap().contains("the folder /open belongs"));
    });
}

#[test]
fn in_a_sticky_folder_everything_must_belong_to_root_or_to_this_user() {
    on_a_machine(|| {
        folder("/tmp/ours", US, US, 0o755);
        file("/tmp/ours/policy", US, US, 0o644);
        file("/tmp/roots", 0, 0, 0o644);
        file("/tmp/bobs", BOB, BOB, 0o644);
        folder("/tmp/of-bob", BOB, BOB, 0o755);
        file("/tmp/of-bob/policy", US, US, 0o644);
        assert_eq!(refusal("/tmp/ours/policy"), None);
        assert_eq!(refusal("/tmp/roots"), None);
        assert!(refusal("/tmp/bobs").unwrap().contains("the file"));
        assert!(refusal("/tmp/of-bob/policy").unwrap().contains("the folder /tmp/of-bob"));
        // Its owner may change a sticky folder.
        give("/tmp", BOB, BOB, 0o1777);
        assert!(refusal("/tmp/ours/policy").unwrap().contains("the folder /tmp belongs"));
    });
}

#[test]
fn what_a_group_may_write_is_trusted_if_nobody_else_is_in_it() {
    on_a_machine(|| {
        folder("/home/us", US, US, 0o775);
        file("/home/us/policy", US, US, 0o664);
        assert_eq!(refusal("/home/us/policy"), None);

        let doubt = |groups: &[u32]| match as_user(US, groups, || trusted("/home/us/policy")) {
            Err(FileError::WritableByOthers { group, .. }) => group,
            other => panic!("{other:?}"),
        };
        assert_eq!(doubt(&[50]), Some(GroupDoubt::NotOurs(US)));
        std::fs::write("/etc/group", "us:x:1234:us,bob\n").unwrap();
        let shared = || Some(GroupDoubt::Shared { group: US, with: "bob".to_string() });
        assert_eq!(doubt(&[US]), shared());
        std::fs::write("/etc/group", "").unwrap();
        std::fs::write("/etc/passwd", "us:x:1234:1234::/:\nbob:x:1001:1234::/:\n").unwrap();
        assert_eq!(doubt(&[US]), shared());
        std::fs::remove_file("/etc/passwd").unwrap();
        assert_eq!(refusal("/home/us/policy"), None);
        give("/home/us/policy", US, 65534, 0o664);
        assert_eq!(doubt(&[US, 65534]), Some(GroupDoubt::Nogroup));

        // The group is ours; the list lets bob in.
        file("/home/us/listed", US, US, 0o600);
        allow("/home/us/listed", BOB, 6);
        let message = refusal("/home/us/listed").unwrap_or_default();
        assert!(message.contains("it has an access control list"), "{message}");
    });
}

#[test]
fn a_folder_on_a_read_only_mount_may_have_any_mode_and_a_file_may_not() {
    on_a_machine(|| {
        // As Kubernetes mounts a ConfigMap.
        read_only_mount("/etc/config", 0o777, 0o644);
        assert_eq!(refusal("/etc/config/file"), None);
        read_only_mount("/etc/other", 0o777, 0o666);
        assert!(refusal("/etc/other/file").unwrap().contains("the file"));
    });
}

#[test]
fn what_is_not_a_file_is_refused_at_once() {
    on_a_machine(|| {
        pipe("/etc/pipe");
        for (path, kind) in [
            ("/etc/pipe", FileKind::Pipe),
            ("/etc", FileKind::Folder),
            ("/", FileKind::Folder),
            ("/proc/self/cwd", FileKind::Folder),
            ("/dev/zero", FileKind::CharacterDevice),
        ] {
            match trusted(path).unwrap_err() {
                FileError::NotRegular { found, .. } => assert_eq!(found, kind, "{path}"),
                error => panic!("{error}"),
            }
        }
        let missing = trusted("/etc/missing").unwrap_err();
        assert!(matches!(&missing, FileError::Open { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound));
    });
}

#[test]
fn the_pipe_of_a_descriptor_is_read_to_its_end() {
    for place in ["/proc/self/fd", "/dev/fd"] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = format!("{place}/{}", reader.as_raw_fd());
        let writing = std::thread::spawn(move || {
            for part in ["hun", "ter", "2"] {
                std::thread::sleep(Duration::from_millis(20));
                writer.write_all(part.as_bytes()).unwrap();
            }
        });
        assert_eq!(trusted(&path).unwrap(), b"hunter2");
        writing.join().unwrap();
        // The second time, it would wait for ever, or be an empty policy.
        let error = trusted(&path).unwrap_err();
        assert!(matches!(error, FileError::EmptyPipe { .. }), "{error}");
    }
}

#[test]
fn an_endless_pipe_is_read_up_to_the_limit() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'x'; 1001]).unwrap();
    let error = trusted(&format!("/proc/self/fd/{}", reader.as_raw_fd())).unwrap_err();
    assert!(matches!(error, FileError::TooLarge { max: 1000, .. }), "{error}");
}

#[test]
fn a_shell_can_pass_a_program_or_a_document_as_a_file() {
    if let Ok(path) = std::env::var("PASSED") {
        assert_eq!(trusted(&path).unwrap(), b"hunter2\n");
        return;
    }
    let read = |script: &str| {
        let output = std::process::Command::new("bash")
            .args(["-c", script])
            .env("EXE", std::env::current_exe().unwrap())
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(out.contains("1 passed"), "{script}: {out}");
    };
    let name = "trusted::tests::a_shell_can_pass_a_program_or_a_document_as_a_file";
    let test = format!("\"$EXE\" --exact {name}");
    read(&format!("PASSED=/dev/stdin {test} <<< hunter2"));
    read(&format!("echo hunter2 | PASSED=/dev/stdin {test}"));
    read(&format!("pass() {{ PASSED=$1 {test}; }}; pass <(sleep 0.1; echo hunter2)"));
}

#[test]
fn what_a_descriptor_stands_for_must_be_trusted() {
    on_a_machine(|| {
        let (reader, _writer) = as_user(BOB, &[BOB], || std::io::pipe().unwrap());
        let started = Instant::now();
        let error = trusted(&format!("/proc/self/fd/{}", reader.as_raw_fd())).unwrap_err();
        let expected =
            matches!(error, FileError::ForeignOwner { part: Part::Pipe, owner: BOB, .. });
        assert!(expected && started.elapsed() < Duration::from_secs(5), "{error}");

        for (owner, mode, is_trusted) in [(0, 0o644, true), (0, 0o666, false), (BOB, 0o600, false)]
        {
            file("/policy", owner, owner, mode);
            let file = File::open("/policy").unwrap();
            // As a shell's document: it has no name any more.
            std::fs::remove_file("/policy").unwrap();
            let read = trusted(&format!("/dev/fd/{}", file.as_raw_fd()));
            assert_eq!(read.is_ok(), is_trusted, "{read:?}");
        }
        // A folder's descriptor is a link like others: the path is followed.
        folder("/open", 0, 0, 0o777);
        file("/open/policy", 0, 0, 0o644);
        let folder = File::open("/open").unwrap();
        let error = trusted(&format!("/proc/self/fd/{}/policy", folder.as_raw_fd())).unwrap_err();
        assert!(matches!(error, FileError::WritableByOthers { part: Part::Folder, .. }), "{error}");
    });
}
