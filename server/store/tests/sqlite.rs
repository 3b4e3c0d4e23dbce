//! Stores in files: what they keep, and what is refused.

use portcullis_store::{
    Draft, Entry, Given, Saved, SealError, SqliteStore, Store, StoreError, StoreKeys, Whose,
};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use tempfile::TempDir;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

struct Fixture {
    folder: TempDir,
    keys: StoreKeys,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap(), keys: StoreKeys::generate() };
        SqliteStore::create(&fixture.path()).unwrap();
        fixture
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path()).unwrap()
    }

    /// Saves a datasource with a new secret.
    fn put(&self, store: &dyn Store, name: &str) -> Result<Saved, StoreError> {
        store.put(&draft(name), &|sealing, _| {
            Ok(Some((self.keys.seal(sealing, SECRET.as_bytes())?, Given::Now)))
        })
    }

    /// All bytes that the store has on disk.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

fn draft(name: &str) -> Draft {
    Draft {
        name: name.parse().unwrap(),
        template: "dynamodb".to_string(),
        tenant: Some("acme".parse().unwrap()),
        settings: format!("{{\"region\": \"eu-west-1\", \"note\": \"{name}\"}}"),
        per_tenant: 1000,
    }
}

#[test]
fn what_is_saved_is_there_after_the_store_is_opened_again() {
    let fixture = Fixture::new();
    let saved = fixture.put(&fixture.open(), "orders").unwrap();
    let store = fixture.open();
    assert_eq!(store.get(&saved.name).unwrap().as_ref(), Some(&saved));
    let secret = fixture.keys.open(&saved.sealing(), saved.sealed.as_ref().unwrap()).unwrap();
    assert_eq!(&**secret, SECRET.as_bytes());
    assert_eq!(store.get(&"other".parse().unwrap()).unwrap(), None);
    assert_eq!(store.delete(&saved.name, &|_| Ok(())).unwrap(), Some(saved.clone()));
    assert_eq!(store.delete(&saved.name, &|_| Ok(())).unwrap(), None);
    assert_eq!(fixture.open().get(&saved.name).unwrap(), None);
}

#[test]
fn what_is_refused_changes_nothing_and_no_version_is_used_twice() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let first = fixture.put(&store, "orders").unwrap();
    let refused = store.put(&draft("orders"), &|_, before| {
        assert_eq!(before, Some(&first));
        Err(StoreError::Taken)
    });
    assert!(matches!(refused, Err(StoreError::Taken)));
    let refused = store.delete(&first.name, &|_| Err(StoreError::Conflict { found: None }));
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    assert_eq!(store.get(&first.name).unwrap().as_ref(), Some(&first));
    let mut versions = vec![first.version];
    for _ in 0..50 {
        versions.push(fixture.put(&store, "orders").unwrap().version);
    }
    store.delete(&first.name, &|_| Ok(())).unwrap();
    versions.push(fixture.put(&store, "orders").unwrap().version);
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    // Nor by a store that was restored from a backup: an older version than any of these.
    let before = fixture.put(&store, "orders").unwrap().version;
    let restored = Fixture::new();
    assert!(restored.put(&restored.open(), "orders").unwrap().version > before - 60_000);
}

#[test]
fn secrets_are_sealed_again_with_a_new_key() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for name in ["a", "b", "c"] {
        fixture.put(&store, name).unwrap();
    }
    let both = format!("{}{}", *StoreKeys::generate().text(), *fixture.keys.text());
    let keys = StoreKeys::parse(&both).unwrap();
    let again = |saved: &Saved| {
        let sealed = saved.sealed.as_ref().filter(|sealed| !keys.is_current(sealed))?;
        let secret = keys.open(&saved.sealing(), sealed).ok()?;
        keys.seal(&saved.sealing(), &secret).ok()
    };
    let mut after = None;
    let mut steps = 0;
    loop {
        after = store.reseal(after.as_deref(), 2, &again).unwrap();
        if after.is_none() {
            break;
        }
        steps += 1;
    }
    assert_eq!(steps, 2);
    let new = StoreKeys::parse(both.lines().next().unwrap()).unwrap();
    for name in ["a", "b", "c"] {
        let saved = store.get(&name.parse().unwrap()).unwrap().unwrap();
        let secret = new.open(&saved.sealing(), saved.sealed.as_ref().unwrap()).unwrap();
        assert_eq!(&**secret, SECRET.as_bytes());
    }
}

#[test]
fn a_secret_that_is_kept_is_sealed_for_the_new_version() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let first = fixture.put(&store, "orders").unwrap();
    let second = store
        .put(&draft("orders"), &|sealing, before| {
            let before = before.unwrap();
            let secret = fixture.keys.open(&before.sealing(), before.sealed.as_ref().unwrap())?;
            Ok(Some((fixture.keys.seal(sealing, &secret)?, Given::Before)))
        })
        .unwrap();
    assert_eq!(second.secret_since, first.secret_since);
    assert!(fixture.keys.open(&second.sealing(), second.sealed.as_ref().unwrap()).is_ok());
    let moved = fixture.keys.open(&second.sealing(), first.sealed.as_ref().unwrap());
    assert_eq!(moved, Err(SealError::Changed));
    let refused = store.put(&draft("orders"), &|_, _| Err(SealError::Changed.into()));
    assert!(matches!(refused, Err(StoreError::Seal(SealError::Changed))));
    assert_eq!(store.get(&first.name).unwrap(), Some(second), "nothing has changed");
}

#[test]
fn lists_are_paged_in_the_order_of_names() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for name in ["c", "a", "b-2", "b"] {
        fixture.put(&store, name).unwrap();
    }
    let names = |after, limit| -> Vec<String> {
        let list = store.list(Whose::All, after, limit).unwrap();
        list.iter().map(|saved| saved.name().to_string()).collect()
    };
    assert_eq!(names(None, 2), ["a", "b"]);
    assert_eq!(names(Some("b"), 10), ["b-2", "c"]);
    assert_eq!(names(Some("c"), 10), [""; 0]);
}

#[test]
fn no_form_of_a_secret_is_in_the_file() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for number in 0..50 {
        fixture.put(&store, &format!("n{number}")).unwrap();
    }
    let forms = [SECRET.to_string(), hex::encode(SECRET), base64_of(SECRET)];
    let contains = |bytes: &[u8], form: &str| {
        bytes.windows(form.len()).any(|window| window.eq_ignore_ascii_case(form.as_bytes()))
    };
    let bytes = fixture.bytes();
    for form in &forms {
        assert!(!contains(&bytes, form), "{form}");
    }
    // The search finds what is there.
    let mut canary = draft("canary");
    canary.settings = forms.join(" ");
    store.put(&canary, &|_, _| Ok(None)).unwrap();
    let bytes = fixture.bytes();
    assert!(forms.iter().all(|form| contains(&bytes, form)));
}

fn base64_of(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text.as_bytes()
        .chunks_exact(3)
        .flat_map(|chunk| {
            let number = u32::from_be_bytes([0, chunk[0], chunk[1], chunk[2]]);
            [18, 12, 6, 0].map(|shift| char::from(DIGITS[(number >> shift) as usize & 63]))
        })
        .collect()
}

#[test]
fn files_that_are_no_stores_are_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Missing)));
    assert!(!path.exists(), "opening creates nothing");
    for content in [&b""[..], b"[datasources.a]\n", &[0; 8192]] {
        std::fs::write(&path, content).unwrap();
        assert!(SqliteStore::open(&path).is_err());
        assert!(matches!(SqliteStore::create(&path), Err(StoreError::Exists)));
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    assert!(matches!(SqliteStore::open(folder.path()), Err(StoreError::Folder)));
}

#[test]
fn a_damaged_store_is_refused_or_read_but_never_trusted() {
    for at in [0, 18, 40, 100, 4096, 4100, 8192, 9000] {
        let fixture = Fixture::new();
        let store = fixture.open();
        for number in 0..100 {
            fixture.put(&store, &format!("n{number}")).unwrap();
        }
        drop(store);
        let mut file = std::fs::OpenOptions::new().write(true).open(fixture.path()).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[0xff; 64]).unwrap();
        drop(file);
        // Whatever is still read is either what was saved, or refused.
        if let Ok(store) = SqliteStore::open(&fixture.path())
            && let Ok(list) = store.list(Whose::All, None, 1000)
        {
            for listed in list {
                let Ok(name) = listed.name().parse() else { continue };
                let Ok(Some(saved)) = store.get(&name) else { continue };
                let sealed = saved.sealed.as_ref().unwrap();
                if let Ok(secret) = fixture.keys.open(&saved.sealing(), sealed) {
                    assert_eq!(&**secret, SECRET.as_bytes());
                }
            }
        }
    }
}

#[test]
fn a_list_names_what_is_damaged() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for name in ["a", "b", "c"] {
        fixture.put(&store, name).unwrap();
    }
    let other = rusqlite::Connection::open(fixture.path()).unwrap();
    other.execute("UPDATE datasource SET created = -1 WHERE name = 'b'", []).unwrap();
    let list = store.list(Whose::All, None, 3).unwrap();
    let names: Vec<&str> = list.iter().map(Entry::name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let Entry::Damaged { reason, .. } = &list[1] else { panic!("{:?}", list[1]) };
    assert_eq!(reason, "a datasource is damaged: it has no time");
    assert!(matches!(list[2], Entry::Readable(_)));
}

#[test]
fn a_store_that_was_moved_away_is_missed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fixture.put(&store, "a").unwrap();
    std::fs::rename(fixture.path(), fixture.folder.path().join("elsewhere")).unwrap();
    let name = "a".parse().unwrap();
    assert!(matches!(store.get(&name), Err(StoreError::Missing)));
    assert!(matches!(fixture.put(&store, "b"), Err(StoreError::Missing)));
    assert!(!fixture.path().exists(), "nothing is created in its place");
}

#[test]
fn each_tenant_has_its_own_list_and_its_own_limit() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let put = |name: &str, tenant: Option<&str>| {
        let tenant = tenant.map(|tenant| tenant.parse().unwrap());
        let draft = Draft { tenant, per_tenant: 2, ..draft(name) };
        store.put(&draft, &|_, _| Ok(None))
    };
    for (name, tenant) in [("a1", Some("a")), ("b1", Some("b")), ("a2", Some("a")), ("c", None)] {
        put(name, tenant).unwrap();
    }
    let error = put("a3", Some("a")).unwrap_err();
    assert!(matches!(error, StoreError::TooMany(2)), "{error}");
    put("a2", Some("a")).expect("a datasource that exists can be saved again");
    put("b2", Some("b")).expect("another tenant has its own limit");

    let a = "a".parse().unwrap();
    let names = |whose, after| -> Vec<String> {
        let list = store.list(whose, after, 10).unwrap();
        list.iter().map(|saved| saved.name().to_string()).collect()
    };
    assert_eq!(names(Whose::Tenant(Some(&a)), None), ["a1", "a2"]);
    assert_eq!(names(Whose::Tenant(Some(&a)), Some("a1")), ["a2"]);
    assert_eq!(names(Whose::Tenant(None), None), ["c"]);
    assert_eq!(names(Whose::All, None), ["a1", "a2", "b1", "b2", "c"]);
}

#[test]
fn the_store_knows_the_keys_of_its_secrets() {
    let fixture = Fixture::new();
    let store = fixture.open();
    assert!(store.key_ids().unwrap().is_empty());
    fixture.put(&store, "a").unwrap();
    fixture.put(&store, "b").unwrap();
    let ids = store.key_ids().unwrap();
    assert_eq!(ids.len(), 1);
    assert!(ids.iter().all(|id| fixture.keys.has(*id) && !StoreKeys::generate().has(*id)));
}

#[test]
fn a_file_that_was_put_in_the_place_of_the_store_is_noticed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let other = fixture.folder.path().join("other.db");
    SqliteStore::create(&other).unwrap();
    std::fs::rename(&other, fixture.path()).unwrap();
    let error = fixture.put(&store, "a").unwrap_err();
    assert!(matches!(error, StoreError::Replaced), "{error}");
}

#[cfg(unix)]
#[test]
fn a_store_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    std::fs::set_permissions(fixture.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = SqliteStore::open(&fixture.path()).unwrap_err();
    assert!(matches!(error, StoreError::Exposed), "{error}");
}

#[cfg(unix)]
#[test]
fn a_store_in_a_folder_that_everybody_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let sticky = std::fs::Permissions::from_mode(0o1777);
    std::fs::set_permissions(fixture.folder.path(), sticky).unwrap();
    let error = SqliteStore::open(&fixture.path()).unwrap_err();
    assert!(matches!(error, StoreError::SharedFolder), "{error}");
    let error = SqliteStore::create(&fixture.folder.path().join("other.db")).unwrap_err();
    assert!(matches!(error, StoreError::SharedFolder), "{error}");
}

#[test]
fn a_damaged_row_makes_no_other_datasource_unusable() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for name in ["a", "b", "c"] {
        fixture.put(&store, name).unwrap();
    }
    rusqlite::Connection::open(fixture.path())
        .unwrap()
        .execute_batch(
            "UPDATE datasource SET sealed = x'' WHERE name = 'a'; \
             UPDATE datasource SET name = CAST(x'61ff' AS TEXT) WHERE name = 'b';",
        )
        .unwrap();
    let store = fixture.open();
    assert_eq!(store.key_ids().unwrap().len(), 1);
    assert_eq!(store.list(Whose::All, None, 10).unwrap().len(), 3);
    let last = store.reseal(None, 10, &|_| None).unwrap();
    assert_eq!(last.as_deref(), Some("c"));
    assert!(store.get(&"c".parse().unwrap()).unwrap().is_some());
}
