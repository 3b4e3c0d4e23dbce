//! `portcullis token`: a new token, and what the policy keeps of it.

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
            "{name:?} is no name for a token; expected letters, digits, - and _"
        )));
    }
    // Letters that an access key id may have: SDKs take it in that place.
    let token = format!("pcl_{}", random_hex::<24>());
    let all = vec!["*".to_string()];
    let datasources = if arguments.datasource.is_empty() { &all } else { &arguments.datasource };
    // The lines for the policy go where the shell sends them: `portcullis token app >> portcullis.toml`.
    eprintln!(
        "{token}\nThat is the token of {name:?}. It is shown this once, and kept nowhere; the policy file gets these lines:"
    );
    out!("[server.tokens.{name}]")?;
    out!("sha256 = \"{}\"", hex::encode(Sha256::digest(&token)))?;
    out!("datasources = {datasources:?}")
}
