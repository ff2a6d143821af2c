//! What a role of certificates may be called, and that whoever names one names one that is there.

use std::collections::HashSet;

use super::{
    CertificateRole, CertificateRoleKey, Fault, OutboundConnector, build::Findings, certificate_role::is_role_name,
};

pub(super) fn check(roles: &[CertificateRole], outbound: &[OutboundConnector], faults: &mut Vec<Fault>) {
    for role in roles {
        let mut findings = Findings::at(format!("certificate role {}", role.key), faults);
        findings.add_if(
            !is_role_name(&role.key.name),
            "name",
            "a role's name has 1 to 63 lower-case letters, digits and hyphens, and no hyphen at either end",
            "choose another, as in mx",
        );
    }
    let known: HashSet<&CertificateRoleKey> = roles.iter().map(|role| &role.key).collect();
    for connector in outbound {
        let Some(role) = connector
            .client_certificate_role
            .as_ref()
            .filter(|role| !known.contains(role))
        else {
            continue;
        };
        let mut findings = Findings::at(format!("outbound connector {}", connector.key), faults);
        findings.add(
            "client_certificate_role",
            format!("there is no certificate role {role}"),
            "add the role first, or name another one",
        );
    }
}
