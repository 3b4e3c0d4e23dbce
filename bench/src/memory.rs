//! The memory of warm instances, and of datasources that are not in use.

use crate::cases::Case;
use crate::clients::{Client, Format, Sandbox, connect, settings};
use crate::constants::IDLE_DATASOURCES;
use crate::meter;
use crate::upstream::Endpoints;
use anyhow::Result;
use portcullis::{Host, Isolation, Plugin};
use std::sync::Arc;

/// The results, in bytes.
#[derive(serde::Serialize, serde::Deserialize, Clone, Copy, Debug)]
pub struct Memory {
    /// The memory of each additional warm instance, with its connection.
    pub instance: u64,
    /// The memory of all [`IDLE_DATASOURCES`] together.
    pub idle: u64,
}

/// How many instances are warm at the same time: as many as the default limit of concurrent calls.
const WARM: usize = 64;

/// Measures warm instances and idle datasources.
pub async fn run(host: &Host, plugin: &Plugin, endpoints: &Endpoints) -> Result<Memory> {
    let idle = idle(host, plugin)?;
    let slow = format!("http://localhost:{}", endpoints.slow);
    let sandbox =
        Sandbox::connect(host, plugin, &slow, &endpoints.ca, Format::Typed, Isolation::Reuse)
            .await?;
    let client = Arc::new(Client::Sandbox(sandbox));
    at_once(&client, 1).await?;
    meter::return_free_memory();
    let one = meter::memory()?;
    at_once(&client, WARM).await?;
    let instance = meter::memory()?.saturating_sub(one) / (WARM as u64 - 1);
    Ok(Memory { instance, idle })
}

/// Returns the memory of datasources that were never used.
fn idle(host: &Host, plugin: &Plugin) -> Result<u64> {
    // What compiling the plugin left.
    meter::return_free_memory();
    let before = meter::memory()?;
    let mut idle = Vec::with_capacity(IDLE_DATASOURCES);
    for number in 0..IDLE_DATASOURCES {
        let endpoint = format!("https://localhost:{}", 1000 + number);
        let settings = settings(&endpoint, Format::Typed);
        idle.push(host.configure(plugin, connect(&settings, &endpoint, None, Isolation::Reuse)?)?);
    }
    Ok(meter::memory()?.saturating_sub(before))
}

/// Makes `calls` calls at the same time. Each waits for the slow server in its own instance.
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
