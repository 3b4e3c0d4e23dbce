//! Checks a file before dynoxide opens it, since dynoxide creates and changes what it opens.

use dynoxide::Database;
use portcullis_files::FileError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Why a database cannot be opened. The file is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file does not exist, or is empty, and was not to be created.
    #[error(
        "there is no local database in {}; check the path, or create it with an action that \
         writes, such as CreateTable",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file is something else.
    #[error(
        "{} is not a database; name a file that the local mode created, or one that does not \
         exist yet",
        .0.display()
    )]
    NotDatabase(PathBuf),
    /// The file is a database, and not one of the local mode.
    #[error(
        "{} is an SQLite database of another program; name a file that the local mode created, or \
         one that does not exist yet",
        .0.display()
    )]
    Foreign(PathBuf),
    /// The path has bytes that are not UTF-8, which the database cannot open.
    #[error("{} is not UTF-8; rename the file", .0.display())]
    Path(PathBuf),
    /// The file cannot be read.
    #[error("the local database cannot be read: {0}")]
    File(#[from] FileError),
    /// The database cannot be opened or created.
    #[error("the local database {} cannot be opened: {reason}", file.display())]
    Failed {
        /// The file, or `in memory`.
        file: PathBuf,
        /// The reason, in the words of the database.
        reason: String,
    },
}

/// Opens the database in `file`, or an empty one in memory.
pub(crate) fn open(file: Option<&Path>, create: bool) -> Result<Database, OpenError> {
    let Some(file) = file else {
        return Database::memory().map_err(|error| failed(Path::new("in memory"), &error));
    };
    let path = absolute(file)?;
    match std::fs::metadata(file) {
        Ok(found) if found.is_file() && found.len() == 0 && create => {}
        Ok(found) if found.is_file() && found.len() == 0 => {
            return Err(OpenError::Missing(file.to_path_buf()));
        }
        Ok(_) => check(file, &path)?,
        Err(error) if error.kind() == ErrorKind::NotFound && create => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(OpenError::Missing(file.to_path_buf()));
        }
        Err(source) => {
            return Err(FileError::Open { path: file.to_path_buf(), source }.into());
        }
    }
    Database::new(&path).map_err(|error| failed(file, &error))
}

fn failed(file: &Path, reason: &dyn ToString) -> OpenError {
    OpenError::Failed { file: file.to_path_buf(), reason: reason.to_string() }
}

/// The path as SQLite takes it for a path: `file:x` would be a URL, `:memory:` no file.
fn absolute(file: &Path) -> Result<String, OpenError> {
    let failed = |source| FileError::Open { path: file.to_path_buf(), source };
    let path = std::path::absolute(file).map_err(failed)?;
    path.into_os_string().into_string().map_err(|_| OpenError::Path(file.to_path_buf()))
}

/// The first bytes of a database: <https://www.sqlite.org/fileformat.html#the_database_header>
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Checks that a file is a database that dynoxide created.
fn check(file: &Path, path: &str) -> Result<(), OpenError> {
    // Refuses a folder or a pipe, on which SQLite would wait.
    let mut start = [0; MAGIC.len()];
    let opened = portcullis_files::open_untrusted(file)?;
    // SQLite takes a file that is smaller than a page for an empty database.
    if (&opened).read_exact(&mut start).is_err() || &start != MAGIC {
        return Err(OpenError::NotDatabase(file.to_path_buf()));
    }
    drop(opened);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let counts = Connection::open_with_flags(path, flags).and_then(|database| {
        let sql =
            "SELECT count(*), count(CASE WHEN name = '_tables' THEN 1 END) FROM sqlite_schema";
        database.query_row(sql, [], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)))
    });
    match counts {
        Ok((entries, ours)) if entries > 0 && ours == 0 => {
            Err(OpenError::Foreign(file.to_path_buf()))
        }
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(OpenError::NotDatabase(file.to_path_buf()))
        }
        Err(error) => Err(failed(file, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{OpenError, open};
    use std::fs;

    /// Starts as a database does.
    const TINY: &str = "SQLite format 3\0 and nothing else";

    #[test]
    fn a_file_that_is_not_a_database_is_named_and_unchanged() {
        let folder = tempfile::tempdir().expect("a folder can be created");
        for text in ["{\"Items\": []}", "x", &"SQLite format 2\0".repeat(100), TINY] {
            let file = folder.path().join("data.json");
            fs::write(&file, text).expect("the file can be written");
            for create in [false, true] {
                let error = open(Some(&file), create).err().expect("it is not a database");
                assert!(matches!(error, OpenError::NotDatabase(_)), "{error}");
                let told = error.to_string();
                assert!(told.contains("data.json is not a database"), "{told}");
                assert_eq!(fs::read_to_string(&file).expect("it is still there"), text);
            }
        }
        assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 1);
    }

    #[test]
    fn a_database_of_another_program_is_not_changed() {
        let folder = tempfile::tempdir().expect("a folder can be created");
        let file = folder.path().join("places.sqlite");
        let other = rusqlite::Connection::open(&file).expect("a database can be created");
        other.execute_batch("CREATE TABLE places (url TEXT)").expect("a table can be created");
        drop(other);
        let before = fs::read(&file).expect("it can be read");
        let error = open(Some(&file), true).err().expect("it belongs to another program");
        assert!(matches!(error, OpenError::Foreign(_)), "{error}");
        assert_eq!(fs::read(&file).expect("it can be read"), before);
    }

    #[test]
    fn a_missing_file_is_created_only_if_asked() {
        let folder = tempfile::tempdir().expect("a folder can be created");
        let file = folder.path().join("data.db");
        assert!(matches!(open(Some(&file), false), Err(OpenError::Missing(_))));
        assert!(!file.exists());
        drop(open(Some(&file), true).expect("it is created"));
        drop(open(Some(&file), false).expect("now it exists"));
        fs::write(&file, "").expect("the file can be written");
        assert!(matches!(open(Some(&file), false), Err(OpenError::Missing(_))));
        assert_eq!(fs::metadata(&file).expect("it exists").len(), 0);
    }

    #[test]
    fn a_folder_and_a_pipe_are_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder can be created");
        assert!(matches!(open(Some(folder.path()), true), Err(OpenError::File(_))));
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo runs").success());
        assert!(matches!(open(Some(&pipe), true), Err(OpenError::File(_))));
        let below = pipe.join("data.db");
        assert!(matches!(open(Some(&below), true), Err(OpenError::File(_))));
    }

    #[test]
    fn names_with_a_meaning_for_sqlite_are_files() {
        let folder = tempfile::tempdir().expect("a folder can be created");
        // Relative to the current folder they would be a URL and no file at all.
        for name in ["file:x?mode=memory", ":memory:"] {
            let path = super::absolute(std::path::Path::new(name)).expect("they are UTF-8");
            assert!(path.starts_with('/') && path.ends_with(name), "{path}");
        }
        let file = folder.path().join("file:x?mode=memory");
        drop(open(Some(&file), true).expect("it is created"));
        assert!(file.exists());
    }
}
