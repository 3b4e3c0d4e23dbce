//! Seals secrets, and opens them again.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// The keys that secrets are sealed with: XChaCha20-Poly1305
/// (<https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha>). New secrets are sealed with the
/// first key, and every key opens what was sealed with it. So a key is rotated by putting a new one
/// before it.
///
/// ```
/// use portcullis_store::{Sealing, StoreKeys};
///
/// let keys = StoreKeys::generate();
/// let orders = Sealing { name: "orders", template: "t", tenant: "acme", version: 1 };
/// let sealed = keys.seal(&orders, b"secret")?;
/// assert_eq!(&**keys.open(&orders, &sealed)?, b"secret");
/// let others = Sealing { tenant: "other", ..orders };
/// assert!(keys.open(&others, &sealed).is_err());
/// # Ok::<(), portcullis_store::SealError>(())
/// ```
pub struct StoreKeys(Vec<StoreKey>);

struct StoreKey {
    key: Zeroizing<[u8; KEY_BYTES]>,
    id: KeyId,
}

/// Says which key it is, and nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A secret that is sealed: the id of the key, a random nonce, and the ciphertext with its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// What a secret is sealed for. It can be opened only for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealing<'s> {
    /// The name of the datasource.
    pub name: &'s str,
    /// The name of its template.
    pub template: &'s str,
    /// The name of its tenant; empty if it has none.
    pub tenant: &'s str,
    /// Its version.
    pub version: u64,
}

const KEY_BYTES: usize = 32;
/// The bytes of the id of a key, with which a sealed secret begins.
pub(crate) const KEY_ID_BYTES: usize = 8;
/// 192 random bits: no two secrets ever get the same.
const NONCE_BYTES: usize = 24;
/// The most keys: today's, and those of some rotations.
const MAX_KEYS: usize = 8;

/// A text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreKeysError {
    /// A line is not a key. The text is not shown.
    #[error(
        "line {0} is not a key of a store; expected 64 hexadecimal digits, as `portcullis store key` \
         prints them"
    )]
    Malformed(usize),
    /// There is no key.
    #[error("there is no key; `portcullis store key` prints one")]
    None,
    /// There are too many keys.
    #[error("there are more than 8 keys; remove those that no secret is sealed with any more")]
    TooMany,
    /// There are as many keys as there may be.
    #[error(
        "there are 8 keys, and no more are possible; remove those that no secret is sealed with any \
         more"
    )]
    Full,
}

/// A secret that cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It was sealed with another key.
    #[error(
        "the secret was sealed with another key, {0}; give the server that key too, after the \
         current one"
    )]
    OtherKey(KeyId),
    /// It was changed, or belongs to another datasource.
    #[error("the sealed secret was changed, or belongs to another datasource or version")]
    Changed,
    /// It is too long to be sealed.
    #[error("the secret is too long")]
    TooLong,
}

impl StoreKeys {
    /// One new key.
    ///
    /// # Panics
    /// Panics if the operating system has no random numbers.
    #[must_use]
    pub fn generate() -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(&mut key[..]).expect("the operating system has random numbers");
        Self(vec![StoreKey::new(key)])
    }

    /// Parses keys: one in each line, as 64 hexadecimal digits. Empty lines and lines that begin with
    /// `#` are ignored.
    ///
    /// # Errors
    /// Returns an error if a line is not a key, or if there is none, or too many.
    pub fn parse(text: &str) -> Result<Self, StoreKeysError> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            hex::decode_to_slice(line, &mut key[..])
                .map_err(|_| StoreKeysError::Malformed(index + 1))?;
            keys.push(StoreKey::new(key));
        }
        match keys.len() {
            0 => Err(StoreKeysError::None),
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(StoreKeysError::TooMany),
        }
    }

    /// The text of keys with a new key before them. What is in `text` stays as it is, with its
    /// comments.
    ///
    /// ```
    /// use portcullis_store::StoreKeys;
    ///
    /// let old = format!("# since May\n{}", *StoreKeys::generate().text());
    /// let both = StoreKeys::rotate(&old)?;
    /// assert!(both.ends_with(&old) && both.len() == old.len() + 65);
    /// # Ok::<(), portcullis_store::StoreKeysError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if [`Self::parse`] does, or if there would be too many keys.
    ///
    /// # Panics
    /// Panics if the operating system has no random numbers.
    pub fn rotate(text: &str) -> Result<Zeroizing<String>, StoreKeysError> {
        if Self::parse(text)?.0.len() == MAX_KEYS {
            return Err(StoreKeysError::Full);
        }
        let key = Self::generate().text();
        // Reserved at once: memory that grows leaves copies behind.
        let mut rotated = Zeroizing::new(String::with_capacity(key.len() + text.len()));
        rotated.push_str(&key);
        rotated.push_str(text);
        Ok(rotated)
    }

    /// The keys as [`Self::parse`] reads them.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() * (2 * KEY_BYTES + 1)));
        for key in &self.0 {
            let mut digits = Zeroizing::new([0; 2 * KEY_BYTES]);
            // Twice as many digits as bytes: this cannot fail.
            let _ = hex::encode_to_slice(&key.key[..], &mut digits[..]);
            text.extend(digits.iter().map(|digit| char::from(*digit)));
            text.push('\n');
        }
        text
    }

    /// Seals a secret with the first key.
    ///
    /// # Errors
    /// Returns an error if the secret is longer than the cipher allows, which is 256 GiB.
    ///
    /// # Panics
    /// Panics if the operating system has no random numbers.
    pub fn seal(&self, sealing: &Sealing<'_>, secret: &[u8]) -> Result<Sealed, SealError> {
        let key = &self.0[0];
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).expect("the operating system has random numbers");
        let data = associated(sealing);
        let payload = Payload { msg: secret, aad: &data };
        let ciphertext =
            key.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::TooLong)?;
        Ok(Sealed([&key.id.0[..], &nonce, &ciphertext].concat()))
    }

    /// Opens a secret that was sealed for the same datasource and version.
    ///
    /// # Errors
    /// Returns an error if it was sealed with another key, was changed, or belongs to another
    /// datasource or version.
    pub fn open(
        &self,
        sealing: &Sealing<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, rest) = sealed.0.split_first_chunk().ok_or(SealError::Changed)?;
        let id = KeyId(*id);
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES).ok_or(SealError::Changed)?;
        let key = self.0.iter().find(|key| key.id == id).ok_or(SealError::OtherKey(id))?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| SealError::Changed)?;
        let data = associated(sealing);
        let payload = Payload { msg: ciphertext, aad: &data };
        let secret =
            key.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Changed)?;
        Ok(Zeroizing::new(secret))
    }

    /// Whether a secret was sealed with the first key. If not, it is sealed again when it is saved.
    #[must_use]
    pub fn is_current(&self, sealed: &Sealed) -> bool {
        sealed.0.starts_with(&self.0[0].id.0)
    }

    /// Whether one of the keys has an id.
    #[must_use]
    pub fn has(&self, id: KeyId) -> bool {
        self.0.iter().any(|key| key.id == id)
    }
}

impl StoreKey {
    fn new(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut digest: [u8; 32] = Sha256::new()
            .chain_update(b"portcullis store key id")
            .chain_update(&key[..])
            .finalize()
            .into();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        digest.zeroize();
        Self { key, id: KeyId(id) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.key))
    }
}

impl fmt::Debug for StoreKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKeys({} keys)", self.0.len())
    }
}

impl Sealed {
    /// The bytes that a store keeps.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id of the key that it was sealed with. `None` if it is too short to be a sealed secret.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        self.0.first_chunk().copied().map(KeyId)
    }

    /// A sealed secret from a store. Whether it is one shows when it is opened.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// What a secret is sealed for, as bytes: each part with its length.
fn associated(sealing: &Sealing<'_>) -> Vec<u8> {
    let version = sealing.version.to_le_bytes();
    let parts: [&[u8]; 5] = [
        b"portcullis secret 1",
        sealing.name.as_bytes(),
        sealing.template.as_bytes(),
        sealing.tenant.as_bytes(),
        &version,
    ];
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORDERS: Sealing<'_> = Sealing { name: "orders", template: "t", tenant: "a", version: 3 };

    #[test]
    fn a_secret_opens_only_for_what_it_was_sealed_for() {
        let keys = StoreKeys::generate();
        let sealed = keys.seal(&ORDERS, b"secret").unwrap();
        assert_eq!(&**keys.open(&ORDERS, &sealed).unwrap(), b"secret");
        for other in [
            Sealing { name: "order", ..ORDERS },
            Sealing { template: "u", ..ORDERS },
            Sealing { tenant: "b", ..ORDERS },
            Sealing { tenant: "", ..ORDERS },
            Sealing { version: 4, ..ORDERS },
            Sealing { name: "orderst", template: "", ..ORDERS },
        ] {
            assert_eq!(keys.open(&other, &sealed), Err(SealError::Changed), "{other:?}");
        }
        assert_ne!(keys.seal(&ORDERS, b"secret").unwrap(), sealed, "each has its own nonce");
    }

    #[test]
    fn every_change_of_a_sealed_secret_is_noticed() {
        let keys = StoreKeys::generate();
        let sealed = keys.seal(&ORDERS, b"secret").unwrap();
        for at in 0..sealed.bytes().len() {
            let mut changed = sealed.bytes().to_vec();
            changed[at] ^= 1;
            assert!(keys.open(&ORDERS, &Sealed::from_bytes(changed)).is_err(), "byte {at}");
        }
        for length in 0..sealed.bytes().len() {
            let cut = Sealed::from_bytes(sealed.bytes()[..length].to_vec());
            assert!(keys.open(&ORDERS, &cut).is_err());
        }
    }

    #[test]
    fn a_key_is_rotated_by_putting_a_new_one_before_it() {
        let (old, new) = (StoreKeys::generate(), StoreKeys::generate());
        let sealed = old.seal(&ORDERS, b"secret").unwrap();
        assert!(matches!(new.open(&ORDERS, &sealed), Err(SealError::OtherKey(_))));
        let both = format!("# since today\n{}\n{}", *new.text(), *old.text());
        let both = StoreKeys::parse(&both).unwrap();
        assert!(both.open(&ORDERS, &sealed).is_ok() && !both.is_current(&sealed));
        let again = both.seal(&ORDERS, b"secret").unwrap();
        assert!(both.is_current(&again) && new.open(&ORDERS, &again).is_ok());
    }

    #[test]
    fn a_new_key_is_put_before_all_that_a_text_has() {
        let old = StoreKeys::generate();
        let sealed = old.seal(&ORDERS, b"secret").unwrap();
        // Without an end of line, as an editor may leave it.
        let mut text = format!("\n# the first\n{}", old.text().trim_end());
        for _ in 1..MAX_KEYS {
            let rotated = StoreKeys::rotate(&text).unwrap();
            assert!(rotated.ends_with(&text));
            let keys = StoreKeys::parse(&rotated).unwrap();
            assert!(keys.open(&ORDERS, &sealed).is_ok() && !keys.is_current(&sealed));
            let before = StoreKeys::parse(&text).unwrap();
            assert!(!before.is_current(&keys.seal(&ORDERS, b"secret").unwrap()), "it is new");
            text = (*rotated).clone();
        }
        assert_eq!(StoreKeys::rotate(&text).unwrap_err(), StoreKeysError::Full);
        assert_eq!(StoreKeys::rotate("# none").unwrap_err(), StoreKeysError::None);
        assert_eq!(StoreKeys::rotate("12").unwrap_err(), StoreKeysError::Malformed(1));
    }

    #[test]
    fn texts_that_are_no_keys_are_refused_and_not_shown() {
        let key = StoreKeys::generate().text();
        for (text, expected) in [
            (String::new(), StoreKeysError::None),
            ("# none\n\n".to_string(), StoreKeysError::None),
            (format!("\n{}", &key[..63]), StoreKeysError::Malformed(2)),
            (format!("{}{}", key.trim(), "0"), StoreKeysError::Malformed(1)),
            (key.repeat(9), StoreKeysError::TooMany),
        ] {
            let error = StoreKeys::parse(&text).unwrap_err();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains(&key[..20]));
        }
        let keys = StoreKeys::parse(&key).unwrap();
        assert_eq!((*keys.text()).clone(), *key);
        assert_eq!(format!("{keys:?}"), "StoreKeys(1 keys)");
    }

    proptest! {
        #[test]
        fn opening_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let keys = StoreKeys::generate();
            prop_assert!(keys.open(&ORDERS, &Sealed::from_bytes(bytes)).is_err());
        }

        #[test]
        fn what_is_sealed_opens_again(secret in proptest::collection::vec(any::<u8>(), 0..300)) {
            let keys = StoreKeys::generate();
            let sealed = keys.seal(&ORDERS, &secret).unwrap();
            let opened = keys.open(&ORDERS, &sealed).unwrap();
            prop_assert_eq!(&**opened, &secret[..]);
        }
    }
}
