//! Who may have how many of the files that the system lets us open. Connections get what is left beside everything
//! else, so that no crowd of clients takes the descriptors that the queue, the logs and the management socket need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{config::Settings, outbound::dialling};

/// A socket, and while content passes the file that it goes into or comes from.
const FILES_PER_CONNECTION: u64 = 2;
/// Kept for the store, the trace, the logs, the listeners, questions to DNS, and whoever asks for metrics or gives
/// orders: so many, ...
const RESERVED: u64 = 256;
/// ... or one in so many where there are few.
const RESERVED_SHARE: u64 = 8;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Connections {
    inbound: u64,
    outbound: u64,
}

/// A shell's 1024 files are few for connections in both directions; what the system allows is taken in full.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, limit = limit.current, "the number of files that may be open cannot be raised");
    }
}

/// Lowers the limits on connections to what the system lets us open, and says so.
pub(super) fn fit(settings: &mut Settings) {
    let Some(files) = getrlimit(Resource::Nofile).current else {
        return;
    };
    let outbound = &mut settings.outbound.settings.limits.connections;
    let wanted = Connections {
        inbound: settings.inbound.connections.into(),
        outbound: u64::try_from(*outbound).unwrap_or(u64::MAX),
    };
    let slow = u64::try_from(dialling()).unwrap_or(u64::MAX);
    let web = if settings.web.http.is_some() || settings.web.https.is_some() {
        u64::from(settings.web.limits.connections)
    } else {
        0
    };
    let granted = wanted.within(files, slow.saturating_add(web));
    if granted == wanted {
        return;
    }
    let Connections {
        inbound,
        outbound: to_others,
    } = granted;
    tracing::warn!(
        files,
        inbound,
        outbound = to_others,
        "the system lets us open too few files for limits.connections and limits.outbound-connections; these hold \
         instead. Raise the limit (LimitNOFILE= of systemd, ulimit -Hn), or lower the two"
    );
    settings.inbound.connections = u32::try_from(inbound).unwrap_or(u32::MAX);
    *outbound = usize::try_from(to_others).unwrap_or(usize::MAX);
}

impl Connections {
    /// As many as there is room for among so many files, in the same proportion; at least one each way. `beside`
    /// are those that do not stand yet, or wait for a host that is slow to answer, and those of the web.
    fn within(self, files: u64, beside: u64) -> Self {
        let reserved = RESERVED.min(files / RESERVED_SHARE);
        let room = (files.saturating_sub(reserved) / FILES_PER_CONNECTION).saturating_sub(beside);
        let wanted = self.inbound.saturating_add(self.outbound);
        if wanted <= room {
            return self;
        }
        let share = |part: u64| {
            let share = u128::from(part) * u128::from(room) / u128::from(wanted);
            u64::try_from(share).unwrap_or(u64::MAX).max(1)
        };
        Self {
            inbound: share(self.inbound),
            outbound: share(self.outbound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Connections = Connections {
        inbound: 4000,
        outbound: 500,
    };

    #[test]
    fn connections_never_take_the_files_that_everything_else_needs() {
        assert_eq!(
            WANTED.within(65_536, 4000),
            WANTED,
            "what the package gives is enough for the defaults"
        );
        for files in [64, 256, 1024, 4096, 13_000] {
            let slow = files / 4;
            let Connections { inbound, outbound } = WANTED.within(files, slow);
            let taken = (inbound + outbound + slow) * FILES_PER_CONNECTION;
            assert!(inbound >= 1 && outbound >= 1 && inbound > outbound, "{files}");
            assert!(taken <= files - files.min(2048) / RESERVED_SHARE, "{files}: {taken}");
        }
    }

    #[test]
    fn nothing_at_all_is_still_one_each_way() {
        let one = Connections {
            inbound: 1,
            outbound: 1,
        };
        assert_eq!(WANTED.within(8, 4), one);
        assert_eq!(one.within(0, 0), one);
    }
}
