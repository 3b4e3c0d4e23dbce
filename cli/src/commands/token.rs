//! `portcullis token`: generates a token, and the policy lines that accept it.

use crate::args::Token;
use crate::failure::Failure;
use crate::out::out;
use portcullis_server::random_hex;
use sha2::{Digest, Sha256};

pub(crate) fn run(arguments: &Token) -> Result<(), Failure> {
    let name = &arguments.name;
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Err(Failure::usage(format!(
            "{name:?} is not a valid token name; expected letters, digits, - and _"
        )));
    }
    // Only characters that an access key id may have, because SDKs pass the token as one.
    let token = format!("pcl_{}", random_hex::<24>());
    let all = vec!["*".to_string()];
    let datasources = if arguments.datasource.is_empty() { &all } else { &arguments.datasource };
    // Only the policy lines go to standard output, so that a shell can append them to the policy:
    // `portcullis token app >> portcullis.toml`.
    eprintln!(
        "{token}\nThis is the token for {name:?}. It is not stored and cannot be shown again. Add \
         these lines to the policy file:"
    );
    out!("[server.tokens.{name}]")?;
    out!("sha256 = \"{}\"", hex::encode(Sha256::digest(&token)))?;
    out!("datasources = {datasources:?}")
}
