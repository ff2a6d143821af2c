//! Certificates of our own on their way in: keys made and read, what an operator hands over, how it is put in order and
//! what is wrong with it. Where they are kept and which of them is presented is left to others.

mod chain;
mod distinguished_name;
mod handshake;
mod inspection;
mod key;
mod pkcs12;

#[cfg(test)]
mod tests;

pub use chain::{CertificateChain, ChainError, Ordering};
pub use distinguished_name::{TlsCertificateName, TlsCertificateNameError};
pub use handshake::{HandshakeQuestion, presented_chain};
pub use inspection::{Expected, Finding, Use, Weight, inspect};
pub use key::{KeyError, KeyFamily, KeyType, KeyTypeError, PrivateKey, SigningRequest};
pub use pkcs12::{Pkcs12Content, Pkcs12Error, read_pkcs12};
