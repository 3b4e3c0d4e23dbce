use super::*;
use crate::testing::{BOB, as_us, file, folder, link, on_a_machine};

fn follow(path: &str) -> Result<PathBuf, FileError> {
    let found = walk(&Us::now(), Path::new(path), Way::TRUSTED)?;
    assert!(found.stat.is_some() || !found.at.exists());
    Ok(found.at)
}

#[test]
fn paths_end_where_the_kernels_end() {
    on_a_machine(|| {
        folder("/a/b/c", 0, 0, 0o755);
        file("/a/file", 0, 0, 0o644);
        link("/a/b/up", "../file", 0);
        link("/a/b/c/root", "/", 0);
        link("/a/folder", "b/c/", 0);
        link("/a/b/c/chain", "../../folder/../up", 0);
        for path in [
            "/a/file",
            "//a/./b//../file",
            "/a/b/up",
            "/a/b/c/root/a/file",
            "/a/folder/chain",
            "/a/folder/../up",
            "/../../a/file",
        ] {
            assert_eq!(follow(path).unwrap(), std::fs::canonicalize(path).unwrap(), "{path}");
            assert_eq!(follow(path).unwrap(), Path::new("/a/file"), "{path}");
        }
        std::env::set_current_dir("/a/b").unwrap();
        assert_eq!(follow("c/chain").unwrap(), Path::new("/a/file"));
        assert_eq!(follow("/a/missing").unwrap(), Path::new("/a/missing"));
        for path in ["", "/a/missing/file", "/a/file/more", "/a/file/.."] {
            assert!(matches!(follow(path), Err(FileError::Open { .. })), "{path}");
        }
        assert!(std::fs::metadata("/a/file/..").is_err());
    });
}

#[test]
fn forty_links_are_followed_and_no_more() {
    on_a_machine(|| {
        file("/l/0", 0, 0, 0o644);
        for number in 1..=41 {
            link(format!("/l/{number}"), (number - 1).to_string(), 0);
        }
        assert_eq!(follow("/l/40").unwrap(), Path::new("/l/0"));
        assert!(std::fs::metadata("/l/40").is_ok() && std::fs::metadata("/l/41").is_err());
        let error = follow("/l/41").unwrap_err();
        assert!(matches!(error, FileError::TooManyLinks { max: 40, .. }), "{error}");
        link("/loop", "/loop", 0);
        link("/one", "two", 0);
        link("/two", "one/more", 0);
        for path in ["/loop", "/one", "/two", "/loop/more"] {
            assert!(matches!(follow(path), Err(FileError::TooManyLinks { .. })), "{path}");
        }
    });
}

#[test]
fn a_link_of_another_user_is_not_followed() {
    on_a_machine(|| {
        file("/etc/policy", 0, 0, 0o644);
        link("/tmp/policy", "/etc/policy", BOB);
        link("/tmp/etc", "/etc", BOB);
        link("/tmp/own", "/etc/policy", 1234);
        for path in ["/tmp/policy", "/tmp/etc/policy"] {
            let error = as_us(|| follow(path)).unwrap_err();
            let at = path.strip_suffix("/policy").filter(|at| *at != "/tmp").unwrap_or(path);
            assert!(
                matches!(
                    &error,
                    FileError::ForeignOwner { part: Part::Link, owner: BOB, at: found, .. }
                        if found == Path::new(at)
                ),
                "{error}"
            );
        }
        assert_eq!(as_us(|| follow("/tmp/own")).unwrap(), Path::new("/etc/policy"));
        // Root does not trust it.
        assert!(matches!(follow("/tmp/own"), Err(FileError::ForeignOwner { .. })));
    });
}
