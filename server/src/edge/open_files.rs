//! The number of sockets that the process may open.

/// Raises the number of open files to the most that the system allows this process. Many systems
/// start with 1024, for programs that use `select`; a server needs one for each connection of a
/// client and one for each connection to a service.
#[cfg(unix)]
pub(super) fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(
            target: "portcullis::serve",
            "the number of open files stays as it is: {error}"
        );
    }
}

#[cfg(not(unix))]
pub(super) fn raise_limit() {}
