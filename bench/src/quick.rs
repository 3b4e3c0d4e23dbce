//! Quick checks of clients in one case.

use crate::cases::Case;
use crate::clients::{Client, ClientKind, Transport, host, plugin};
use crate::latency;
use crate::meter;
use crate::run::clients;
use crate::upstream::Endpoints;
use anyhow::Result;
use std::time::Instant;

/// Compares all clients in one case, and prints the results.
pub async fn one_case(endpoints: &Endpoints, case: Case, transport: Transport) -> Result<()> {
    let clients = clients(endpoints).await?;
    for _ in 0..3 {
        let samples = latency::run(&clients, transport, case, &ClientKind::ALL).await?;
        for kind in ClientKind::ALL {
            let latency::Sample { p50, p99, processor, allocations } = samples[&kind];
            let share = processor.as_secs_f64() / samples[&ClientKind::Sdk].processor.as_secs_f64();
            println!(
                "{:18} CPU {processor:?}, {share:5.2} of the SDK's; p50 {p50:?}, p99 {p99:?}, \
                 {allocations:.0} allocations",
                kind.title()
            );
        }
    }
    Ok(())
}

/// Makes the same call again and again, and prints what each took.
pub async fn repeat(endpoints: &Endpoints, kind: ClientKind, case: Case, calls: u32) -> Result<()> {
    let host = host(None)?;
    let plugin = plugin(&host)?;
    let client = Client::new(kind, Transport::Http, endpoints, &host, &plugin).await?;
    client.call(case).await?;
    let (began, processor) = (Instant::now(), meter::processor_time());
    for _ in 0..calls {
        client.call(case).await?;
    }
    let (took, processor) =
        (began.elapsed() / calls, meter::processor_time_since(processor) / calls);
    eprintln!("{calls} calls, each {took:?}, with {processor:?} of processor time");
    Ok(())
}
