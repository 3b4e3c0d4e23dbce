//! A smaller limit within that of the process, for one holder.

use crate::limit::{Exceeded, MemoryLimit, Reservation};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A limit on the memory that is held for one holder, within the limit of the process.
#[derive(Debug)]
pub struct Account {
    limit: u64,
    held: AtomicU64,
    process: Arc<MemoryLimit>,
    /// The account that everything is charged to as well.
    parent: Option<Arc<Self>>,
}

impl Account {
    /// Creates an account of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64, process: Arc<MemoryLimit>) -> Arc<Self> {
        Arc::new(Self { limit, held: AtomicU64::new(0), process, parent: None })
    }

    /// Creates an account of `limit` bytes within another account: what is charged to the new one is
    /// charged to both.
    #[must_use]
    pub fn within(parent: &Arc<Self>, limit: u64) -> Arc<Self> {
        let (process, parent) = (parent.process.clone(), Some(parent.clone()));
        Arc::new(Self { limit, held: AtomicU64::new(0), process, parent })
    }

    /// Charges `bytes` until the charge is dropped.
    ///
    /// # Errors
    /// Returns an error that says which limit is exceeded: the account's or the process's.
    pub fn charge(self: &Arc<Self>, bytes: u64) -> Result<Charge, Exceeded> {
        self.take(bytes)?;
        match self.process.reserve(bytes) {
            Ok(reservation) => Ok(Charge { account: self.clone(), reservation }),
            Err(error) => {
                self.release(bytes);
                Err(error)
            }
        }
    }

    /// The limit, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes that are charged.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> Result<(), Exceeded> {
        let taken = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(bytes).filter(|held| *held <= self.limit)
        });
        taken.map_err(|_| Exceeded::Account { limit: self.limit })?;
        let in_parent = self.parent.as_ref().map_or(Ok(()), |parent| parent.take(bytes));
        if in_parent.is_err() {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        in_parent
    }

    fn release(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(parent) = &self.parent {
            parent.release(bytes);
        }
    }
}

/// Memory that is charged to an account. Dropping it releases it.
#[derive(Debug)]
pub struct Charge {
    account: Arc<Account>,
    reservation: Reservation,
}

impl Charge {
    /// The charged bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.reservation.bytes()
    }

    /// Charges `bytes` more.
    ///
    /// # Errors
    /// Returns an error that says which limit is exceeded. The charge then keeps its size.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Exceeded> {
        self.account.take(bytes)?;
        let grown = self.reservation.resize(self.bytes().saturating_add(bytes));
        if grown.is_err() {
            self.account.release(bytes);
        }
        grown
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // The reservation releases its own part.
        self.account.release(self.reservation.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_within_an_account_is_charged_to_both() {
        let process = MemoryLimit::new(100);
        let whole = Account::new(50, process.clone());
        let (one, other) = (Account::within(&whole, 40), Account::within(&whole, 40));
        let mut charge = one.charge(30).unwrap();
        assert_eq!(other.charge(30).unwrap_err(), Exceeded::Account { limit: 50 });
        assert_eq!((other.held(), whole.held(), process.used()), (0, 30, 30));
        assert_eq!(charge.grow(15).unwrap_err(), Exceeded::Account { limit: 40 });
        charge.grow(10).unwrap();
        assert_eq!((one.held(), whole.held()), (40, 40));
        drop(charge);
        assert_eq!((one.held(), whole.held(), process.used()), (0, 0, 0));
    }

    #[test]
    fn a_charge_that_does_not_fit_changes_nothing() {
        let process = MemoryLimit::new(100);
        let account = Account::new(80, process.clone());
        let other = process.reserve(50).unwrap();
        let mut charge = account.charge(30).unwrap();
        assert_eq!(account.charge(60).unwrap_err(), Exceeded::Account { limit: 80 });
        assert_eq!(charge.grow(30).unwrap_err(), Exceeded::Process { limit: 100 });
        assert_eq!(charge.grow(u64::MAX).unwrap_err(), Exceeded::Account { limit: 80 });
        assert_eq!((account.held(), process.used()), (30, 80));
        charge.grow(20).unwrap();
        assert_eq!((charge.bytes(), account.held(), process.used()), (50, 50, 100));
        drop((charge, other));
        assert_eq!((account.held(), process.used()), (0, 0));
    }
}
