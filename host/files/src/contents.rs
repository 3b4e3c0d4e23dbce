//! Reads what is behind an open handle, up to a limit.

use crate::error::FileError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, Stat};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// How every file is opened for reading. Opening must not wait for the other end of a pipe or for
/// the holder of a lease, and a terminal must not become this process's own.
pub(crate) const READING: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// How long a pipe may take: the program that writes a policy may have to fetch it first.
const PIPE_TIME: Duration = Duration::from_secs(30);
/// How much is read at once if the size is not known, as with the files in `/proc`.
const PIECE: usize = 64 * 1024;

/// Reads a regular file of at most `max` bytes.
pub(crate) fn read(file: &File, stat: &Stat, path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    refuse_size(stat, path, max)?;
    let mut bytes = Vec::new();
    if stat.st_size > 0 {
        // One byte more shows that the file has grown.
        bytes = vec![0; (stat.st_size as usize).saturating_add(1)];
    }
    fill(&mut bytes, path, max, |part| (&mut &*file).read(part))?;
    Ok(bytes)
}

/// Reads a regular file into memory that was reserved at once: memory that grows leaves copies of a
/// secret behind. `bytes` must be one byte longer than `max`.
pub(crate) fn read_into(
    bytes: &mut Vec<u8>,
    file: &File,
    stat: &Stat,
    path: &Path,
    max: u64,
) -> Result<(), FileError> {
    refuse_size(stat, path, max)?;
    fill(bytes, path, max, |part| (&mut &*file).read(part))
}

/// Reads a pipe until its writers have closed it.
///
/// A pipe that ends without a byte is an error: it was read before, or its writer has failed. As a
/// policy, it would be one without any datasource.
pub(crate) fn read_pipe(pipe: &File, path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let end = Instant::now() + PIPE_TIME;
    let mut bytes = Vec::new();
    fill(&mut bytes, path, max, |part| {
        loop {
            match (&mut &*pipe).read(part) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(pipe, end)?,
                done => return done,
            }
        }
    })?;
    if bytes.is_empty() {
        return Err(FileError::EmptyPipe { path: path.to_path_buf() });
    }
    Ok(bytes)
}

fn wait(pipe: &File, end: Instant) -> io::Result<()> {
    let left = end.saturating_duration_since(Instant::now());
    let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&left)) {
        Ok(0) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("its writer has not closed it within {} seconds", PIPE_TIME.as_secs()),
        )),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn refuse_size(stat: &Stat, path: &Path, max: u64) -> Result<(), FileError> {
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size > max {
        return Err(FileError::TooLarge { path: path.to_path_buf(), size, max });
    }
    Ok(())
}

/// Reads to the end, and cuts `bytes` to what was read.
fn fill(
    bytes: &mut Vec<u8>,
    path: &Path,
    max: u64,
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> Result<(), FileError> {
    let most = usize::try_from(max).unwrap_or(usize::MAX).saturating_add(1);
    let mut length = 0;
    loop {
        if length == most {
            let size = length as u64;
            return Err(FileError::TooLarge { path: path.to_path_buf(), size, max });
        }
        if length == bytes.len() {
            bytes.resize(length.saturating_add(length.max(PIECE)).min(most), 0);
        }
        match read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(FileError::Read { path: path.to_path_buf(), source }),
        }
    }
    bytes.truncate(length);
    Ok(())
}
