//! Label values from outside. Each new one is a series that Prometheus keeps for ever: here are only so many.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Longest value that is kept as it is, in characters.
const LONGEST: usize = 100;
/// Stands for all that came too late.
const OTHER: &str = "other";

/// The first values there were, up to a number; the rest are one.
#[derive(Debug)]
pub(crate) struct Bounded {
    most: usize,
    seen: Mutex<HashSet<String>>,
}

impl Bounded {
    /// None yet.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            seen: Mutex::default(),
        }
    }

    /// The value, its beginning if it is long, or `other`. Control characters are gone from it.
    pub(crate) fn keep(&self, value: &str) -> String {
        let value: String = value
            .chars()
            .filter(|character| !character.is_control())
            .take(LONGEST)
            .collect();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&value) {
            return value;
        }
        match seen.len() < self.most {
            true => {
                seen.insert(value.clone());
                value
            }
            false => OTHER.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_come_too_late_are_one() {
        let bounded = Bounded::new(2);
        assert_eq!(bounded.keep("a\u{7}b"), "ab");
        assert_eq!(bounded.keep(&"x".repeat(1000)).len(), LONGEST);
        assert_eq!(bounded.keep("c"), OTHER);
        assert_eq!(bounded.keep("ab"), "ab");
        assert_eq!(bounded.seen.lock().unwrap().len(), 2);
    }
}
