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
        let uncommented: String = POLICY
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |all, line| all + line + "\n");
        PolicyFile::parse(&uncommented).unwrap();
    }
}
