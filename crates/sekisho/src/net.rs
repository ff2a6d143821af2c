//! Sockets and handshakes as the rest of the crate names them: the system's. In this crate's tests each of them may
//! instead be a simulated one, on which TLS is represented by its facts.

#[cfg(test)]
mod either;
#[cfg(test)]
pub mod facts;
mod race;
mod system;

pub use race::connect_first;

#[cfg(test)]
pub use either::{
    Listening, PeerChain, TcpListener, TcpStream, TlsStream, accept_tls, certificates, connect, connect_tls, given,
    listening, verify,
};
#[cfg(not(test))]
pub use system::{
    Listening, PeerChain, TcpListener, TcpStream, TlsStream, accept_tls, certificates, connect, connect_tls, given,
    listening, verify,
};
