//! How long a verdict about revocation takes by a CRL of 100,000 entries, and what taking the CRL costs. Run by
//! `cargo xtask bench --directory`; one line of JSON for each measurement. Fails when a verdict takes longer than it
//! may.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and ends when it cannot go on"
)]

use std::{
    collections::HashMap,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use sekisho_mail::{AnchorSetId, Check, Timestamp, Verdict};
use sekisho_testkit::{
    authority::{Authority, Endpoints},
    revocation::Crl,
};
use sekisho_tls::{AnchorSet, PeerChain, Verifier};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const ENTRIES: u64 = 100_000;
/// Verdicts of each measurement.
const ROUND: u32 = 2_000;
/// The most that a verdict may take.
const LIMIT: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    let root = Authority::new();
    let anchors = AnchorSetId("bench".to_owned());
    let set = AnchorSet::parse(root.anchor(), "a benchmark").unwrap();
    let verifier = Verifier::new(HashMap::from([(anchors.clone(), set)]));
    let pem = root.server_with(&["mx.example"], 7, &Endpoints::crl("http://crl.example/ca.crl"));
    let chain = PeerChain::of_server_in_pem(&pem.chain).unwrap();
    let checks = [Check::Revocation { anchors }];
    let need = verifier.revocation_needs(&chain, &checks, NOW).remove(0);
    let mut crl = Crl::of(NOW);
    // Spread as those of real authorities are, with a reason each, which makes an entry of 47 octets.
    for number in 1..=ENTRIES {
        crl = crl.revoking(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 63);
    }
    let octets = root.crl(&crl);

    let start = Instant::now();
    verifier.revocations().take(&need, &octets, NOW).unwrap();
    let held = verifier.revocations().held().remove(0);
    println!(
        "{{\"measurement\":\"take a CRL\",\"entries\":{ENTRIES},\"octets\":{},\"memory\":{},\"ms\":{}}}",
        octets.len(),
        held.memory,
        start.elapsed().as_millis()
    );
    let verdict = || {
        let answers = verifier.verify(black_box(&chain), &checks, NOW);
        assert_eq!(answers.verdicts[0].1, Verdict::Holds);
    };
    let mut slow = false;
    for (what, is_kept) in [("verdict that is kept", true), ("verdict found anew", false)] {
        verdict();
        let start = Instant::now();
        for _ in 0..ROUND {
            if !is_kept {
                // Whatever changes what is held ends every kept answer.
                verifier.revocations().set_grace(Duration::from_secs(3600));
            }
            verdict();
        }
        let one = start.elapsed() / ROUND;
        println!(
            "{{\"measurement\":\"{what}\",\"entries\":{ENTRIES},\"ns\":{}}}",
            one.as_nanos()
        );
        slow |= one > LIMIT;
    }
    if slow {
        println!("a verdict takes longer than {LIMIT:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
