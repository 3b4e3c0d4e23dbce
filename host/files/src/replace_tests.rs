use super::*;
use crate::part::Part;
use crate::secret::read_secret;
use crate::testing::{BOB, US, as_us, file, folder, give, link, on_a_machine, pipe};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Puts a `+` before what the file holds.
fn replace(path: &str) -> Result<(), FileError> {
    let replacement = SecretReplacement::begin(Path::new(path))?;
    let new = [b"+", replacement.old()].concat();
    replacement.finish(&new)
}

/// What is in a folder.
fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = entries.map(|entry| name(entry).into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_secret_is_replaced_as_a_whole_and_keeps_its_owner_and_mode() {
    on_a_machine(|| {
        folder("/srv", US, US, 0o755);
        for mode in [0o600, 0o400] {
            file("/srv/key", US, US, mode);
            let before = std::fs::File::open("/srv/key").unwrap();
            as_us(|| replace("/srv/key")).unwrap();
            assert_eq!(std::fs::read("/srv/key").unwrap(), b"+hunter2");
            let found = std::fs::metadata("/srv/key").unwrap();
            assert_eq!((found.permissions().mode() & 0o7777, found.uid()), (mode, US));
            assert_ne!(before.metadata().unwrap().ino(), found.ino(), "it is another file");
            assert_eq!(names("/srv"), ["key"]);
        }
    });
}

#[test]
fn a_secret_that_is_open_to_others_or_another_users_is_left_alone() {
    on_a_machine(|| {
        folder("/srv", US, US, 0o755);
        for mode in [0o644, 0o640, 0o604, 0o620] {
            file("/srv/key", US, US, mode);
            let error = as_us(|| replace("/srv/key")).unwrap_err();
            assert!(matches!(error, FileError::OpenToOthers { .. }), "{error}");
            assert!(error.to_string().ends_with("run: chmod go-rwx /srv/key"), "{error}");
        }
        file("/tmp/key", US, US, 0o600);
        let error = replace("/tmp/key").unwrap_err();
        assert!(matches!(error, FileError::OtherUser { owner: US, user: 0, .. }), "{error}");
        assert!(error.to_string().ends_with("run this as the user 1234"), "{error}");
        for key in ["/srv/key", "/tmp/key"] {
            assert_eq!(std::fs::read(key).unwrap(), b"hunter2");
        }
        assert_eq!((names("/srv"), names("/tmp")), (vec!["key".into()], vec!["key".into()]));
    });
}

#[test]
fn only_a_regular_file_is_replaced() {
    on_a_machine(|| {
        folder("/srv/folder", US, US, 0o755);
        give("/srv", US, US, 0o755);
        file("/srv/key", US, US, 0o600);
        link("/srv/link", "key", US);
        pipe("/srv/pipe");
        let check = |error: FileError, kind: FileKind| {
            let is_right = matches!(&error, FileError::NotRegular { found, .. } if *found == kind);
            assert!(is_right, "{error}");
        };
        check(as_us(|| replace("/srv/link")).unwrap_err(), FileKind::Link);
        check(as_us(|| replace("/srv/folder")).unwrap_err(), FileKind::Folder);
        check(as_us(|| replace("/srv/pipe")).unwrap_err(), FileKind::Pipe);
        check(replace("/proc/self/fd/0").unwrap_err(), FileKind::Link);
        let missing = as_us(|| replace("/srv/missing")).unwrap_err();
        assert!(matches!(missing, FileError::Open { .. }), "{missing}");
        assert_eq!(names("/srv"), ["folder", "key", "link", "pipe"]);
        assert_eq!(std::fs::read("/srv/key").unwrap(), b"hunter2");
    });
}

#[test]
fn the_folder_must_be_closed_to_others_and_writable() {
    on_a_machine(|| {
        folder("/srv", US, US, 0o777);
        file("/srv/key", US, US, 0o600);
        let error = as_us(|| replace("/srv/key")).unwrap_err();
        let is_right = matches!(error, FileError::WritableByOthers { part: Part::Folder, .. });
        assert!(is_right, "{error}");
        give("/srv", BOB, BOB, 0o755);
        let error = as_us(|| replace("/srv/key")).unwrap_err();
        assert!(matches!(error, FileError::ForeignOwner { .. }), "{error}");
        give("/srv", 0, 0, 0o755);
        let error = as_us(|| replace("/srv/key")).unwrap_err();
        assert!(matches!(error, FileError::Write { .. }), "{error}");
        assert!(error.to_string().starts_with("/srv/key.new cannot be written"), "{error}");
        assert_eq!(names("/srv"), ["key"]);
    });
}

/// A folder with a file for its owner alone.
fn key() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "+").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    (folder, path)
}

#[test]
fn what_is_not_finished_changes_nothing_and_holds_others_off() {
    let (folder, path) = key();
    let text = path.to_str().unwrap();
    let replacement = SecretReplacement::begin(&path).unwrap();
    assert_eq!(replacement.old(), b"+");
    let shown = format!("SecretReplacement {{ path: {path:?}, .. }}");
    assert_eq!(format!("{replacement:?}"), shown, "the secret is not shown");
    let error = replace(text).unwrap_err();
    assert!(matches!(error, FileError::Unfinished { .. }), "{error}");
    assert!(error.to_string().contains(&format!("there is {text}.new")), "{error}");
    let too_large = replacement.finish("+".repeat(65_537).as_bytes()).unwrap_err();
    assert!(matches!(too_large, FileError::TooLarge { .. }), "{too_large}");
    assert_eq!(names(folder.path().to_str().unwrap()), ["key"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"+");
    // A process was killed.
    std::fs::write(folder.path().join("key.new"), "half").unwrap();
    assert!(matches!(replace(text), Err(FileError::Unfinished { .. })));
    assert_eq!(std::fs::read(folder.path().join("key.new")).unwrap(), b"half");
}

#[test]
fn of_many_replacements_at_once_none_is_lost_and_no_reader_sees_a_part() {
    const EACH: usize = 20;
    let (_folder, path) = key();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = 0;
                    while done < EACH {
                        match replace(path.to_str().unwrap()) {
                            Ok(()) => done += 1,
                            Err(FileError::Unfinished { .. }) => std::thread::yield_now(),
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        let mut last = 1;
        while writers.iter().any(|writer| !writer.is_finished()) {
            let read = read_secret(&path).unwrap();
            assert!(read.len() >= last && read.iter().all(|byte| *byte == b'+'));
            last = read.len();
        }
    });
    assert_eq!(std::fs::read(&path).unwrap().len(), 1 + 4 * EACH);
}
