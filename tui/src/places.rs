//! What is where on the screen, for the mouse.

use std::cell::RefCell;

use ratatui::layout::{Position, Rect};

use crate::keymap::{Action, Tab};

/// Something that can be clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A tab's word.
    Tab(Tab),
    /// A row of the list in front, counted from its first.
    Row(usize),
    /// What a key would do.
    Key(Action),
    /// Inside of a popup.
    Popup,
}

/// What a frame has where. Later ones lie above earlier ones.
#[derive(Debug, Default)]
pub struct Places(RefCell<Vec<(Rect, Place)>>);

impl Places {
    /// Something is in `area`.
    pub fn put(&self, area: Rect, place: Place) {
        self.0.borrow_mut().push((area, place));
    }

    /// What is at a cell.
    #[must_use]
    pub fn at(&self, column: u16, row: u16) -> Option<Place> {
        let places = self.0.borrow();
        let hit = places
            .iter()
            .rev()
            .find(|(area, _)| area.contains(Position::new(column, row)));
        hit.map(|(_, place)| *place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_is_hit() {
        let places = Places::default();
        places.put(Rect::new(0, 0, 10, 10), Place::Row(1));
        places.put(Rect::new(2, 2, 2, 2), Place::Popup);
        assert_eq!(places.at(3, 3), Some(Place::Popup));
        assert_eq!(places.at(4, 3), Some(Place::Row(1)));
        assert_eq!(places.at(10, 3), None);
    }
}
