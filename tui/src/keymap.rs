//! Which key does what, as data: the help bar and the help popup are drawn from the same table that resolves keys.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A screen behind a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// Everything in short.
    Overview,
    /// The stream sessions, with details.
    Sessions,
    /// Winning tickets and what is earned.
    Tickets,
    /// GPUs or the CPU.
    Devices,
    /// Remote transcoders, or the orchestrator of a transcoder.
    Transcoders,
    /// Stake and round.
    Chain,
    /// What the node logs.
    Log,
}

impl Tab {
    /// In the order of their digits.
    pub const ALL: [Self; 7] = [
        Self::Overview,
        Self::Sessions,
        Self::Tickets,
        Self::Devices,
        Self::Transcoders,
        Self::Chain,
        Self::Log,
    ];

    /// The tab `steps` further on, around the end.
    #[must_use]
    pub fn stepped(self, steps: usize) -> Self {
        let position = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL[(position + steps) % Self::ALL.len()]
    }
}

/// What the operator can have done to a node. Each is shown as a plan first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Call the round's reward.
    Reward,
    /// Redeem the winning tickets that can be redeemed.
    Redeem,
    /// Take no new sessions.
    Drain,
    /// End the selected session.
    EndSession,
    /// Ask gateways for another price.
    Price,
    /// Take more or fewer sessions at once.
    MaxSessions,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Leave the dashboard; the node runs on.
    Quit,
    /// Show a tab.
    Show(Tab),
    /// Next tab.
    NextTab,
    /// Previous tab.
    PreviousTab,
    /// All nodes, one line each.
    Fleet,
    /// Selection up.
    Up,
    /// Selection down.
    Down,
    /// Selection a screenful up.
    PageUp,
    /// Selection a screenful down.
    PageDown,
    /// Selection to the first row.
    First,
    /// Selection to the last row.
    Last,
    /// Details of the selected row.
    Open,
    /// Close a popup, clear the filter.
    Close,
    /// Type a filter.
    Filter,
    /// Next sort order; on the log, the next level.
    Sort,
    /// Next length of the charts' past.
    Range,
    /// Hold the picture, or let it go on.
    Pause,
    /// Ask for something to be done.
    Ask(Deed),
    /// Say yes to the plan on screen.
    Confirm,
    /// Show all keys.
    Help,
    /// Leave the mouse to the terminal, or take it.
    Mouse,
    /// Draw everything anew.
    Redraw,
    /// Back to the shell for now.
    Suspend,
}

/// What is in front and so receives the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A tab.
    Panels,
    /// A popup to read.
    Popup,
    /// A question.
    Question,
    /// The filter is being typed: letters go into it.
    Typing,
    /// A value is being typed: letters go into it.
    Value,
}

/// A key with its modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    control: bool,
}

const fn key(code: KeyCode) -> Key {
    Key { code, control: false }
}

const fn letter(letter: char) -> Key {
    key(KeyCode::Char(letter))
}

const fn control(letter: char) -> Key {
    Key {
        code: KeyCode::Char(letter),
        control: true,
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// Where it holds.
    pub mode: Mode,
    /// What it does.
    pub action: Action,
    keys: &'static [Key],
    /// How the keys are written.
    pub shown: &'static str,
    /// One word for the help bar; empty where the bar does not show it.
    pub short: &'static str,
    /// The sentence of the help popup.
    pub long: &'static str,
}

const fn bind(
    mode: Mode,
    action: Action,
    keys: &'static [Key],
    shown: &'static str,
    short: &'static str,
    long: &'static str,
) -> Binding {
    Binding {
        mode,
        action,
        keys,
        shown,
        short,
        long,
    }
}

/// The whole table, in the order of the help bar and the help popup.
pub static BINDINGS: &[Binding] = {
    use Mode::{Panels, Popup, Question, Typing, Value};
    &[
        bind(
            Panels,
            Action::Open,
            &[key(KeyCode::Enter)],
            "enter",
            "details",
            "details of the selected row",
        ),
        bind(
            Panels,
            Action::Filter,
            &[letter('/')],
            "/",
            "filter",
            "show only rows that match",
        ),
        bind(
            Panels,
            Action::Sort,
            &[letter('s')],
            "s",
            "sort",
            "next order; on the log the next level",
        ),
        bind(
            Panels,
            Action::Ask(Deed::Reward),
            &[letter('r')],
            "r",
            "reward",
            "call this round's reward",
        ),
        bind(
            Panels,
            Action::Ask(Deed::Drain),
            &[letter('d')],
            "d",
            "drain",
            "take no new sessions, finish those there are",
        ),
        bind(
            Panels,
            Action::Pause,
            &[letter('p')],
            "p",
            "pause",
            "hold the picture, or let it go on",
        ),
        bind(
            Panels,
            Action::Help,
            &[letter('?'), key(KeyCode::F(1))],
            "?",
            "help",
            "show all keys",
        ),
        bind(
            Panels,
            Action::Quit,
            &[letter('q'), control('c')],
            "q",
            "quit",
            "leave; the node runs on",
        ),
        bind(
            Panels,
            Action::Ask(Deed::Redeem),
            &[letter('w')],
            "w",
            "",
            "redeem winning tickets",
        ),
        bind(
            Panels,
            Action::Ask(Deed::EndSession),
            &[letter('x')],
            "x",
            "",
            "end the selected session",
        ),
        bind(
            Panels,
            Action::Ask(Deed::Price),
            &[letter('$')],
            "$",
            "",
            "ask gateways for another price",
        ),
        bind(
            Panels,
            Action::Ask(Deed::MaxSessions),
            &[letter('m')],
            "m",
            "",
            "take more or fewer sessions at once",
        ),
        bind(
            Panels,
            Action::Range,
            &[letter('t')],
            "t",
            "",
            "length of the charts' past",
        ),
        bind(
            Panels,
            Action::Show(Tab::Overview),
            &[letter('1')],
            "1",
            "",
            "overview",
        ),
        bind(
            Panels,
            Action::Show(Tab::Sessions),
            &[letter('2')],
            "2",
            "",
            "sessions",
        ),
        bind(
            Panels,
            Action::Show(Tab::Tickets),
            &[letter('3')],
            "3",
            "",
            "tickets and earnings",
        ),
        bind(
            Panels,
            Action::Show(Tab::Devices),
            &[letter('4')],
            "4",
            "",
            "GPUs or CPU",
        ),
        bind(
            Panels,
            Action::Show(Tab::Transcoders),
            &[letter('5')],
            "5",
            "",
            "transcoders",
        ),
        bind(
            Panels,
            Action::Show(Tab::Chain),
            &[letter('6')],
            "6",
            "",
            "stake and round",
        ),
        bind(
            Panels,
            Action::Show(Tab::Log),
            &[letter('7')],
            "7",
            "",
            "the node's log",
        ),
        bind(
            Panels,
            Action::Fleet,
            &[letter('0')],
            "0",
            "",
            "all nodes, where there are several",
        ),
        bind(
            Panels,
            Action::NextTab,
            &[key(KeyCode::Tab), key(KeyCode::Right)],
            "tab",
            "",
            "next tab",
        ),
        bind(
            Panels,
            Action::PreviousTab,
            &[key(KeyCode::BackTab), key(KeyCode::Left)],
            "shift-tab",
            "",
            "previous tab",
        ),
        bind(
            Panels,
            Action::Down,
            &[key(KeyCode::Down), letter('j')],
            "down, j",
            "",
            "next row",
        ),
        bind(
            Panels,
            Action::Up,
            &[key(KeyCode::Up), letter('k')],
            "up, k",
            "",
            "previous row",
        ),
        bind(
            Panels,
            Action::PageDown,
            &[key(KeyCode::PageDown), control('f')],
            "page-down",
            "",
            "a screenful further",
        ),
        bind(
            Panels,
            Action::PageUp,
            &[key(KeyCode::PageUp), control('b')],
            "page-up",
            "",
            "a screenful back",
        ),
        bind(
            Panels,
            Action::First,
            &[key(KeyCode::Home), letter('g')],
            "home, g",
            "",
            "first row",
        ),
        bind(
            Panels,
            Action::Last,
            &[key(KeyCode::End), letter('G')],
            "end, G",
            "",
            "last row",
        ),
        bind(
            Panels,
            Action::Close,
            &[key(KeyCode::Esc)],
            "esc",
            "",
            "clear the filter, close a popup",
        ),
        bind(
            Panels,
            Action::Mouse,
            &[letter('M')],
            "M",
            "",
            "leave the mouse to the terminal, to select text",
        ),
        bind(
            Panels,
            Action::Redraw,
            &[control('l')],
            "ctrl-l",
            "",
            "draw everything anew",
        ),
        bind(
            Panels,
            Action::Suspend,
            &[control('z')],
            "ctrl-z",
            "",
            "back to the shell for now; `fg` returns",
        ),
        bind(
            Popup,
            Action::Close,
            &[key(KeyCode::Esc), letter('q'), key(KeyCode::Enter)],
            "esc",
            "close",
            "",
        ),
        bind(
            Popup,
            Action::Close,
            &[letter('?'), key(KeyCode::F(1))],
            "?",
            "",
            "",
        ),
        bind(
            Popup,
            Action::Down,
            &[key(KeyCode::Down), letter('j')],
            "down",
            "next",
            "",
        ),
        bind(
            Popup,
            Action::Up,
            &[key(KeyCode::Up), letter('k')],
            "up",
            "previous",
            "",
        ),
        bind(Popup, Action::Quit, &[control('c')], "ctrl-c", "quit", ""),
        bind(Popup, Action::Redraw, &[control('l')], "ctrl-l", "", ""),
        bind(Popup, Action::Suspend, &[control('z')], "ctrl-z", "", ""),
        bind(Question, Action::Confirm, &[letter('y')], "y", "yes", ""),
        bind(
            Question,
            Action::Close,
            &[letter('n'), key(KeyCode::Esc), letter('q')],
            "n",
            "no",
            "",
        ),
        bind(Question, Action::Quit, &[control('c')], "ctrl-c", "quit", ""),
        bind(Question, Action::Suspend, &[control('z')], "ctrl-z", "", ""),
        bind(Typing, Action::Open, &[key(KeyCode::Enter)], "enter", "keep", ""),
        bind(Typing, Action::Close, &[key(KeyCode::Esc)], "esc", "clear", ""),
        bind(Typing, Action::Down, &[key(KeyCode::Down)], "down", "", ""),
        bind(Typing, Action::Up, &[key(KeyCode::Up)], "up", "", ""),
        bind(Typing, Action::Quit, &[control('c')], "ctrl-c", "quit", ""),
        bind(Typing, Action::Suspend, &[control('z')], "ctrl-z", "", ""),
        bind(
            Value,
            Action::Open,
            &[key(KeyCode::Enter)],
            "enter",
            "see what it would do",
            "",
        ),
        bind(Value, Action::Close, &[key(KeyCode::Esc)], "esc", "leave it", ""),
        bind(Value, Action::Quit, &[control('c')], "ctrl-c", "quit", ""),
        bind(Value, Action::Suspend, &[control('z')], "ctrl-z", "", ""),
    ]
};

/// The action of a key in a mode.
#[must_use]
pub fn resolve(mode: Mode, event: &KeyEvent) -> Option<Action> {
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let pressed = Key {
        code: event.code,
        control: event.modifiers.contains(KeyModifiers::CONTROL),
    };
    BINDINGS
        .iter()
        .find(|binding| binding.mode == mode && binding.keys.contains(&pressed))
        .map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        for (index, binding) in BINDINGS.iter().enumerate() {
            for other in &BINDINGS[index + 1..] {
                let shared = binding.keys.iter().find(|key| other.keys.contains(key));
                assert!(
                    binding.mode != other.mode || shared.is_none(),
                    "{shared:?} in {binding:?} and {other:?}"
                );
            }
        }
    }

    #[test]
    fn every_mode_can_be_left_and_quit() {
        for mode in [
            Mode::Panels,
            Mode::Popup,
            Mode::Question,
            Mode::Typing,
            Mode::Value,
        ] {
            let quit = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(resolve(mode, &quit), Some(Action::Quit));
            assert_eq!(resolve(mode, &KeyEvent::from(KeyCode::Esc)), Some(Action::Close));
        }
    }

    #[test]
    fn letters_are_text_while_typing() {
        for letter in ['q', 'd', 'y', '?', '1'] {
            for mode in [Mode::Typing, Mode::Value] {
                assert_eq!(resolve(mode, &KeyEvent::from(KeyCode::Char(letter))), None);
            }
        }
    }

    #[test]
    fn tabs_go_round() {
        assert_eq!(Tab::Log.stepped(1), Tab::Overview);
        assert_eq!(Tab::Overview.stepped(6), Tab::Log);
    }
}
