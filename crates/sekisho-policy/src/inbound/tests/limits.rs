//! What an organization sets about single messages, and that it is nobody else's.

use sekisho_mail::RefusedBy;

use super::*;
use crate::directory::MessageLimits;

const LIMITS: MessageLimits = MessageLimits {
    octets: Some(1000),
    recipients: Some(2),
};

/// Acme limits its messages, nobody else does.
fn directory() -> Directory {
    three_organizations()
        .settings("acme", |one| one.limits = LIMITS)
        .build()
}

fn answer(directory: &Directory, organization: &str, announced_octets: Option<u64>, before: u32) -> String {
    let organization: OrganizationName = organization.parse().unwrap();
    let asked = OneMore {
        organization: &organization,
        announced_octets,
        before,
    };
    match limit(directory, &asked) {
        None => "ok".to_owned(),
        Some(Admission::Refused {
            reply,
            reasons,
            organization: whose,
        }) => {
            assert_eq!((whose, reasons.len()), (Some(organization), 1));
            format!("{reply} [{}]", reasons[0].key())
        }
        Some(Admission::Admitted { .. }) => panic!("nothing is admitted here"),
    }
}

#[test]
fn a_limit_holds_for_its_organization_alone_and_from_the_first_octet_and_recipient_beyond_it() {
    let directory = directory();
    let too_large = "552 5.2.3 the message is larger than this recipient takes [message-too-large]";
    let too_many = "452 4.5.3 too many recipients [too-many-recipients]";
    for (organization, octets, before, wanted) in [
        ("acme", None, 0, "ok"),
        ("acme", Some(1000), 1, "ok"),
        ("acme", Some(1001), 1, too_large),
        ("acme", Some(1001), 2, too_large),
        ("acme", None, 2, too_many),
        ("acme", Some(1), u32::MAX, too_many),
        ("beta", Some(u64::MAX), u32::MAX, "ok"),
        ("default", Some(u64::MAX), u32::MAX, "ok"),
    ] {
        assert_eq!(
            answer(&directory, organization, octets, before),
            wanted,
            "{organization}"
        );
    }
    assert_eq!(answer(&three_organizations().build(), "acme", Some(u64::MAX), 9), "ok");
}

#[test]
fn content_that_nobody_announced_is_measured_and_its_sender_told_how_much_is_taken() {
    let directory = directory();
    let [acme, beta]: [OrganizationName; 2] = ["acme", "beta"].map(|name| name.parse().unwrap());
    assert_eq!(limit_size(&directory, &acme, 1000), None);
    assert_eq!(limit_size(&directory, &beta, u64::MAX), None);
    let found = limit_size(&directory, &acme, 1001).unwrap();
    assert_eq!(
        found.reply.to_string(),
        "552 5.2.3 the message is larger than this recipient takes"
    );
    assert_eq!(found.refusal.by, RefusedBy::SizeLimit);
    assert!(
        found.refusal.text.contains("1001 octets") && found.refusal.text.contains("1000 are taken"),
        "{}",
        found.refusal.text
    );
}

#[test]
fn a_limit_that_lets_nothing_in_is_a_fault_and_a_small_one_is_told() {
    let with = |octets, recipients| {
        let limits = MessageLimits { octets, recipients };
        three_organizations().settings("acme", |one| one.limits = limits)
    };
    assert_eq!(
        with(Some(0), Some(0)).faults(),
        [
            "organization acme, max_message_size",
            "organization acme, max_recipients"
        ]
    );
    assert_eq!(
        with(Some(65_535), Some(99)).warnings(),
        [
            "organization acme, max_message_size",
            "organization acme, max_recipients"
        ]
    );
    assert!(with(Some(65_536), Some(100)).warnings().is_empty());
}
