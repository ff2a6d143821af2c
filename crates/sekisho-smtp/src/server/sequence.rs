//! Which command may come when: all rules of order in one pure function (RFC 5321 §4.1.4, RFC 3030 §2, RFC 3207 §4).

use sekisho_mail::Reply;

use super::{phase::Phase, texts};
use crate::wire::command::Verb;

/// What the order of commands depends on beside the phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Whether the connection is under TLS.
    pub(super) under_tls: bool,
    /// Whether STARTTLS is offered on connections in the clear.
    pub(super) starttls: bool,
}

/// Whether `verb` may come now.
pub(super) fn check(phase: &Phase, verb: Verb, standing: Standing) -> Result<(), Reply> {
    match verb {
        Verb::Rset | Verb::Noop | Verb::Quit | Verb::Help | Verb::Vrfy | Verb::Expn => Ok(()),
        Verb::Ehlo | Verb::Helo | Verb::Unknown | Verb::NotOffered | Verb::Foreign => Ok(()),
        Verb::StartTls => check_starttls(phase, standing),
        Verb::Mail => match phase {
            Phase::Fresh => Err(texts::hello_first()),
            Phase::Envelope(_) => Err(texts::nested_mail()),
            Phase::BetweenChunks(_) => Err(texts::within_chunks()),
            Phase::Opening
            | Phase::Ready
            | Phase::Content(_)
            | Phase::Discard(_)
            | Phase::Deciding(_)
            | Phase::Handshake
            | Phase::Closed => Ok(()),
        },
        Verb::Rcpt => match phase {
            Phase::Envelope(_) => Ok(()),
            Phase::BetweenChunks(_) => Err(texts::within_chunks()),
            Phase::Opening
            | Phase::Fresh
            | Phase::Ready
            | Phase::Content(_)
            | Phase::Discard(_)
            | Phase::Deciding(_)
            | Phase::Handshake
            | Phase::Closed => Err(texts::mail_first()),
        },
        Verb::Data | Verb::Bdat => match phase {
            Phase::Envelope(transaction) if transaction.recipients.is_empty() => Err(texts::no_recipients()),
            Phase::Envelope(_) => Ok(()),
            Phase::BetweenChunks(_) if verb == Verb::Bdat => Ok(()),
            Phase::BetweenChunks(_) => Err(texts::within_chunks()),
            Phase::Opening
            | Phase::Fresh
            | Phase::Ready
            | Phase::Content(_)
            | Phase::Discard(_)
            | Phase::Deciding(_)
            | Phase::Handshake
            | Phase::Closed => Err(texts::mail_first()),
        },
    }
}

fn check_starttls(phase: &Phase, standing: Standing) -> Result<(), Reply> {
    if standing.under_tls {
        return Err(texts::already_tls());
    }
    if !standing.starttls {
        return Err(texts::not_implemented());
    }
    match phase {
        Phase::Ready => Ok(()),
        Phase::Envelope(_) | Phase::BetweenChunks(_) => Err(texts::tls_within_transaction()),
        Phase::Opening
        | Phase::Fresh
        | Phase::Content(_)
        | Phase::Discard(_)
        | Phase::Deciding(_)
        | Phase::Handshake
        | Phase::Closed => Err(texts::hello_first()),
    }
}

#[cfg(test)]
mod tests {
    use sekisho_mail::{Mailbox, Recipient, ReversePath};

    use super::*;
    use crate::{
        server::{BareLineEnds, LongLines, phase::Reception, question::Transaction},
        wire::{
            content::{ContentReader, ContentRules, Framing},
            params::MailParameters,
        },
    };

    fn transaction(recipients: usize) -> Transaction {
        let recipient = Recipient::new(Mailbox::parse("a@b.example").unwrap());
        let mut transaction = Transaction::new(ReversePath::Null, MailParameters::default());
        transaction.admit(vec![recipient; recipients], String::new());
        transaction
    }

    #[test]
    fn the_table_of_phases_and_verbs_stands_as_reviewed() {
        let rules = ContentRules {
            bare_line_ends: BareLineEnds::Refuse,
            long_lines: LongLines::Accept,
            max_octets: 1,
        };
        let reception = Reception {
            transaction: transaction(1),
            reader: ContentReader::new(Framing::Counted, rules),
            chunk: None,
            chunks: 1,
        };
        let phases = [
            ("fresh", Phase::Fresh),
            ("ready", Phase::Ready),
            ("mail", Phase::Envelope(transaction(0))),
            ("rcpt", Phase::Envelope(transaction(1))),
            ("bdat", Phase::BetweenChunks(Box::new(reception))),
        ];
        let mut table = format!("{:<12}", "");
        for (name, _) in &phases {
            table += &format!("{name:<7}");
        }
        let mut line = |name: &str, verb: Verb, standing: Standing| {
            table += &format!("\n{name:<12}");
            for (_, phase) in &phases {
                let cell =
                    check(phase, verb, standing).map_or_else(|reply| reply.code.to_string(), |()| "ok".to_owned());
                table += &format!("{cell:<7}");
            }
        };
        let clear = Standing {
            under_tls: false,
            starttls: true,
        };
        for verb in Verb::ALL {
            line(&format!("{verb:?}"), verb, clear);
        }
        line(
            "under TLS",
            Verb::StartTls,
            Standing {
                under_tls: true,
                ..clear
            },
        );
        line(
            "not offered",
            Verb::StartTls,
            Standing {
                starttls: false,
                ..clear
            },
        );
        let trimmed: Vec<&str> = table.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(trimmed.join("\n"));
    }
}
