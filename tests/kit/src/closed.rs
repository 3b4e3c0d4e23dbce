//! A port at which nobody listens.

use tokio::net::TcpSocket;

/// A port on loopback that refuses connections. A port that was free a moment ago may be that of
/// another test by now.
pub struct ClosedPort {
    // It is bound, and does not listen.
    _socket: TcpSocket,
    /// Its number.
    pub port: u16,
}

impl ClosedPort {
    /// Reserves a port.
    ///
    /// # Panics
    /// Panics if the system has no port left.
    #[must_use]
    pub fn reserve() -> Self {
        let socket = TcpSocket::new_v4().expect("the system has sockets");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("the system has ports");
        let port = socket.local_addr().expect("the socket is bound").port();
        Self { _socket: socket, port }
    }
}
