//! The profile files, and the search for a section in them.

use super::error::CredentialsError;
use super::profile_text::{Kind, ProfileText, Section};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The most bytes of a profile file: a company's list of 10,000 profiles has 2 MB.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The files in which profiles are looked for, in the order in which they are read. What is in a
/// later one counts.
pub(super) struct ProfileFiles(Vec<ProfileFile>);

struct ProfileFile {
    path: PathBuf,
    form: Form,
    /// `None` if there is no such file.
    text: Option<ProfileText>,
}

/// How headers of profiles are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `[profile dev]`, as in `~/.aws/config`.
    Config,
    /// `[dev]`, as in `~/.aws/credentials`.
    Credentials,
    /// Either: the file of a policy.
    Either,
}

/// What all sections of one name say.
pub(super) struct Found {
    pub(super) values: Vec<Value>,
}

/// A property, and where it is.
pub(super) struct Value {
    pub(super) key: String,
    pub(super) text: Zeroizing<String>,
    pub(super) below: Vec<Zeroizing<String>>,
    /// `FILE, line N`, for the operator.
    pub(super) place: String,
}

impl Found {
    /// The value of a key. An empty one counts as none.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.value(key).map(|value| value.text.as_str())
    }

    /// The value of a key, and where it is.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.values.iter().find(|value| value.key == key && !value.text.is_empty())
    }
}

impl ProfileFiles {
    /// Reads the file of a policy, or the user's own. It blocks.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, CredentialsError> {
        let wanted = match named {
            Some(path) => vec![(path.to_path_buf(), Form::Either)],
            None => vec![
                (own_file("AWS_CONFIG_FILE", "config")?, Form::Config),
                (own_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?, Form::Credentials),
            ],
        };
        let read = |(path, form): (PathBuf, Form)| {
            let text = match std::fs::symlink_metadata(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                _ => {
                    let bytes = portcullis_files::read_trusted(&path, MAX_FILE_BYTES);
                    let bytes = Zeroizing::new(bytes.map_err(|error| {
                        CredentialsError::new("the profile file cannot be read")
                            .with_detail(format!("the profile file {error}"))
                            .with_source(error)
                    })?);
                    Some(ProfileText::read(&bytes))
                }
            };
            Ok(ProfileFile { path, form, text })
        };
        wanted.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// What the files say about a profile. `None` if no file has it.
    ///
    /// # Errors
    /// Returns an error if a line of the profile cannot be read.
    pub(super) fn profile(&self, name: &str) -> Result<Option<Found>, CredentialsError> {
        let of_profile = |file: &ProfileFile, section: &Section| {
            section.name == name && file.form.reads(section)
        };
        self.find(&format!("the profile {name}"), |file, section| {
            // `[profile default]` replaces `[default]`.
            of_profile(file, section)
                && !(file.form == Form::Config
                    && section.kind == Kind::Bare
                    && file
                        .sections()
                        .any(|other| other.kind == Kind::Prefixed && of_profile(file, other)))
        })
    }

    /// What the files say about another section. `None` if no file has it.
    ///
    /// # Errors
    /// Returns an error if a line of the section cannot be read.
    pub(super) fn section(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Found>, CredentialsError> {
        self.find(&format!("the section {name}"), |file, section| {
            section.kind == kind && section.name == name && file.form != Form::Credentials
        })
    }

    fn find(
        &self,
        what: &str,
        is_wanted: impl Fn(&ProfileFile, &Section) -> bool,
    ) -> Result<Option<Found>, CredentialsError> {
        let mut found: Option<Found> = None;
        for file in &self.0 {
            for section in file.sections().filter(|section| is_wanted(file, section)) {
                if let Some(broken) = section.broken {
                    let message = format!("{what}: {}", broken.reason);
                    return Err(CredentialsError::new(message).with_detail(format!(
                        "{}, line {}: {}, in {what}",
                        file.path.display(),
                        broken.line,
                        broken.reason
                    )));
                }
                let values = &mut found.get_or_insert_with(|| Found { values: Vec::new() }).values;
                for property in &section.properties {
                    values.retain(|value| value.key != property.key);
                    values.push(Value {
                        key: property.key.clone(),
                        text: property.value.clone(),
                        below: property.below.clone(),
                        place: format!("{}, line {}", file.path.display(), property.line),
                    });
                }
            }
        }
        Ok(found)
    }

    /// Why there is no profile of this name: no file, a header of the other form, or another name.
    pub(super) fn why_missing(&self, name: &str) -> CredentialsError {
        let paths: Vec<String> =
            self.0.iter().map(|file| file.path.display().to_string()).collect();
        if self.0.iter().all(|file| file.text.is_none()) {
            let detail = match paths.as_slice() {
                [path] => format!("the profile file {path} does not exist"),
                paths => format!(
                    "there is no profile file with the profile {name}: none of {} exists; create \
                     one with: aws configure",
                    paths.join(" and ")
                ),
            };
            return CredentialsError::new(format!(
                "there is no profile file with the profile {name}"
            ))
            .with_detail(detail);
        }
        for file in &self.0 {
            let other = file.sections().find(|section| {
                section.name == name && matches!(section.kind, Kind::Prefixed | Kind::Bare)
            });
            if let Some(section) = other {
                let (written, right) = if section.kind == Kind::Bare {
                    (format!("[{name}]"), format!("[profile {name}]"))
                } else {
                    (format!("[profile {name}]"), format!("[{name}]"))
                };
                let message = format!("the header {written} must be {right} in this file");
                let place = format!("{}, line {}", file.path.display(), section.line);
                return CredentialsError::new(format!("the profile {name}: {message}"))
                    .with_detail(format!("{place}: {message}"));
            }
        }
        let names: Vec<&str> = self
            .0
            .iter()
            .flat_map(|file| file.sections().filter(|section| file.form.reads(section)))
            .map(|section| section.name.as_str())
            .collect();
        let hints: String = self.0.iter().filter_map(ProfileFile::hint).collect();
        CredentialsError::new(format!("there is no profile {name}")).with_detail(format!(
            "there is no profile {name} in {}; there are: {}{hints}",
            paths.join(" and "),
            if names.is_empty() { "none".to_string() } else { names.join(", ") },
        ))
    }
}

impl ProfileFile {
    fn sections(&self) -> impl Iterator<Item = &Section> {
        self.text.iter().flat_map(|text| &text.sections)
    }

    /// What of this file belongs to no profile, in case it was meant to be one.
    fn hint(&self) -> Option<String> {
        let path = self.path.display();
        let Some(text) = &self.text else { return Some(format!("; {path} does not exist")) };
        text.outside
            .map(|line| format!("; {path}, line {line}: there is no header above this line"))
    }
}

impl Form {
    /// Whether a section is a profile in a file of this form.
    fn reads(self, section: &Section) -> bool {
        match section.kind {
            Kind::Prefixed => self != Self::Credentials,
            Kind::Bare => self != Self::Config || section.name == "default",
            Kind::SsoSession | Kind::Services | Kind::Other => false,
        }
    }
}

/// The user's own file: the one that a variable names, or that in `~/.aws`.
fn own_file(variable: &str, name: &str) -> Result<PathBuf, CredentialsError> {
    let value = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = value("HOME").or_else(|| value("USERPROFILE")).map(PathBuf::from);
    let no_home = || {
        CredentialsError::new("the environment variable HOME is not set, so there are no profiles")
    };
    match value(variable).map(PathBuf::from) {
        Some(path) => match path.strip_prefix("~") {
            Ok(below) => Ok(home.ok_or_else(no_home)?.join(below)),
            Err(_) => Ok(path),
        },
        None => Ok(home.ok_or_else(no_home)?.join(".aws").join(name)),
    }
}
