//! Loopback ports for tests. A port of the kernel's choosing is another's a moment after it was given back: who still
//! looks there for a server that is gone, or for one that was never meant to be there, meets a test it knows nothing of.

use std::{
    fs::{self, File, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Below those that the kernel gives to outgoing connections: one of these could take it before the process.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// The locks on the ports that this process has been given. They go with it.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port that nobody listens on, and that nobody else who asks here or asks `scripts/ports.py` is given while this process
/// lives. To have been free a moment ago is not enough: tests run side by side, and one installation takes a dozen.
///
/// # Panics
///
/// Where no file for temporary use can be written, or all 20,000 ports are taken.
pub fn free_port() -> u16 {
    let directory =
        std::env::temp_dir().join(format!("mission-control-ports-{}", nix::unistd::getuid()));
    fs::create_dir_all(&directory).expect("the directory for temporary files is writable");
    let start = u16::try_from(uuid::Uuid::new_v4().as_u128() % u128::from(COUNT)).unwrap_or(0);
    for step in 0..COUNT {
        let port = FIRST + (start + step) % COUNT;
        let claim = claim(&directory.join(port.to_string())).expect("a file can be locked");
        if let Some(claim) = claim
            && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        {
            HELD.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(claim);
            return port;
        }
    }
    panic!("no port is free");
}

/// An address with such a port.
///
/// # Panics
///
/// As [`free_port`] does.
pub fn free_addr() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

fn claim(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
