//! The way to a host, step by step, for whoever tries a connector. Deliveries keep no steps, which costs them a branch.

use sekisho_api::{StepKind, StepResult, ValidationStep};
use tokio::time::Instant;

/// A host with many addresses of which each fails has no more steps than this.
const STEPS_MAX: usize = 100;

/// What was done so far, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Steps {
    done: Vec<ValidationStep>,
    under_way: Option<(StepKind, Instant)>,
}

impl Steps {
    pub(super) fn begin(&mut self, step: StepKind) {
        self.under_way = Some((step, Instant::now()));
    }

    /// Ends what is under way; nothing where nothing is.
    pub(super) fn end(&mut self, result: StepResult, detail: String) {
        if let Some((step, began)) = self.under_way.take()
            && self.done.len() < STEPS_MAX
        {
            self.done.push(ValidationStep {
                step,
                result,
                millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                detail,
                findings: Vec::new(),
            });
        }
    }

    /// What became of the certificate is known behind the handshake, whatever was said after it.
    pub(super) fn add_certificate(&mut self, step: ValidationStep) {
        let is_handshake = |one: &ValidationStep| one.step == StepKind::Starttls && one.result == StepResult::Passed;
        let behind = self.done.iter().rposition(is_handshake);
        let at = behind.map_or(self.done.len(), |place| place + 1);
        self.done.insert(at, step);
    }

    pub(super) fn into_done(self) -> Vec<ValidationStep> {
        self.done
    }
}
