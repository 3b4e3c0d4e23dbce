//! The latest refusals, for an operator who looks at the console. They are lost with the process; the audit
//! file keeps all.

use crate::refusals::{Refused, Who};
use parking_lot::Mutex;
use portcullis::Denial;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::SystemTime;

/// The latest refusals.
#[derive(Default)]
pub(crate) struct Recent(Mutex<VecDeque<Entry>>);

struct Entry {
    time: SystemTime,
    datasource: Option<String>,
    tenant: Option<String>,
    caller: Option<String>,
    action: Option<String>,
    rule: String,
    subject: Option<String>,
    remedy: Option<String>,
}

/// The most refusals that are kept. 200: some screens of them.
const MOST: usize = 200;
/// The longest text of a refusal, in bytes. 300: as in audit records.
const LONGEST: usize = 300;

impl Recent {
    /// Keeps a request that was refused before any call.
    pub(crate) fn refused(&self, who: &Who<'_>, refused: &Refused) {
        self.keep(Entry {
            time: SystemTime::now(),
            datasource: refused.datasource.clone(),
            tenant: refused.tenant.as_ref().map(ToString::to_string),
            caller: who.caller.map(str::to_string),
            action: refused.action.as_ref().map(ToString::to_string),
            rule: refused.rule.to_string(),
            subject: refused.reason.clone(),
            remedy: refused.remedy.as_deref().map(cut),
        });
    }

    /// Keeps a denial of the policy.
    pub(crate) fn denied(
        &self,
        caller: &str,
        datasource: &str,
        tenant: Option<&str>,
        denial: &Denial,
    ) {
        self.keep(Entry {
            time: SystemTime::now(),
            datasource: Some(datasource.to_string()),
            tenant: tenant.map(str::to_string),
            caller: Some(caller.to_string()).filter(|caller| !caller.is_empty()),
            action: None,
            rule: denial.rule.name().to_string(),
            subject: Some(cut(&denial.subject)),
            remedy: Some(cut(denial.fix.as_ref().unwrap_or(&denial.remedy))),
        });
    }

    fn keep(&self, entry: Entry) {
        let mut all = self.0.lock();
        all.truncate(MOST - 1);
        all.push_front(entry);
    }

    /// The latest ones, at most `limit`, the last one first.
    pub(crate) fn list(&self, limit: usize) -> Vec<Value> {
        let all = self.0.lock();
        let described = all.iter().take(limit).map(|entry| {
            json!({
                "time": humantime::format_rfc3339_millis(entry.time).to_string(),
                "datasource": entry.datasource,
                "tenant": entry.tenant,
                "caller": entry.caller,
                "action": entry.action,
                "rule": entry.rule,
                "subject": entry.subject,
                "remedy": entry.remedy,
            })
        });
        described.collect()
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST)].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis::Rule;

    #[test]
    fn the_latest_refusals_are_kept_and_their_texts_are_short() {
        let recent = Recent::default();
        for number in 0..MOST + 10 {
            let subject = format!("{number} {}", "é".repeat(1000));
            let denial = Denial::new(Rule::Tables, subject, "", "tables = [\"x\"]");
            recent.denied("app", "orders", None, &denial);
        }
        let list = recent.list(2);
        assert_eq!(list.len(), 2);
        let subject = list[0]["subject"].as_str().unwrap();
        assert!(subject.starts_with(&format!("{} ", MOST + 9)) && subject.len() <= LONGEST);
        assert_eq!(list[0]["remedy"], "tables = [\"x\"]");
        assert_eq!(recent.list(MOST * 2).len(), MOST);
    }
}
