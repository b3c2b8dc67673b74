//! Settings and options, as the commands themselves explain them: nothing is said twice.

use std::collections::BTreeSet;

use serde::Serialize;

/// A setting of the config file.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// Its key.
    pub key: String,
    /// What it means.
    pub means: String,
}

/// An option of one or several commands.
#[derive(Debug, Clone, Serialize)]
pub struct Flag {
    #[serde(skip)]
    name: String,
    /// What its value is called; none for a switch.
    pub value: Option<String>,
    /// What it means.
    pub means: String,
    /// Whether every command has it.
    pub everywhere: bool,
    /// The commands that have it otherwise.
    pub commands: Vec<String>,
}

impl Flag {
    /// The variable of an option that every command has.
    pub fn variable(&self) -> String {
        format!("LPCTL_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }
}

/// All settings, from the help of `config set`.
pub fn settings() -> Vec<Setting> {
    let root = crate::cli::help_source();
    let set = root
        .find_subcommand("config")
        .and_then(|config| config.find_subcommand("set"))
        .and_then(|set| set.get_after_help());
    let text = set.map(ToString::to_string).unwrap_or_default();
    let listed = text
        .lines()
        .skip_while(|line| !line.starts_with("Keys of the config file"));
    listed
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| {
            let (key, means) = line.trim().split_once("  ")?;
            Some(Setting {
                key: key.to_string(),
                means: means.trim().to_string(),
            })
        })
        .collect()
}

/// The options of a name, with the commands that have them.
pub fn flags(name: &str) -> Vec<Flag> {
    let mut found: Vec<Flag> = Vec::new();
    walk(&crate::cli::help_source(), "lpctl", &mut |path, argument| {
        if argument.get_long() != Some(name) {
            return;
        }
        let means = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let everywhere = argument.is_global_set();
        if let Some(flag) = found.iter_mut().find(|flag| flag.means == means) {
            flag.commands.push(path.to_string());
            return;
        }
        let takes_value = argument.get_action().takes_values();
        let value = argument.get_value_names().and_then(|names| names.first());
        found.push(Flag {
            name: name.to_string(),
            value: value.filter(|_| takes_value).map(ToString::to_string),
            means,
            everywhere,
            commands: vec![path.to_string()],
        });
    });
    found
}

/// The names of all options.
pub fn flag_names() -> Vec<String> {
    let mut names = BTreeSet::new();
    walk(&crate::cli::help_source(), "lpctl", &mut |_, argument| {
        names.extend(argument.get_long().map(str::to_string));
    });
    names.into_iter().collect()
}

fn walk(command: &clap::Command, path: &str, visit: &mut impl FnMut(&str, &clap::Arg)) {
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        visit(path, argument);
    }
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        walk(child, &format!("{path} {}", child.get_name()), visit);
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_setting_that_can_be_set_is_explained() {
        let explained: BTreeSet<String> = settings().into_iter().map(|setting| setting.key).collect();
        let keys = crate::config::set::Key::value_variants().iter();
        let keys = keys.filter_map(|key| key.to_possible_value());
        let missing: Vec<String> = keys
            .map(|key| key.get_name().to_string())
            .filter(|key| key != "profile" && !explained.contains(key))
            .collect();
        assert!(missing.is_empty(), "not explained: {missing:?}");
    }

    #[test]
    fn an_option_tells_which_commands_have_it() {
        let flags = flags("reward-cut");
        assert_eq!(flags.len(), 1, "{flags:?}");
        assert!(flags[0].commands.contains(&"lpctl set-fees".to_string()));
        assert!(!flags[0].everywhere);
        assert!(super::flags("json")[0].everywhere);
    }
}
