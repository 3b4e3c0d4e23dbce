//! Runs the process that a profile names (`credential_process`), within limits. It ends when its
//! time is over or its fetch is dropped, with all processes of its group.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use super::check::Places;
use super::error::CredentialsError;
use super::identity::Credentials;
use crate::secret::Secret;
use aws_smithy_types::date_time::{DateTime, Format};
use serde::Deserialize;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

/// The time limit of a process. It leaves 10 s of the fetch's 30 s to assume a role with what the
/// process provides.
const LIMIT: Duration = Duration::from_secs(20);
/// The most bytes of output: an identity has an id, a secret and a token of some kilobytes.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;
/// The most bytes of standard error that are kept for the log; what follows is dropped.
const MAX_ERROR_BYTES: usize = 2 * 1024;

/// A process of a profile.
#[derive(Debug)]
pub(super) struct CredentialProcess {
    /// The command line, for the shell. It may contain secrets.
    pub(super) command: Secret,
    /// The profile that names it.
    pub(super) profile: String,
    /// The file and line of the profile that name it, for the operator.
    pub(super) place: String,
}

/// What the process writes to its standard output.
#[derive(Deserialize)]
struct Output {
    #[serde(rename = "Version", alias = "version")]
    version: u32,
    #[serde(rename = "AccessKeyId", alias = "accessKeyId")]
    id: String,
    #[serde(rename = "SecretAccessKey", alias = "secretAccessKey")]
    secret: Hidden,
    #[serde(rename = "SessionToken", alias = "sessionToken")]
    token: Option<Hidden>,
    #[serde(rename = "Expiration", alias = "expiration")]
    expires: Option<String>,
}

/// A secret in the output.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Hidden(Secret);

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl CredentialProcess {
    /// Runs the process and reads the credentials that it writes.
    ///
    /// # Errors
    /// Returns an error if the process cannot be started, fails, takes too long or writes anything
    /// but credentials.
    pub(super) async fn run(&self) -> Result<Credentials, CredentialsError> {
        let mut command = shell(self.command.expose());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| {
            self.error("cannot be started", &format!("cannot be started: {error}"))
        })?;
        let mut running = Running(child);
        let mut output = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT_BYTES + 1));
        let mut errors = Vec::with_capacity(MAX_ERROR_BYTES);
        let ended = running.finish(&mut output, &mut errors);
        let ended = tokio::time::timeout(LIMIT, ended).await;
        let quoted = match String::from_utf8_lossy(&errors).trim() {
            "" => String::new(),
            text => format!("; its standard error: {text}"),
        };
        match ended {
            Err(_) => {
                let took = format!("was ended, since it took more than {} s", LIMIT.as_secs());
                Err(self.error(&took, &format!("{took}{quoted}")))
            }
            Ok(Err(error)) => Err(self.error("failed", &format!("failed: {error}{quoted}"))),
            Ok(Ok(status)) if !status.success() => {
                Err(self.error("failed", &format!("failed with {status}{quoted}")))
            }
            Ok(Ok(_)) => self.parse(&output),
        }
    }

    fn parse(&self, output: &[u8]) -> Result<Credentials, CredentialsError> {
        let wrong = |why: &str| self.error(why, why);
        if output.len() > MAX_OUTPUT_BYTES {
            return Err(wrong("wrote more than 64 KiB"));
        }
        // The parser's message is left out: it may quote a secret.
        let found: Output = serde_json::from_slice(output).map_err(|_| {
            wrong("did not write JSON with Version, AccessKeyId and SecretAccessKey")
        })?;
        if found.version != 1 {
            return Err(wrong("wrote another Version than 1"));
        }
        let expires = match found.expires.as_deref().filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(
                DateTime::from_str(text, Format::DateTimeWithOffset)
                    .ok()
                    .and_then(|time| SystemTime::try_from(time).ok())
                    .ok_or_else(|| wrong("wrote an Expiration that is no time of ISO 8601"))?,
            ),
        };
        let field = |name: &str| format!("{name} from the process of the profile {}", self.profile);
        let (id, secret, token) =
            (field("AccessKeyId"), field("SecretAccessKey"), field("SessionToken"));
        let places =
            Places { id: &id, secret: &secret, token: &token, file: Some(self.place.as_str()) };
        let credentials = Credentials {
            access_key_id: found.id,
            secret_access_key: found.secret.0,
            session_token: found.token.map(|token| token.0),
            expires,
        };
        credentials.checked(&places)
    }

    fn error(&self, for_all: &str, for_operator: &str) -> CredentialsError {
        let process = format!("the process of the profile {}", self.profile);
        CredentialsError::new(format!("{process} {for_all}"))
            .with_detail(format!("{}: {process} {for_operator}", self.place))
    }
}

/// A process that has been started. When it is dropped before its end was seen, all processes of
/// its group are killed.
struct Running(Child);

impl Running {
    /// Reads to the end of both outputs, and waits for the end of the process. Its status is taken
    /// last: until then its id, which is that of the group, cannot be given to another process.
    async fn finish(
        &mut self,
        output: &mut Vec<u8>,
        errors: &mut Vec<u8>,
    ) -> std::io::Result<ExitStatus> {
        let (out, err) = (self.0.stdout.take(), self.0.stderr.take());
        tokio::try_join!(
            read(out, output, MAX_OUTPUT_BYTES + 1),
            read(err, errors, MAX_ERROR_BYTES)
        )?;
        self.0.wait().await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // There is no id once the status was taken.
        let Some(id) = self.0.id() else { return };
        #[cfg(unix)]
        {
            let group = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(group) = group {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
        let _ = (id, self.0.start_kill());
    }
}

/// Reads to the end, and keeps the first `max` bytes. The buffer has room for them: one that grows
/// would leave copies behind.
async fn read(
    from: Option<impl AsyncRead + Unpin>,
    kept: &mut Vec<u8>,
    max: usize,
) -> std::io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut part = Zeroizing::new([0; 4096]);
    loop {
        let count = from.read(&mut *part).await?;
        if count == 0 {
            return Ok(());
        }
        let room = max - kept.len();
        kept.extend_from_slice(&part[..count.min(room)]);
    }
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    // A group of its own, so that what it starts ends with it.
    shell.arg("-c").arg(command).process_group(0);
    shell
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd.exe");
    // `cmd.exe` removes the outer quotes, and reads what is between them as it was written.
    shell.arg("/C").raw_arg(format!("\"{command}\""));
    shell
}
