//! `portcullis init`: writes a policy file to start from.

use crate::args::Init;
use crate::failure::Failure;
use crate::out::out;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

pub(crate) fn run(arguments: &Init) -> Result<(), Failure> {
    let file = arguments.file.display();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).create_new(!arguments.force);
    let written =
        options.open(&arguments.file).and_then(|mut opened| opened.write_all(POLICY.as_bytes()));
    match written {
        Ok(()) => {
            out!("wrote {file}: edit it, then run")?;
            out!("  portcullis check --policy {file}")?;
            out!("  portcullis test --policy {file} orders")
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Failure::other(format!("{file} already exists"))
                .with("overwrite it with --force, or name another file"))
        }
        Err(error) => Err(Failure::other(format!("{file} cannot be written: {error}"))),
    }
}

/// The file that is written. The tests below check that it is a valid policy.
const POLICY: &str = include_str!("../../policy.toml");

#[cfg(test)]
mod tests {
    use super::POLICY;
    use portcullis_config::PolicyFile;

    #[test]
    fn initial_policy_is_valid() {
        let file = PolicyFile::parse(POLICY).unwrap();
        assert!(file.datasources.contains_key("orders"));
    }

    #[test]
    fn initial_policy_is_valid_with_all_optional_settings() {
        let file = PolicyFile::parse(&uncommented()).unwrap();
        let server = file.server.unwrap();
        let needs_tenant = |name: &str| Some(file.templates.get(name)?.template.needs_tenant());
        server.check(|name| file.datasources.contains_key(name), needs_tenant).unwrap();
    }

    #[test]
    fn initial_policy_shows_every_key_of_the_server() {
        let text = uncommented();
        let server = PolicyFile::parse(&text).unwrap().server.unwrap();
        let (token, store) = (&server.tokens["app"], server.store.as_ref().unwrap());
        for (heading, table) in [
            ("[server]", serde_json::to_value(&server).unwrap()),
            ("[server.store]", serde_json::to_value(store).unwrap()),
            ("[server.tokens.", serde_json::to_value(token).unwrap()),
        ] {
            let shown = keys_below(&text, heading);
            for key in table.as_object().unwrap().keys() {
                let is_table = text.contains(&format!("\n[server.{key}"));
                assert!(is_table || shown.contains(&key.as_str()), "{heading}: {key}");
            }
        }
        for key in ["settings", "fixed-settings", "calls", "tenant-calls"] {
            assert!(keys_below(&text, "[templates.").contains(&key), "{key}");
        }
    }

    /// The keys below all headings that begin so.
    fn keys_below<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
        let mut keys = Vec::new();
        let mut is_below = false;
        for line in text.lines() {
            if line.starts_with('[') {
                is_below = line.starts_with(heading);
            } else if let Some((key, _)) = line.split_once(" = ").filter(|_| is_below) {
                keys.push(key);
            }
        }
        keys
    }

    /// The policy with all optional settings.
    fn uncommented() -> String {
        POLICY
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |all, line| all + line + "\n")
    }
}
