//! `portcullis demo --open`: the console in a browser, with tables to look at.

use super::serve::stopped;
use crate::compiler;
use crate::failure::Failure;
use crate::out::out;
use portcullis_server::{Options, RunningServer, Served};
use serde_json::value::RawValue;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

pub(crate) async fn run() -> Result<(), Failure> {
    let mut options = Options::new(Served::Embedded(None));
    options.overrides.listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    options.compiler = compiler::process();
    let running = portcullis_server::open(options).await?;
    for (action, input) in tables()? {
        running.execute("local", action, input.get()).await?;
    }
    let url = page(&running);
    out!("{url}\nThe console, with the tables `orders` and `users`, in memory. Ctrl-C ends it.")?;
    open(&url);
    Ok(running.serve(stopped()).await?)
}

/// The page with the list of tables.
fn page(running: &RunningServer) -> String {
    let endpoints = running.endpoints();
    let server = endpoints.first().map_or("", |endpoint| endpoint.url.as_str());
    format!("{server}/console/#/d/local/tables")
}

/// Opens a page in the browser of this machine. If there is none, the address was printed.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It runs as long as the browser does.
    let _ = command.spawn();
}

/// The actions that create the tables, each with its input: orders of ten customers, and some users.
fn tables() -> Result<Vec<(&'static str, &'static RawValue)>, Failure> {
    serde_json::from_str(portcullis_console::DEMO_TABLES)
        .map_err(|error| Failure::other(format!("the demo's tables cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn each_order_has_its_own_key_and_customer_42_has_some_over_100_euros() {
        let actions = tables().unwrap();
        let batches = actions.iter().filter(|(action, _)| *action == "BatchWriteItem");
        let orders: Vec<Value> = batches
            .flat_map(|(_, input)| {
                let input: Value = serde_json::from_str(input.get()).unwrap();
                input["RequestItems"]["orders"].as_array().unwrap().clone()
            })
            .map(|order| order["PutRequest"]["Item"].clone())
            .collect();
        let keys: BTreeSet<String> = orders
            .iter()
            .map(|order| format!("{} {}", order["customer"], order["order"]))
            .collect();
        assert_eq!((orders.len(), keys.len()), (120, 120));
        let large = orders.iter().filter(|order| {
            let total: f64 = order["total"]["N"].as_str().unwrap().parse().unwrap();
            order["customer"] == "42" && total > 100.0
        });
        assert!((2..12).contains(&large.count()));
    }
}
