//! What waits costs memory: warm instances, and datasources that nobody uses.

use crate::cases::Case;
use crate::clients::{Client, Format, Sandbox, connect, settings};
use crate::meter;
use crate::server::Places;
use anyhow::Result;
use portcullis::{Host, Isolation, Plugin};
use std::sync::Arc;

/// What was measured, in bytes.
#[derive(serde::Serialize, serde::Deserialize, Clone, Copy, Debug)]
pub struct Memory {
    /// For each further warm instance, its connection included.
    pub instance: u64,
    /// All of [`IDLE`] datasources that are configured and were never used.
    pub idle: u64,
}

/// Datasources that are configured and idle.
pub const IDLE: usize = 10_000;
/// Instances that are warm at once.
const WARM: usize = 64;

/// Measures both.
pub async fn run(host: &Host, plugin: &Plugin, places: &Places) -> Result<Memory> {
    let slow = format!("http://localhost:{}", places.slow);
    let sandbox =
        Sandbox::connect(host, plugin, &slow, &places.ca, Format::Typed, Isolation::Reuse).await?;
    let client = Arc::new(Client::Sandbox(sandbox));
    at_once(&client, 1).await?;
    let one = meter::memory()?;
    at_once(&client, WARM).await?;
    let instance = meter::memory()?.saturating_sub(one) / (WARM as u64 - 1);
    drop(client);

    let before = meter::memory()?;
    let mut idle = Vec::with_capacity(IDLE);
    for number in 0..IDLE {
        let endpoint = format!("https://localhost:{}", 1000 + number);
        let settings = settings(&endpoint, Format::Typed);
        idle.push(host.configure(plugin, connect(&settings, &endpoint, None, Isolation::Reuse)?)?);
    }
    let idle_bytes = meter::memory()?.saturating_sub(before);
    drop(idle);
    Ok(Memory { instance, idle: idle_bytes })
}

/// So many calls at the same time: each waits in an instance of its own.
async fn at_once(client: &Arc<Client>, calls: usize) -> Result<()> {
    let calls: Vec<_> = (0..calls)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(Case::GetItem).await })
        })
        .collect();
    for call in calls {
        call.await??;
    }
    Ok(())
}
