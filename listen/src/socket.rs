//! Listening sockets of the parts: the one way to open them that all share.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Opens a non-blocking listener for tokio. `[::]` serves IPv4 as well, whatever the system's
/// default; where the kernel has no IPv6, `0.0.0.0` takes its place.
///
/// # Errors
/// The system's, for the address that was asked for.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    bind_with(address, open)
}

fn bind_with(
    address: SocketAddr,
    open: impl Fn(SocketAddr) -> io::Result<TcpListener>,
) -> io::Result<TcpListener> {
    open(address).or_else(|error| {
        let everywhere = address.is_ipv6() && address.ip().is_unspecified();
        let without_ipv6 = !matches!(
            error.kind(),
            io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
        );
        if !(everywhere && without_ipv6) {
            return Err(error);
        }
        tracing::info!(%address, %error, "this machine has no IPv6; listens on IPv4 only");
        open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()))).map_err(|_| error)
    })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restarted part must not wait for connections of its predecessor to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn every_address_of_ipv6_serves_ipv4_too() {
        let listener = bind("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }

    #[test]
    fn ipv4_takes_the_place_of_an_ipv6_that_the_kernel_does_not_have() {
        let without_ipv6 = |address: SocketAddr| match address {
            SocketAddr::V4(_) => open(address),
            SocketAddr::V6(_) => Err(io::Error::other("no such family")),
        };
        let listener = bind_with("[::]:0".parse().unwrap(), without_ipv6).unwrap();
        assert!(listener.local_addr().unwrap().is_ipv4());
        bind_with("[::1]:0".parse().unwrap(), without_ipv6).unwrap_err();
    }

    #[test]
    fn a_port_that_is_taken_is_not_sought_elsewhere() {
        let taken = |_| Err(io::ErrorKind::AddrInUse.into());
        let error = bind_with("[::]:0".parse().unwrap(), taken).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
