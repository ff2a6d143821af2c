//! How many connections a destination gets at a time: few at first, more while they succeed, fewer when they fail.

/// The window of one destination.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Batches under way.
    pub(super) in_flight: usize,
    /// How many may be; fractions gather until they make a whole.
    size: f64,
    /// Batches in a row that found the destination dead.
    pub(super) failures: u32,
    /// The last one that found out found it alive.
    is_proven: bool,
}

impl Window {
    pub(super) fn new(first: usize) -> Self {
        Self {
            in_flight: 0,
            size: as_size(first.max(1)),
            failures: 0,
            is_proven: false,
        }
    }

    /// Whether it is known to take mail.
    pub(super) const fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Whether another batch may begin; `most` is the route's limit. After a failure one at a time feels its way.
    pub(super) fn has_room(&self, most: usize) -> bool {
        let size = if self.failures > 0 {
            1.0
        } else {
            self.size.min(as_size(most.max(1)))
        };
        as_size(self.in_flight) + 1.0 <= size
    }

    /// A batch went through: one window's worth of successes makes room for one more.
    pub(super) fn succeeded(&mut self, most: usize) {
        self.failures = 0;
        self.is_proven = true;
        self.size = (self.size + 1.0 / self.size).min(as_size(most.max(1)));
    }

    /// The destination was dead.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.is_proven = false;
        self.size = (self.size / 2.0).max(1.0);
    }
}

#[expect(clippy::cast_precision_loss, reason = "connections are counted in thousands at most")]
fn as_size(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_with_success_and_shrinks_with_failure() {
        let mut window = Window::new(2);
        assert!(!window.is_proven());
        window.in_flight = 2;
        assert!(!window.has_room(10));
        window.succeeded(10);
        window.succeeded(10);
        window.succeeded(10);
        assert!(window.has_room(10) && !window.has_room(2), "the route's limit holds");
        assert!(window.is_proven());
        (0..1000).for_each(|_| window.succeeded(4));
        window.in_flight = 4;
        assert!(!window.has_room(10));
        window.failed();
        assert!(!window.is_proven());
        window.in_flight = 1;
        assert!(!window.has_room(10), "a dead destination is felt for by one");
        window.in_flight = 0;
        assert!(window.has_room(10));
    }
}
