//! Core dumps would contain secrets.

/// Forbids core dumps of this process and of those that it starts. Memory with secrets also is marked, because dumps that are
/// written to a program ignore this limit (`core(5)`).
///
/// The process stays dumpable otherwise (`PR_SET_DUMPABLE`): without that, a server that does not
/// run as root could not find out which memory pages of instances it can give back.
pub(crate) fn forbid() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if let Err(error) = setrlimit(Resource::Core, none) {
            eprintln!("warning: core dumps cannot be forbidden: {error}");
        }
    }
}
