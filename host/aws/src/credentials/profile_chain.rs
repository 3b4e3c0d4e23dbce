//! Follows a profile to what provides its credentials, and writes what AWS's crate needs of it. That
//! crate decides the same way: the order of the cases here is its order.

use super::check::Places;
use super::error::CredentialsError;
use super::identity::Credentials;
use super::process::CredentialProcess;
use super::processes::Processes;
use super::profile_files::{Found, ProfileFiles, Value};
use super::profile_text::Kind;
use super::token_file::TokenFile;
use crate::secret::Secret;
use std::fmt::Write as _;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// A profile, and the profiles that it takes credentials from.
pub(super) struct ProfileChain {
    /// The profiles as a file for AWS's crate. It names no process: this crate runs them.
    pub(super) text: Zeroizing<String>,
    /// The name of the profile in `text`.
    pub(super) name: String,
    pub(super) region: Option<String>,
    /// The process that provides the credentials, under the name [`PROCESS`].
    pub(super) process: Option<CredentialProcess>,
    /// The profile whose SSO login provides the credentials.
    pub(super) sso: Option<String>,
    /// The file whose token provides the credentials.
    pub(super) token: Option<TokenFile>,
}

/// The `credential_source` that stands for the process.
pub(super) const PROCESS: &str = "PortcullisProcess";
/// The most profiles of a chain: AWS's own limit of chained roles is far lower.
const MAX_PROFILES: usize = 16;

/// What provides the credentials of a profile.
enum Step {
    /// Another profile does.
    Next(String),
    /// This one does.
    Base,
}

impl ProfileChain {
    /// Follows the profile `name`.
    ///
    /// # Errors
    /// Returns an error if a profile is missing or cannot be read, if its keys are no keys, or if
    /// it names a process and none may run.
    pub(super) fn follow(
        files: &ProfileFiles,
        name: &str,
        processes: Processes,
    ) -> Result<Self, CredentialsError> {
        let mut chain = Self {
            text: Zeroizing::new(String::new()),
            name: written_name(name, 0),
            region: None,
            process: None,
            sso: None,
            token: None,
        };
        let mut name = name.to_string();
        let mut before: Vec<String> = Vec::new();
        loop {
            if before.contains(&name) || before.len() == MAX_PROFILES {
                let names = before.join(", ");
                return Err(CredentialsError::new(format!(
                    "the profiles {names} name each other as source_profile"
                )));
            }
            let found = files.profile(&name)?.ok_or_else(|| {
                let why = files.why_missing(&name);
                match before.last() {
                    Some(by) => {
                        let detail = format!("source_profile of {by}: {}", why.detail());
                        CredentialsError::new(format!("source_profile of {by}: {why}"))
                            .with_detail(detail)
                    }
                    None => why,
                }
            })?;
            let position = before.len();
            if position == 0 {
                chain.region = found.get("region").map(str::to_string);
            }
            let step = chain.step(files, &found, &name, position, processes)?;
            before.push(name);
            match step {
                Step::Next(next) => name = next,
                Step::Base => return Ok(chain),
            }
        }
    }

    fn step(
        &mut self,
        files: &ProfileFiles,
        found: &Found,
        name: &str,
        position: usize,
        processes: Processes,
    ) -> Result<Step, CredentialsError> {
        let has = |key: &str| found.get(key).is_some();
        check_keys(found, name)?;
        let keys = has("aws_access_key_id") && has("aws_secret_access_key");
        let token = has("web_identity_token_file");
        let mut replaced = Vec::new();
        let mut step = Step::Base;
        if position > 0 && keys {
            // The keys of a source come first.
        } else if let (true, false, Some(next)) =
            (has("role_arn"), token, found.get("source_profile"))
            && next != name
        {
            step = Step::Next(next.to_string());
            replaced.push(("source_profile", written_name(next, position + 1)));
        } else if !has("credential_source") {
            let sso =
                ["sso_account_id", "sso_region", "sso_role_name", "sso_start_url", "sso_session"];
            if let (true, Some(file)) = (has("role_arn"), found.value("web_identity_token_file")) {
                let path = PathBuf::from(file.text.as_str());
                self.token = Some(TokenFile { path, place: Some(file.place.clone()) });
            } else if sso.into_iter().any(has) {
                self.sso = Some(name.to_string());
            } else if let (false, Some(command)) =
                (has("login_session"), found.value("credential_process"))
            {
                self.process = Some(process(command, name, processes)?);
                replaced.push(("credential_source", PROCESS.to_string()));
                // With a source that is the profile itself, there would be two sources.
                replaced.push(("source_profile", String::new()));
            }
        }
        self.write("profile", &written_name(name, position), found, &replaced);
        for (key, kind, header) in [
            ("sso_session", Kind::SsoSession, "sso-session"),
            ("services", Kind::Services, "services"),
        ] {
            let Some(section) = found.get(key) else { continue };
            if let Some(found) = files.section(kind, section)? {
                self.write(header, section, &found, &[]);
            }
        }
        Ok(step)
    }

    /// Writes a section. `replaced` are keys with another value; an empty one is left out.
    fn write(&mut self, kind: &str, name: &str, found: &Found, replaced: &[(&str, String)]) {
        let text = &mut *self.text;
        let _ = writeln!(text, "[{kind} {name}]");
        for Value { key, text: value, below, .. } in &found.values {
            let is_replaced = replaced.iter().any(|(other, _)| other == key);
            if key == "credential_process" || is_replaced || key.starts_with(['#', ';', '[']) {
                continue;
            }
            // With nothing after the `=`, the lines below are properties of the property.
            let inner: Vec<_> = below.iter().filter(|line| line.contains('=')).collect();
            if !value.is_empty() {
                let _ = writeln!(text, "{key} = {}", **value);
            } else if !inner.is_empty() {
                let _ = writeln!(text, "{key} =");
                for line in inner {
                    let _ = writeln!(text, "  {}", **line);
                }
            }
        }
        for (key, value) in replaced.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
}

/// Checks the keys of a profile before anything else sees them.
fn check_keys(found: &Found, name: &str) -> Result<(), CredentialsError> {
    let (Some(id), Some(secret)) =
        (found.value("aws_access_key_id"), found.value("aws_secret_access_key"))
    else {
        return Ok(());
    };
    let field = |key: &str| format!("{key} of the profile {name}");
    let (id_field, secret_field, token_field) =
        (field("aws_access_key_id"), field("aws_secret_access_key"), field("aws_session_token"));
    let places =
        Places { id: &id_field, secret: &secret_field, token: &token_field, file: Some(&id.place) };
    let credentials = Credentials {
        access_key_id: id.text.to_string(),
        secret_access_key: Secret::new(secret.text.as_str()),
        session_token: found.get("aws_session_token").map(Secret::new),
        expires: None,
    };
    credentials.checked(&places).map(drop)
}

fn process(
    command: &Value,
    profile: &str,
    processes: Processes,
) -> Result<CredentialProcess, CredentialsError> {
    if processes == Processes::Refused {
        let message = format!(
            "the profile {profile} names a process, and a policy that was found in the current \
             folder runs none from a file that it names; name the policy (--policy) if you trust it"
        );
        let detail = format!("{}: {message}", command.place);
        return Err(CredentialsError::new(message).with_detail(detail));
    }
    Ok(CredentialProcess {
        command: Secret::new(command.text.as_str()),
        profile: profile.to_string(),
        place: command.place.clone(),
    })
}

/// The name of a profile for AWS's crate, which ignores profiles with other characters.
fn written_name(name: &str, position: usize) -> String {
    let accepted = |char: char| char.is_ascii_alphanumeric() || "_-/.%@:+".contains(char);
    if name.chars().all(accepted) { name.to_string() } else { format!("profile.{position}") }
}
