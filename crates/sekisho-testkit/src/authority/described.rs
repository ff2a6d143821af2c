//! Server certificates that say more of their holder than names: whoever shows certificates to people is shown these.

use rcgen::{DistinguishedName, DnType, KeyPair};

use super::{Authority, Endpoints, Pem, leaf};

/// What a certificate says of its holder and of where more is known of it.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// The common name; none where it is empty.
    pub common_name: String,
    /// The organization, likewise.
    pub organization: String,
    /// The organizational unit, likewise.
    pub unit: String,
    /// Where it says that more is known of it.
    pub endpoints: Endpoints,
    /// Whose key it is on; a new one where that is `None`.
    pub on_key_of: Option<Pem>,
}

impl Authority {
    /// A server's certificate for these names that says so.
    ///
    /// # Panics
    /// When a name is no DNS name, or the other certificate has no key.
    #[must_use]
    pub fn server_described(&self, names: &[&str], described: &Description) -> Pem {
        let mut params = leaf(names);
        params.distinguished_name = DistinguishedName::new();
        for (kind, text) in [
            (DnType::OrganizationName, &described.organization),
            (DnType::OrganizationalUnitName, &described.unit),
            (DnType::CommonName, &described.common_name),
        ] {
            if !text.is_empty() {
                params.distinguished_name.push(kind, text.as_str());
            }
        }
        described.endpoints.write(&mut params);
        let key = match &described.on_key_of {
            Some(other) => KeyPair::from_pem(&other.key).expect("a key in PEM"),
            None => KeyPair::generate().expect("a key can be made"),
        };
        self.sign_for(&key, params)
    }
}
