use super::*;
use crate::testing::pipe;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn files_of_anybody_are_read_through_links_up_to_their_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings");
    std::fs::write(&path, "hunter2").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert_eq!(read_untrusted(&link, 7).unwrap(), b"hunter2");
    let error = read_untrusted(&path, 6).unwrap_err();
    assert!(matches!(error, FileError::TooLarge { size: 7, max: 6, .. }), "{error}");
    std::fs::write(&path, "").unwrap();
    assert_eq!(read_untrusted(&path, 0).unwrap(), b"");
}

#[test]
fn pipes_folders_and_devices_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("pipe");
    pipe(&fifo);
    let expected = [
        (fifo.as_path(), FileKind::Pipe),
        (folder.path(), FileKind::Folder),
        (Path::new("/dev/zero"), FileKind::CharacterDevice),
    ];
    for (path, kind) in expected {
        let error = read_untrusted(path, 1_000_000).unwrap_err();
        assert!(matches!(error, FileError::NotRegular { found, .. } if found == kind), "{error}");
    }
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(matches!(read_untrusted(&socket, 10), Err(FileError::Open { .. })));
}

#[test]
fn a_large_file_is_refused_without_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    std::fs::File::create(&path).unwrap().set_len(3 << 30).unwrap();
    // What is read up to the limit would report one byte more than the limit.
    let error = read_untrusted(&path, 4 << 20).unwrap_err();
    assert!(matches!(error, FileError::TooLarge { size, .. } if size == 3 << 30), "{error}");
}

#[test]
fn an_endless_file_that_reports_no_size_is_read_up_to_the_limit() {
    // 256 GB, of which it reports none.
    let pages = Path::new("/proc/self/pagemap");
    assert_eq!(std::fs::metadata(pages).unwrap().len(), 0);
    // It can be read in units of eight bytes only, and one byte more than the limit is read.
    let error = read_untrusted(pages, (1 << 20) - 1).unwrap_err();
    assert!(matches!(error, FileError::TooLarge { size, .. } if size == 1 << 20), "{error}");
    let status = read_untrusted(Path::new("/proc/self/status"), 1 << 20).unwrap();
    assert!(status.starts_with(b"Name:"));
}

#[test]
fn a_file_that_is_swapped_with_a_pipe_never_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let [path, next] = ["settings", "next"].map(|name| folder.path().join(name));
    let [good, fifo] = ["good", "pipe"].map(|name| folder.path().join(name));
    std::fs::write(&good, "hunter2").unwrap();
    pipe(&fifo);
    std::fs::hard_link(&good, &path).unwrap();
    let is_over = AtomicBool::new(false);
    let (mut read, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for source in [&fifo, &good] {
                    std::fs::hard_link(source, &next).unwrap();
                    std::fs::rename(&next, &path).unwrap();
                    // Two names of one file: the rename may have done nothing.
                    let _ = std::fs::remove_file(&next);
                }
            }
        });
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while (read < 1000 || refused < 1000) && std::time::Instant::now() < end {
            match read_untrusted(&path, 100) {
                Ok(bytes) => {
                    assert_eq!(bytes, b"hunter2");
                    read += 1;
                }
                Err(FileError::NotRegular { found: FileKind::Pipe, .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}
