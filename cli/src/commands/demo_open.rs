//! `portcullis demo --open`: the console in a browser, with tables to look at.

use super::serve::stopped;
use crate::compiler;
use crate::failure::Failure;
use crate::out::out;
use portcullis_server::{Options, RunningServer, Served};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

pub(crate) async fn run() -> Result<(), Failure> {
    let mut options = Options::new(Served::Embedded(None));
    options.overrides.listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    options.compiler = compiler::process();
    let running = portcullis_server::open(options).await?;
    for (action, input) in tables() {
        running.execute("local", action, &input.to_string()).await?;
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

/// The actions that create the tables: orders of ten customers, and some users.
fn tables() -> Vec<(&'static str, Value)> {
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let text = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let create = |table: &str, hash: &str, range: &str| {
        let input = json!({
            "TableName": table, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [text(hash), text(range)],
            "KeySchema": [key(hash, "HASH"), key(range, "RANGE")],
        });
        ("CreateTable", input)
    };
    let mut actions = vec![create("orders", "customer", "order"), create("users", "team", "user")];
    let orders: Vec<Value> = (0..120).map(order).collect();
    for batch in orders.chunks(24) {
        actions.push(("BatchWriteItem", json!({"RequestItems": {"orders": batch}})));
    }
    for (team, user, name) in [("red", "1", "Aman"), ("red", "2", "Anneke"), ("blue", "1", "Noor")]
    {
        let item = json!({"team": team, "user": user, "name": name});
        actions.push(("PutItem", json!({"TableName": "users", "Item": item})));
    }
    actions
}

/// An order of one of the customers 36 to 45. Nobody's orders look alike.
fn order(number: usize) -> Value {
    let status = ["open", "paid", "sent"][number % 3];
    let products = ["lamp", "chair", "table", "shelf", "carpet"];
    let items: Vec<Value> = (0..=number % 3)
        .map(|line| json!({"product": products[(number + line) % 5], "count": 1 + (number * line) % 4}))
        .collect();
    let euros = 12 + (number * 37) % 290;
    let cents = (number * 7) % 100;
    let item = json!({
        "customer": (36 + number % 10).to_string(),
        "order": format!("2026-{:02}-{:03}", 1 + number % 12, number),
        // A text of digits is a number of any precision.
        "total": {"N": format!("{euros}.{cents:02}")},
        "status": status,
        "items": items,
        "express": number.is_multiple_of(7),
    });
    json!({"PutRequest": {"Item": item}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_order_has_its_own_key_and_customer_42_has_some_over_100_euros() {
        let orders: Vec<Value> = (0..120).map(order).collect();
        let item = |order: &Value| order["PutRequest"]["Item"].clone();
        let keys: BTreeSet<String> = orders
            .iter()
            .map(|order| format!("{} {}", item(order)["customer"], item(order)["order"]))
            .collect();
        assert_eq!(keys.len(), 120);
        let large = orders.iter().map(item).filter(|order| {
            let total: f64 = order["total"]["N"].as_str().unwrap().parse().unwrap();
            order["customer"] == "42" && total > 100.0
        });
        assert!((2..12).contains(&large.count()));
    }
}
