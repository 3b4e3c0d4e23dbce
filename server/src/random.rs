//! Random numbers.

use fastrand::Rng;
use http::HeaderValue;
use std::cell::RefCell;

/// `N` random bytes in hexadecimal, from the operating system.
///
/// # Panics
/// Panics if the operating system has no random numbers.
#[must_use]
pub fn random_hex<const N: usize>() -> String {
    hex::encode(random::<N>())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

thread_local! {
    static IDS: RefCell<Rng> = RefCell::new(Rng::with_seed(u64::from_ne_bytes(random())));
}

/// A new id for a request: 32 hexadecimal digits.
///
/// Ids must differ, also between servers. Nobody gains anything by guessing one, so the operating
/// system seeds a generator in each thread: a system call for each id would take longer than the rest
/// of it.
pub(crate) fn request_id() -> HeaderValue {
    let (mut bytes, mut digits) = ([0; 16], [0; 32]);
    IDS.with_borrow_mut(|ids| ids.fill(&mut bytes));
    hex::encode_to_slice(bytes, &mut digits).expect("32 digits hold 16 bytes");
    HeaderValue::from_bytes(&digits).expect("digits are allowed in a header")
}
