//! One run of all clients. They take turns.

use crate::budget::Budget;
use crate::cases::Case;
use crate::clients::{Client, ClientKind, Transport, host, plugin};
use crate::constants::CALLERS;
use crate::report::{Apart, Together};
use crate::upstream::Endpoints;
use crate::{latency, throughput};
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// A client for each kind and transport.
pub type Clients = HashMap<(ClientKind, Transport), Arc<Client>>;

/// How many calls are made in one turn: at least so many altogether, and by each caller.
const CALLS: u32 = 2000;
const CALLS_OF_EACH: u32 = 12;

/// Compares one caller and many.
pub async fn apart(endpoints: &Endpoints) -> Result<Apart> {
    let clients = &clients(endpoints).await?;
    let mut run = Apart::default();
    for transport in Transport::ALL {
        for case in Case::ALL {
            // The cost of a new connection is the same in all cases.
            if transport != Transport::Cold || case == Case::GetItem {
                let samples = latency::run(clients, transport, case, &ClientKind::ALL).await?;
                run.latency.extend(
                    samples.into_iter().map(|(kind, sample)| (transport, case, kind, sample)),
                );
            }
        }
    }
    for transport in [Transport::Http, Transport::Tls] {
        for callers in CALLERS {
            let samples = many_callers(clients, transport, callers).await?;
            run.throughput.extend(
                samples.into_iter().map(|(kind, sample)| (transport, callers, kind, sample)),
            );
        }
    }
    Ok(run)
}

/// Compares one caller in two cases, for another placement of client and server.
pub async fn together(endpoints: &Endpoints) -> Result<Together> {
    let clients = clients(endpoints).await?;
    let mut run = Together::new();
    for case in [Case::GetItem, Case::Query] {
        let samples = latency::run(&clients, Transport::Http, case, &ClientKind::ALL).await?;
        run.extend(samples.into_iter().map(|(kind, sample)| (case, kind, sample)));
    }
    Ok(run)
}

/// Returns the mean of the turns of each client.
async fn many_callers(
    clients: &Clients,
    transport: Transport,
    callers: u32,
) -> Result<Vec<(ClientKind, throughput::Sample)>> {
    let mut samples: HashMap<ClientKind, Vec<throughput::Sample>> = HashMap::new();
    // The first turn warms up: it creates connections and instances, which later turns reuse.
    for turn in 0..4 {
        for kind in ClientKind::ALL {
            let client = &clients[&(kind, transport)];
            let budget = Budget::of_calls(CALLS.max(callers * CALLS_OF_EACH));
            let sample = throughput::run(client, Case::GetItem, callers, budget).await?;
            if turn > 0 {
                samples.entry(kind).or_default().push(sample);
            }
        }
    }
    let mean = |turns: Vec<throughput::Sample>| throughput::Sample::mean(&turns);
    Ok(samples.into_iter().filter_map(|(kind, turns)| Some((kind, mean(turns)?))).collect())
}

/// Creates a client for each kind and transport, and makes one call of each case with it.
pub async fn clients(endpoints: &Endpoints) -> Result<Clients> {
    let host = host(None)?;
    let plugin = plugin(&host)?;
    let mut clients = HashMap::new();
    for kind in ClientKind::ALL {
        for transport in Transport::ALL {
            let client = Client::new(kind, transport, endpoints, &host, &plugin).await?;
            for case in Case::ALL {
                client.call(case).await.with_context(|| {
                    format!("{}, {}, {}", kind.title(), transport.title(), case.title())
                })?;
            }
            clients.insert((kind, transport), Arc::new(client));
        }
    }
    Ok(clients)
}
