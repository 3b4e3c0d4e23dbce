//! `call`: the clock, the deadline and the retry quota of the running call.

use crate::bindings::portcullis::datasource::call::{Host, Moment};
use crate::store_state::StoreState;
use time::OffsetDateTime;
use wasmtime::Result;

impl Host for StoreState {
    fn now(&mut self) -> Result<Moment> {
        let remaining = self.call.as_ref().map(|call| call.progress().remaining());
        let remaining = remaining.unwrap_or_default();
        Ok(Moment {
            unix_ms: (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64,
            clock_offset_ms: self.datasource.clock_offset(),
            remaining_ns: u64::try_from(remaining.as_nanos()).unwrap_or(u64::MAX),
        })
    }

    fn report_clock(&mut self, offset_ms: i64) -> Result<()> {
        self.datasource.set_clock_offset(offset_ms);
        Ok(())
    }

    fn take_retry(&mut self, cost: u32) -> Result<bool> {
        Ok(self.datasource.take_retry(cost))
    }

    fn return_retry(&mut self, cost: u32) -> Result<()> {
        self.datasource.return_retry(cost);
        Ok(())
    }
}
