//! Whether processes may run.

/// Whether the processes run that a policy's profile files name (`credential_process`).
///
/// The user's own files, `~/.aws/config` and `~/.aws/credentials`, may name processes in either
/// case: who can write them can run anything anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Processes {
    /// They run. For a policy that somebody named, and so trusts.
    #[default]
    Allowed,
    /// They do not, and a profile that needs one gives no credentials. For a policy that was found
    /// in the current folder: it and its files may come from anybody.
    Refused,
}
