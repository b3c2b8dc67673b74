//! What an operator changes while a node runs, and the file that keeps it for the next start.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::log::{LogPage, LogQuery, LogRing};
use crate::{
    config::{Amount, LogLevel, SessionsChoice},
    payments::{PriceTag, price::PriceError},
    private_file,
    units::Wei,
};

/// The file's name in the node's directory.
const FILE: &str = "settings.json";
/// A larger file is not one of ours.
const MAX_BYTES: u64 = 64 << 10;

/// What was changed at run time, as far as anything was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct KeptSettings {
    /// Sessions at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<SessionsChoice>,
    /// How much is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// What gateways without a price of their own pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceTag>,
    /// What single gateways pay; none: what all pay, whatever the config file says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub gateway_prices: BTreeMap<Address, Option<PriceTag>>,
    /// The most a winning ticket pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_face_value: Option<Limit>,
    /// The most to be paid for gas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gas_price: Option<Limit>,
    /// The least to be offered for gas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_gas_price: Option<Amount>,
}

/// The most there may be of an amount of ETH, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Limit(pub Option<Wei>);

/// What stands for no limit.
const NO_LIMIT: &str = "none";

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == NO_LIMIT {
            return Ok(Self(None));
        }
        match text.parse::<Wei>() {
            Ok(Wei::ZERO) => Err(format!(
                "0 is not a limit; write `{NO_LIMIT}` to take the limit away"
            )),
            Ok(limit) => Ok(Self(Some(limit))),
            Err(error) => Err(format!("{error}, or `{NO_LIMIT}`")),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => write!(f, "{}wei", limit.0),
            None => f.write_str(NO_LIMIT),
        }
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> Self {
        limit.to_string()
    }
}

/// A change: what it does not name stays. The body of `POST /api/v1/settings`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChange {
    /// Sessions at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<SessionsChoice>,
    /// How much is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// What gateways pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceChange>,
    /// The most a winning ticket pays, like `0.1eth`, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_face_value: Option<Limit>,
    /// The most to be paid for gas, like `0.1gwei`, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gas_price: Option<Limit>,
    /// The least to be offered for gas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_gas_price: Option<Amount>,
}

/// Another price, for all gateways without one of their own, or for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceChange {
    /// Which one; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub gateway: Option<Address>,
    /// The price; none: the gateway pays what all pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceTag>,
}

/// Who does what a change asks for.
pub(super) trait Changing {
    /// Sets the most sessions.
    fn set_sessions(&self, choice: SessionsChoice) -> Result<(), SettingsError>;
    /// Sets a price.
    fn set_price(&self, change: &PriceChange) -> Result<(), SettingsError>;
    /// Sets the most a winning ticket pays.
    fn set_max_face_value(&self, limit: Limit) -> Result<(), SettingsError>;
    /// Sets what gas may cost; what is none stays.
    fn set_gas_limits(&self, max: Option<Limit>, min: Option<Wei>) -> Result<(), SettingsError>;
}

/// Why a change was not made, or does not last.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// This node has no such setting. Says why.
    #[error("{0}")]
    NotHere(&'static str),
    /// The log did not take it.
    #[error("the log level was not changed: {0}")]
    Log(String),
    /// A price that cannot be asked for.
    #[error("the price was not changed: {0}")]
    Price(#[from] PriceError),
    /// It was made, and is forgotten when the node ends.
    #[error("the change holds now, but not after a restart: {} cannot be written: {source}", path.display())]
    NotKept {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was kept cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl KeptSettings {
    /// Where a node keeps them.
    #[must_use]
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(FILE)
    }

    /// Reads what a node with these files kept; nothing if it kept nothing.
    ///
    /// # Errors
    /// [`SettingsError::Unreadable`].
    pub fn read(data_dir: &Path) -> Result<Self, SettingsError> {
        let path = Self::path(data_dir);
        let unreadable = |reason: String| SettingsError::Unreadable {
            path: path.clone(),
            reason,
        };
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let mut text = Vec::new();
        file.take(MAX_BYTES)
            .read_to_end(&mut text)
            .map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
    }

    fn write(&self, data_dir: &Path) -> Result<(), SettingsError> {
        let path = Self::path(data_dir);
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        text.and_then(|text| private_file::replace(&path, &text))
            .map_err(|source| SettingsError::NotKept { path, source })
    }
}

type SetLevel = dyn Fn(LogLevel) -> Result<(), String> + Send + Sync;

/// Changes what the process logs; made by whoever started the log.
#[derive(Clone)]
pub struct LogControl {
    set: Arc<SetLevel>,
    /// What was set last; none: nothing was.
    level: Arc<Mutex<Option<LogLevel>>>,
    ring: Option<LogRing>,
}

impl LogControl {
    /// From the function that changes it.
    pub fn new(set: impl Fn(LogLevel) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self {
            set: Arc::new(set),
            level: Arc::default(),
            ring: None,
        }
    }

    /// With the last lines of the log.
    #[must_use]
    pub fn with_ring(self, ring: LogRing) -> Self {
        Self {
            ring: Some(ring),
            ..self
        }
    }

    /// With what is logged now.
    #[must_use]
    pub fn with_level(self, level: LogLevel) -> Self {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
        self
    }

    /// The last lines of the log, if they are kept.
    #[must_use]
    pub fn ring(&self) -> Option<&LogRing> {
        self.ring.as_ref()
    }

    /// What is logged now; none if a filter of another kind decides.
    #[must_use]
    pub fn level(&self) -> Option<LogLevel> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines that are asked for, and what is logged now; empty if no lines are kept.
    #[must_use]
    pub fn page(&self, query: &LogQuery) -> LogPage {
        let page = self
            .ring
            .as_ref()
            .map(|ring| ring.page(query))
            .unwrap_or_default();
        LogPage {
            level: self.level(),
            ..page
        }
    }

    fn set(&self, level: LogLevel) -> Result<(), String> {
        (self.set)(level)?;
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
        Ok(())
    }
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogControl(…)")
    }
}

/// Makes changes, and keeps them.
#[derive(Debug)]
pub(super) struct RunTimeSettings {
    data_dir: PathBuf,
    log: Option<LogControl>,
    /// One change at a time: the file is read, changed and written.
    changing: Mutex<()>,
}

impl RunTimeSettings {
    pub(super) fn new(data_dir: PathBuf, log: Option<LogControl>) -> Self {
        Self {
            data_dir,
            log,
            changing: Mutex::new(()),
        }
    }

    /// What the process logs; none if that was set up elsewhere.
    pub(super) fn log(&self) -> Option<&LogControl> {
        self.log.as_ref()
    }

    /// What was changed at run time, in this run and earlier ones; nothing if that cannot be read. May block.
    pub(super) fn kept(&self) -> KeptSettings {
        KeptSettings::read(&self.data_dir).unwrap_or_default()
    }

    /// Makes a change and keeps it; `node` does its part of it.
    pub(super) fn change(&self, change: &SettingsChange, node: &impl Changing) -> Result<(), SettingsError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that cannot be read is replaced by what is known to hold.
        let mut kept = KeptSettings::read(&self.data_dir).unwrap_or_default();
        if let Some(level) = change.log_level {
            let log = self.log.as_ref().ok_or(SettingsError::NotHere(
                "the log level cannot be changed here: the log was not set up by lpctl",
            ))?;
            log.set(level).map_err(SettingsError::Log)?;
            tracing::info!(%level, "the log level was changed");
            kept.log_level = Some(level);
        }
        if let Some(choice) = change.max_sessions {
            node.set_sessions(choice)?;
            tracing::info!(%choice, "the most sessions at once were changed");
            kept.max_sessions = Some(choice);
        }
        if let Some(change) = &change.price {
            node.set_price(change)?;
            let shown = change
                .price
                .as_ref()
                .map_or("usual".to_string(), ToString::to_string);
            tracing::info!(gateway = ?change.gateway, price = shown, "a price was changed");
            match change.gateway {
                Some(gateway) => {
                    kept.gateway_prices.insert(gateway, change.price.clone());
                }
                None => kept.price.clone_from(&change.price),
            }
        }
        if let Some(limit) = change.max_face_value {
            node.set_max_face_value(limit)?;
            tracing::info!(%limit, "the most a winning ticket pays was changed");
            kept.max_face_value = Some(limit);
        }
        if change.max_gas_price.is_some() || change.min_gas_price.is_some() {
            node.set_gas_limits(change.max_gas_price, change.min_gas_price.map(|Amount(wei)| wei))?;
            tracing::info!(max = ?change.max_gas_price, min = ?change.min_gas_price, "what gas may cost was changed");
            kept.max_gas_price = change.max_gas_price.or(kept.max_gas_price);
            kept.min_gas_price = change.min_gas_price.or(kept.min_gas_price);
        }
        kept.write(&self.data_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does what it is told, if it does anything.
    struct Rig {
        sessions: bool,
    }

    impl Changing for Rig {
        fn set_sessions(&self, _: SessionsChoice) -> Result<(), SettingsError> {
            match self.sessions {
                true => Ok(()),
                false => Err(SettingsError::NotHere("no")),
            }
        }

        fn set_price(&self, _: &PriceChange) -> Result<(), SettingsError> {
            Ok(())
        }

        fn set_max_face_value(&self, _: Limit) -> Result<(), SettingsError> {
            Ok(())
        }

        fn set_gas_limits(&self, _: Option<Limit>, _: Option<Wei>) -> Result<(), SettingsError> {
            Ok(())
        }
    }

    fn sessions(most: i64) -> SessionsChoice {
        SessionsChoice::Most(most.try_into().unwrap())
    }

    #[test]
    fn changes_are_kept_beside_one_another() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            KeptSettings::read(folder.path()).unwrap(),
            KeptSettings::default()
        );
        let told = Arc::new(Mutex::new(None));
        let (log, heard) = (Arc::clone(&told), told);
        let log = LogControl::new(move |level| {
            *log.lock().unwrap() = Some(level);
            Ok(())
        });
        let settings = RunTimeSettings::new(folder.path().to_path_buf(), Some(log));
        let level = SettingsChange {
            log_level: Some(LogLevel::Debug),
            ..SettingsChange::default()
        };
        settings.change(&level, &Rig { sessions: false }).unwrap();
        assert_eq!(*heard.lock().unwrap(), Some(LogLevel::Debug));
        let most = SettingsChange {
            max_sessions: Some(sessions(3)),
            ..SettingsChange::default()
        };
        settings.change(&most, &Rig { sessions: true }).unwrap();
        for (gateway, price) in [
            (None, Some("7")),
            (Some(1), Some("0.02usd/1000")),
            (Some(2), Some("9")),
            (Some(2), None),
        ] {
            let change = SettingsChange {
                price: Some(PriceChange {
                    gateway: gateway.map(Address::repeat_byte),
                    price: price.map(|price| price.parse().unwrap()),
                }),
                ..SettingsChange::default()
            };
            settings.change(&change, &Rig { sessions: false }).unwrap();
        }
        for (max, min) in [
            (Some("0.1gwei"), None),
            (None, Some("7wei")),
            (Some("none"), None),
        ] {
            let change = SettingsChange {
                max_face_value: max.map(|limit| limit.parse().unwrap()),
                max_gas_price: max.map(|limit| limit.parse().unwrap()),
                min_gas_price: min.map(|price| Amount(price.parse().unwrap())),
                ..SettingsChange::default()
            };
            settings.change(&change, &Rig { sessions: false }).unwrap();
        }
        let kept = KeptSettings::read(folder.path()).unwrap();
        assert_eq!(
            (kept.max_gas_price, kept.max_face_value),
            (Some(Limit(None)), Some(Limit(None)))
        );
        assert_eq!(kept.min_gas_price, Some(Amount("7wei".parse().unwrap())));
        assert!("0wei".parse::<Limit>().is_err() && "7".parse::<Limit>().is_err());
        assert_eq!("0.1gwei".parse::<Limit>().unwrap().to_string(), "100000000wei");
        assert_eq!(kept.log_level, Some(LogLevel::Debug));
        assert_eq!(kept.max_sessions, Some(sessions(3)));
        assert_eq!(kept.price.unwrap().to_string(), "7wei");
        let of = |byte| {
            kept.gateway_prices[&Address::repeat_byte(byte)]
                .as_ref()
                .map(ToString::to_string)
        };
        assert_eq!([of(1).as_deref(), of(2).as_deref()], [Some("0.02usd/1000"), None]);
    }

    #[test]
    fn what_is_not_done_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let settings = RunTimeSettings::new(folder.path().to_path_buf(), None);
        let change = SettingsChange {
            max_sessions: Some(SessionsChoice::Auto),
            ..SettingsChange::default()
        };
        let refused = settings.change(&change, &Rig { sessions: false });
        assert!(refused.is_err());
        let level = SettingsChange {
            log_level: Some(LogLevel::Info),
            ..SettingsChange::default()
        };
        assert!(settings.change(&level, &Rig { sessions: true }).is_err());
        assert_eq!(
            KeptSettings::read(folder.path()).unwrap(),
            KeptSettings::default()
        );
        fs::write(KeptSettings::path(folder.path()), "{").unwrap();
        assert!(matches!(
            KeptSettings::read(folder.path()),
            Err(SettingsError::Unreadable { .. })
        ));
    }
}
