//! How a list of rows is looked at: which row is selected, what is filtered, in which order. The rows themselves stay with
//! whoever has them; a row is known by its key, so that the selection follows it wherever it moves.

use crate::{keymap::Action, text};

/// A filter is never longer.
const LONGEST_FILTER: usize = 64;
/// Rows of a jump, whatever the screen's height.
const PAGE: usize = 10;

/// How a list is looked at.
#[derive(Debug, Default)]
pub struct Listing {
    filter: String,
    typing: bool,
    selected: Option<String>,
    /// Where the selected row was, to stay near when it is gone.
    row: usize,
    order: usize,
}

impl Listing {
    /// Whether letters go into the filter.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// Whether anything is left out.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// What is looked for, in small letters.
    #[must_use]
    pub fn wanted(&self) -> String {
        self.filter.to_lowercase()
    }

    /// Which of `orders` is chosen.
    #[must_use]
    pub fn order<T: Copy>(&self, orders: &[T]) -> Option<T> {
        orders.get(self.order % orders.len().max(1)).copied()
    }

    /// Letters for the filter. Control characters are left out.
    pub fn type_text(&mut self, letters: &str) {
        let room = LONGEST_FILTER.saturating_sub(self.filter.chars().count());
        self.filter
            .extend(letters.chars().filter(|letter| !letter.is_control()).take(room));
    }

    /// Takes the filter's last letter away.
    pub fn delete_letter(&mut self) {
        self.filter.pop();
    }

    /// The selected row among `keys`: the one it was, or one near where that was.
    #[must_use]
    pub fn position(&self, keys: &[&str]) -> usize {
        self.selected
            .as_deref()
            .and_then(|selected| {
                // Most of the time it has not moved.
                let stayed = keys
                    .get(self.row)
                    .filter(|key| **key == selected)
                    .map(|_| self.row);
                stayed.or_else(|| keys.iter().position(|key| *key == selected))
            })
            .unwrap_or_else(|| self.row.min(keys.len().saturating_sub(1)))
    }

    /// Selects a row.
    pub fn select(&mut self, row: usize, keys: &[&str]) {
        self.row = row.min(keys.len().saturating_sub(1));
        self.selected = keys.get(self.row).map(|key| (*key).to_string());
    }

    /// Keeps the selection on its row, or near where that was, when rows have come and gone.
    pub fn settle(&mut self, keys: &[&str]) {
        let position = self.position(keys);
        if self.row != position || self.selected.as_deref() != keys.get(position).copied() {
            self.select(position, keys);
        }
    }

    /// Takes a key's meaning; true if it was for the list. After a filter or an order has changed, `keys` are the old
    /// ones: settle with the new ones.
    pub fn act(&mut self, action: Action, keys: &[&str]) -> bool {
        let position = self.position(keys);
        match action {
            Action::Down => self.select(position.saturating_add(1), keys),
            Action::Up => self.select(position.saturating_sub(1), keys),
            Action::PageDown => self.select(position.saturating_add(PAGE), keys),
            Action::PageUp => self.select(position.saturating_sub(PAGE), keys),
            Action::First => self.select(0, keys),
            Action::Last => self.select(usize::MAX, keys),
            Action::Sort => {
                self.order = self.order.wrapping_add(1);
                (self.row, self.selected) = (0, None);
            }
            Action::Filter => self.typing = true,
            Action::Open if self.typing => self.typing = false,
            Action::Close if self.typing || !self.filter.is_empty() => {
                self.typing = false;
                self.filter.clear();
            }
            _ => return false,
        }
        true
    }

    /// `/filter_ 3 of 14` for a heading; nothing while nothing is filtered.
    #[must_use]
    pub fn shown_filter(&self, shown: usize, all: usize) -> Option<(String, String)> {
        (self.typing || self.is_filtered()).then(|| {
            let cursor = if self.typing { "_" } else { "" };
            (
                format!(" /{}{cursor}", text::clean(&self.filter)),
                format!(" {shown} of {all}"),
            )
        })
    }
}

/// Which rows of `all` are on the screen when `position` is selected and `room` fit: whole pages, so that rows stay
/// where they are while the selection moves among them.
#[must_use]
pub fn window(position: usize, all: usize, room: usize) -> std::ops::Range<usize> {
    let room = room.max(1);
    let first = position / room * room;
    first.min(all)..(first + room).min(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_follows_its_row_and_stays_near_when_that_is_gone() {
        let mut listing = Listing::default();
        listing.act(Action::Down, &["a", "b", "c"]);
        assert_eq!(listing.position(&["a", "b", "c"]), 1);
        listing.settle(&["c", "a", "b"]);
        assert_eq!(listing.position(&["c", "a", "b"]), 2);
        listing.settle(&["c", "a"]);
        assert_eq!(listing.position(&["c", "a"]), 1);
        listing.settle(&[]);
        assert_eq!(listing.position(&[]), 0);
        listing.act(Action::Last, &["x", "y"]);
        assert_eq!(listing.position(&["x", "y"]), 1);
        listing.act(Action::PageUp, &["x", "y"]);
        assert_eq!(listing.position(&["x", "y"]), 0);
    }

    #[test]
    fn a_filter_is_bounded_and_holds_no_control_characters() {
        let mut listing = Listing::default();
        listing.act(Action::Filter, &[]);
        listing.type_text("A\x1b\n");
        listing.type_text(&"b".repeat(1_000));
        assert_eq!(listing.wanted().len(), LONGEST_FILTER);
        assert!(listing.wanted().starts_with("ab"));
        assert!(listing.act(Action::Close, &[]) && !listing.is_filtered() && !listing.is_typing());
        assert!(!listing.act(Action::Close, &[]), "nothing is left to clear");
    }

    #[test]
    fn windows_are_pages() {
        assert_eq!(window(0, 5_000, 20), 0..20);
        assert_eq!(window(19, 5_000, 20), 0..20);
        assert_eq!(window(20, 5_000, 20), 20..40);
        assert_eq!(window(4_999, 5_000, 20), 4_980..5_000);
        assert_eq!(window(3, 2, 0), 2..2);
    }
}
