//! A store in a file, by SQLite.

use crate::name::DatasourceName;
use crate::saved::{Draft, Entry, Listed, Saved};
use crate::seal::{KEY_ID_BYTES, KeyId, Sealed};
use crate::store::{Decide, Given, Store, StoreError, Whose};
use parking_lot::Mutex;
use portcullis_policy::TenantName;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A store in a file. A server that uses one holds its [`StoreLock`](crate::StoreLock).
pub struct SqliteStore {
    path: PathBuf,
    /// Which file it is, on systems that tell.
    file: Option<FileId>,
    connection: Mutex<Connection>,
}

/// The device and the number of a file.
type FileId = (u64, u64);

/// Says that a file is such a store: `pcst`. <https://www.sqlite.org/pragma.html#pragma_application_id>
const APPLICATION: i64 = 0x7063_7374;
/// The format of the tables.
const FORMAT: i64 = 1;
/// How long to wait for another process that holds the file: longer than a backup takes to copy some
/// megabytes.
const BUSY: Duration = Duration::from_secs(5);

/// `last` is the last version that was given to a datasource, so that none is given twice.
const TABLES: &str = "
    CREATE TABLE datasource (
        name TEXT PRIMARY KEY NOT NULL,
        template TEXT NOT NULL,
        tenant TEXT NOT NULL,
        settings TEXT NOT NULL,
        version INTEGER NOT NULL,
        created INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        sealed BLOB,
        secret_since INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX of_tenant ON datasource (tenant, name);
    CREATE TABLE last (version INTEGER NOT NULL) STRICT;
    INSERT INTO last VALUES (0);
";

const COLUMNS: &str =
    "name, template, tenant, settings, version, created, changed, sealed, secret_since";

impl SqliteStore {
    /// Creates an empty store, which only its owner can read.
    ///
    /// # Errors
    /// Returns an error if there is a file already, or if none can be created.
    pub fn create(path: &Path) -> Result<(), StoreError> {
        check_folder(path)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(StoreError::Exists);
            }
            Err(error) => return Err(StoreError::Io(error.to_string())),
        }
        let connection = connect(path)?;
        configure(&connection)?;
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION}; \
                 PRAGMA user_version = {FORMAT}; COMMIT;"
            ))
            .map_err(failed)
    }

    /// Opens a store. Nothing is written.
    ///
    /// # Errors
    /// Returns an error if there is none, or if the file is something else, is damaged, or has
    /// another format.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = file_id(path)?;
        check_exposure(path)?;
        check_folder(path)?;
        let connection = connect(path)?;
        let number = |pragma: &str| -> Result<i64, StoreError> {
            connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).map_err(failed)
        };
        if number("application_id")? != APPLICATION {
            return Err(StoreError::Corrupt("it has another purpose".to_string()));
        }
        let found = number("user_version")?;
        if found != FORMAT {
            return Err(StoreError::Format { found, expected: FORMAT });
        }
        let check: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if check != "ok" {
            return Err(StoreError::Corrupt(check.chars().take(200).collect()));
        }
        configure(&connection)?;
        Ok(Self { path: path.to_path_buf(), file, connection: Mutex::new(connection) })
    }

    /// Checks that the file is still the one that was opened: somebody may have moved it away or
    /// restored a backup, and what is written then would be lost.
    fn check_file(&self) -> Result<(), StoreError> {
        if file_id(&self.path)? == self.file { Ok(()) } else { Err(StoreError::Replaced) }
    }
}

fn file_id(path: &Path) -> Result<Option<FileId>, StoreError> {
    let found = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => StoreError::Missing,
        _ => StoreError::Io(error.to_string()),
    })?;
    if found.is_dir() {
        return Err(StoreError::Folder);
    }
    #[cfg(unix)]
    return Ok(Some((
        std::os::unix::fs::MetadataExt::dev(&found),
        std::os::unix::fs::MetadataExt::ino(&found),
    )));
    #[cfg(not(unix))]
    Ok(found.is_file().then_some((0, 0)))
}

/// What anybody but the owner may do.
#[cfg(unix)]
const OTHERS: u32 = 0o077;
/// In such a folder anybody can put a journal beside the store, which SQLite would play into it.
#[cfg(unix)]
const WRITABLE_BY_ALL: u32 = 0o002;

#[cfg(unix)]
fn check_exposure(path: &Path) -> Result<(), StoreError> {
    let found = std::fs::metadata(path).map_err(|error| StoreError::Io(error.to_string()))?;
    let mode = std::os::unix::fs::MetadataExt::mode(&found);
    if mode & OTHERS == 0 { Ok(()) } else { Err(StoreError::Exposed) }
}

#[cfg(unix)]
fn check_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::metadata(folder.unwrap_or(Path::new(".")));
    let folder = folder.map_err(|error| StoreError::Io(error.to_string()))?;
    let mode = std::os::unix::fs::MetadataExt::mode(&folder);
    if mode & WRITABLE_BY_ALL == 0 { Ok(()) } else { Err(StoreError::SharedFolder) }
}

#[cfg(not(unix))]
fn check_exposure(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(not(unix))]
fn check_folder(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    // Without the flag that creates files.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    Ok(connection)
}

/// Sets how a store is written. This writes to a file that is no store yet.
fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(
            // No write-ahead log: one that stays behind would be played into a backup that is put in
            // the place of the store.
            // EXTRA: else a journal that was removed may be there again after a power failure, and a
            // change that was confirmed would be undone.
            "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA trusted_schema = OFF; \
             PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON;",
        )
        .map_err(failed)
}

impl Store for SqliteStore {
    fn get(&self, name: &DatasourceName) -> Result<Option<Saved>, StoreError> {
        self.check_file()?;
        read(&self.connection.lock(), name)
    }

    fn put(&self, draft: &Draft, decide: Decide<'_>) -> Result<Saved, StoreError> {
        self.check_file()?;
        let mut connection = self.connection.lock();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(failed)?;
        let before = read(&transaction, &draft.name)?;
        if before.is_none() {
            check_count(&transaction, draft)?;
        }
        let version: i64 = transaction
            .query_row(
                "UPDATE last SET version = max(version + 1, ?1) RETURNING version",
                [milliseconds()],
                |row| row.get(0),
            )
            .map_err(failed)?;
        let secret = decide(&draft.sealing(version.unsigned_abs()), before.as_ref())?;
        let now = now();
        let since_before = before.as_ref().and_then(|before| before.secret_since);
        let (sealed, secret_since) = match secret {
            None => (None, None),
            Some((sealed, Given::Now)) => (Some(sealed), Some(now)),
            Some((sealed, Given::Before)) => (Some(sealed), since_before),
        };
        let saved = Saved {
            name: draft.name.clone(),
            template: draft.template.clone(),
            tenant: draft.tenant.clone(),
            settings: draft.settings.clone(),
            version: version.unsigned_abs(),
            created: before.as_ref().map_or(now, |before| before.created),
            changed: now,
            sealed,
            secret_since,
        };
        transaction
            .execute(
                "INSERT OR REPLACE INTO datasource VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    saved.name.as_str(),
                    saved.template,
                    saved.tenant.as_ref().map_or("", TenantName::as_str),
                    saved.settings,
                    version,
                    saved.created.cast_signed(),
                    saved.changed.cast_signed(),
                    saved.sealed.as_ref().map(Sealed::bytes),
                    saved.secret_since.map(u64::cast_signed),
                ],
            )
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(saved)
    }

    fn delete(
        &self,
        name: &DatasourceName,
        decide: &dyn Fn(&Saved) -> Result<(), StoreError>,
    ) -> Result<Option<Saved>, StoreError> {
        self.check_file()?;
        let mut connection = self.connection.lock();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(failed)?;
        let Some(before) = read(&transaction, name)? else { return Ok(None) };
        decide(&before)?;
        transaction
            .execute("DELETE FROM datasource WHERE name = ?1", [name.as_str()])
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Some(before))
    }

    fn list(
        &self,
        whose: Whose<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.check_file()?;
        let (condition, tenant) = match whose {
            Whose::All => ("?3 = ''", ""),
            Whose::Tenant(tenant) => ("tenant = ?3", tenant.map_or("", TenantName::as_str)),
        };
        // Without settings and secrets: a list of thousands would be long.
        let query = format!(
            "SELECT name, template, tenant, created, changed, substr(sealed, 1, {KEY_ID_BYTES}) \
             FROM datasource WHERE {condition} AND name > ?1 ORDER BY name LIMIT ?2"
        );
        let connection = self.connection.lock();
        let mut statement = connection.prepare_cached(&query).map_err(failed)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![after.unwrap_or(""), limit, tenant], entry)
            .map_err(failed)?;
        rows.map(|row| row.map_err(failed)).collect()
    }

    fn key_ids(&self) -> Result<BTreeSet<KeyId>, StoreError> {
        self.check_file()?;
        let connection = self.connection.lock();
        let query = format!(
            "SELECT DISTINCT substr(sealed, 1, {KEY_ID_BYTES}) FROM datasource \
             WHERE typeof(sealed) = 'blob' AND length(sealed) >= {KEY_ID_BYTES}"
        );
        let mut statement = connection.prepare(&query).map_err(failed)?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(failed)?;
        // One that is damaged has no key, and makes nothing but its own datasource unusable.
        let ids = rows.map(|id| Ok(Sealed::from_bytes(id.map_err(failed)?).key_id()));
        ids.filter_map(Result::transpose).collect()
    }

    fn reseal(
        &self,
        after: Option<&str>,
        limit: usize,
        seal: &dyn Fn(&Saved) -> Option<Sealed>,
    ) -> Result<Option<String>, StoreError> {
        self.check_file()?;
        let mut connection = self.connection.lock();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(failed)?;
        let names: Vec<String> = {
            // A name that is damaged may not even be text.
            let query = "SELECT name FROM datasource \
                         WHERE name > ?1 AND name NOT GLOB '*[^A-Za-z0-9._-]*' ORDER BY name LIMIT ?2";
            let mut statement = transaction.prepare(query).map_err(failed)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement
                .query_map(params![after.unwrap_or(""), limit], |row| row.get(0))
                .map_err(failed)?;
            rows.collect::<Result<_, _>>().map_err(failed)?
        };
        for name in &names {
            let Ok(name) = name.parse() else { continue };
            // One that is damaged stays as it is.
            let Ok(Some(saved)) = read(&transaction, &name) else { continue };
            if let Some(sealed) = seal(&saved) {
                let change = "UPDATE datasource SET sealed = ?1 WHERE name = ?2";
                transaction
                    .execute(change, params![sealed.bytes(), name.as_str()])
                    .map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)?;
        Ok(names.last().cloned())
    }

    fn check(&self) -> Result<(), StoreError> {
        self.check_file()
    }

    fn identity(&self) -> u64 {
        // Two files of one device at the same time never have the same number.
        self.file.map_or(0, |(device, number)| device.rotate_left(48) ^ number)
    }
}

/// Refuses one more datasource if the tenant has as many as it may.
fn check_count(connection: &Connection, draft: &Draft) -> Result<(), StoreError> {
    let tenant = draft.tenant.as_ref().map_or("", TenantName::as_str);
    let count: i64 = connection
        .query_row("SELECT count(*) FROM datasource WHERE tenant = ?1", [tenant], |row| row.get(0))
        .map_err(failed)?;
    if count < i64::from(draft.per_tenant) {
        return Ok(());
    }
    Err(StoreError::TooMany(draft.per_tenant))
}

fn read(connection: &Connection, name: &DatasourceName) -> Result<Option<Saved>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM datasource WHERE name = ?1");
    let mut statement = connection.prepare_cached(&query).map_err(failed)?;
    let row = statement.query_row([name.as_str()], |row| Ok(saved(row))).optional();
    row.map_err(failed)?.transpose()
}

/// The datasource of a row.
fn saved(row: &Row<'_>) -> Result<Saved, StoreError> {
    let sealed: Option<Vec<u8>> = row.get(7).map_err(|_| StoreError::Damaged("secret"))?;
    let since: Option<i64> = row.get(8).map_err(|_| StoreError::Damaged("time"))?;
    Ok(Saved {
        name: parsed(row, 0, "name")?,
        template: text(row, 1, "template")?,
        tenant: tenant(row, 2)?,
        settings: text(row, 3, "settings")?,
        version: number(row, 4, "version")?,
        created: number(row, 5, "time")?,
        changed: number(row, 6, "time")?,
        sealed: sealed.map(Sealed::from_bytes),
        secret_since: since.and_then(|since| u64::try_from(since).ok()),
    })
}

/// The datasource of a row, for a list.
fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(match listed(row) {
        Ok(listed) => Entry::Readable(listed),
        Err(error) => {
            let name = String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default());
            Entry::Damaged { name: name.into_owned(), reason: error.to_string() }
        }
    })
}

/// What a list says about the datasource of a row.
fn listed(row: &Row<'_>) -> Result<Listed, StoreError> {
    let key: Option<Vec<u8>> = row.get(5).map_err(|_| StoreError::Damaged("secret"))?;
    Ok(Listed {
        name: parsed(row, 0, "name")?,
        template: text(row, 1, "template")?,
        tenant: tenant(row, 2)?,
        created: number(row, 3, "time")?,
        changed: number(row, 4, "time")?,
        key: key.and_then(|key| Sealed::from_bytes(key).key_id()),
    })
}

// What nobody can have written with this program is damage.

fn text(row: &Row<'_>, index: usize, what: &'static str) -> Result<String, StoreError> {
    row.get(index).map_err(|_| StoreError::Damaged(what))
}

fn parsed<T: FromStr>(row: &Row<'_>, index: usize, what: &'static str) -> Result<T, StoreError> {
    text(row, index, what)?.parse().map_err(|_| StoreError::Damaged(what))
}

fn number(row: &Row<'_>, index: usize, what: &'static str) -> Result<u64, StoreError> {
    let number: i64 = row.get(index).map_err(|_| StoreError::Damaged(what))?;
    u64::try_from(number).map_err(|_| StoreError::Damaged(what))
}

fn tenant(row: &Row<'_>, index: usize) -> Result<Option<TenantName>, StoreError> {
    match text(row, index, "tenant")?.as_str() {
        "" => Ok(None),
        _ => parsed(row, index, "tenant").map(Some),
    }
}

/// Milliseconds since the Unix epoch.
fn milliseconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(0)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The error of SQLite in our words.
#[expect(clippy::needless_pass_by_value, reason = "it is for `map_err`")]
fn failed(error: Error) -> StoreError {
    let code = error.sqlite_error_code();
    match code {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt(error.to_string())
        }
        Some(ErrorCode::CannotOpen) => StoreError::Missing,
        _ => StoreError::Io(error.to_string()),
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}
