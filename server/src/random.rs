//! Random numbers.

/// `N` random bytes in hexadecimal, from the operating system.
///
/// # Panics
/// Panics if the operating system has no random numbers.
#[must_use]
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    hex::encode(bytes)
}
