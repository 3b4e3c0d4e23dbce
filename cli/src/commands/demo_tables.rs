//! The demo's tables: something to look at in an embedded database.

use crate::failure::Failure;
use portcullis_server::RunningServer;
use serde_json::value::RawValue;

/// Creates the tables in the database of `--local`.
pub(super) async fn create(server: &RunningServer) -> Result<(), Failure> {
    for (action, input) in tables()? {
        server.execute("local", action, input.get()).await?;
    }
    Ok(())
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
