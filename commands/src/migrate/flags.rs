//! `lpctl migrate flags`.

use std::{
    fmt::Write as _,
    io::Read as _,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::{Args, ValueHint};
use engine::{
    config::{ConfigFile, Pixels},
    payments::PriceTag,
    remote::OrchestratorAddress,
};
use serde::{Deserialize, Serialize};

use super::{
    line::{self, Given},
    table::Fate,
};
use crate::{
    config::set::put,
    context::Context,
    failure::{Failure, Kind},
    settings::check_fit,
    shell::{Report, Style, escape},
};

/// Show the config and the command that stand for a command line of go-livepeer
///
/// Takes the command line of an orchestrator, a transcoder, or both in one. The config goes to stdout, ready for the
/// config file; what has no counterpart is told with its reason. Nothing is changed, and no secret is repeated.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl migrate flags -- livepeer -transcoder -orchAddr o.example:8935 -orchSecret /etc/lp/secret -nvidia all
  lpctl migrate flags --file start.sh
  ps -o args= -C livepeer | lpctl migrate flags --file -")]
pub struct FlagsArgs {
    /// File that holds the command line, as a shell would read it; - for stdin
    #[arg(long, value_name = "PATH", conflicts_with = "words", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// The command line, after --
    #[arg(last = true, value_name = "WORD")]
    words: Vec<String>,
}

/// A command line larger than this is none.
const MAX_BYTES: u64 = 256 << 10;

/// Prices of single gateways, as go-livepeer reads them.
#[derive(Deserialize)]
struct GatewayPrices {
    gateways: Vec<GatewayPrice>,
}

#[derive(Deserialize)]
struct GatewayPrice {
    #[serde(rename = "ethaddress")]
    address: String,
    #[serde(rename = "priceperunit")]
    price: serde_json::Number,
    #[serde(default)]
    currency: String,
    #[serde(rename = "pixelsperunit")]
    pixels: serde_json::Number,
}

/// How go-livepeer reads a switch.
fn is_true(value: &str) -> bool {
    !matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False")
}

/// What a flag became, or why it became nothing.
#[derive(Debug, Serialize)]
struct Note {
    flag: &'static str,
    said: String,
}

#[derive(Debug, Serialize)]
struct Migrated {
    /// For the config file.
    config: String,
    /// What starts the node.
    command: String,
    notes: Vec<Note>,
}

impl Report for Migrated {
    fn text(&self, _: &Style) -> String {
        format!("# start it with: {}\n{}", self.command, self.config.trim_end())
    }
}

/// Shows it.
///
/// # Errors
/// Usage for a line that is none, or one of a node that lpctl is not.
pub async fn run(args: FlagsArgs, context: &mut Context) -> eyre::Result<()> {
    let words = match args.file {
        Some(path) => line::split(&read_file(path).await?).map_err(bad_line)?,
        None => args.words,
    };
    if words.is_empty() {
        let failure = Failure::new(Kind::Usage, "no_command_line", "there is no command line to read");
        return Err(failure
            .hint("put it after `--`, or name a file that holds it with `--file`")
            .into());
    }
    let given = line::read(&words).map_err(bad_line)?;
    let migrated = Translation::of(&given, |path| path.is_file())?;
    if !context.shell.is_json() {
        for note in &migrated.notes {
            context
                .shell
                .status(format_args!("-{}: {}", note.flag, note.said));
        }
    }
    Ok(context.shell.report(&migrated)?)
}

fn bad_line(error: line::LineError) -> Failure {
    Failure::new(Kind::Usage, "bad_command_line", error.to_string())
        .hint("this reads the flags of go-livepeer 0.9.1, from after the program's name")
}

async fn read_file(path: PathBuf) -> Result<String, Failure> {
    let shown = path.display().to_string();
    let unreadable = |error: String| {
        Failure::new(
            Kind::Usage,
            "unreadable_file",
            format!("{}: {error}", escape(&shown)),
        )
        .hint("`--file` names a file that holds the command line; `-` is stdin")
    };
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        if path == Path::new("-") {
            std::io::stdin().take(MAX_BYTES).read_to_string(&mut text)?;
        } else {
            std::fs::File::open(&path)?
                .take(MAX_BYTES)
                .read_to_string(&mut text)?;
        }
        Ok::<_, std::io::Error>(text)
    });
    let read = reading.await.map_err(|error| unreadable(error.to_string()))?;
    read.map_err(|error| unreadable(error.to_string()))
}

/// A command line on its way to lpctl.
struct Translation {
    config: toml_edit::DocumentMut,
    command: String,
    notes: Vec<Note>,
}

impl Translation {
    /// What the flags mean; `is_file` tells whether a value names a file, as go-livepeer finds it out.
    fn of(given: &[Given], is_file: impl Fn(&Path) -> bool) -> Result<Migrated, Failure> {
        let is_on = |name: &str| {
            let last = given.iter().rfind(|given| given.name == name);
            last.is_some_and(|given| is_true(&given.value))
        };
        let mode = match (is_on("orchestrator"), is_on("transcoder")) {
            (true, true) => "combined",
            (true, false) => "orchestrator",
            (false, true) => "transcoder",
            (false, false) => {
                return Err(Failure::new(
                    Kind::Usage,
                    "no_mode",
                    "the command line is neither an orchestrator's nor a transcoder's",
                )
                .hint("one of `-orchestrator` and `-transcoder` must be on it; lpctl sends streams with `lpctl gateway`"));
            }
        };
        let mut translation = Self {
            config: toml_edit::DocumentMut::new(),
            command: "lpctl run".to_string(),
            notes: Vec::new(),
        };
        translation.set("mode", mode);
        for given in given {
            match given.fate {
                Fate::Dropped(reason) => translation.note(given.name, reason),
                Fate::Handled => translation.take(given, mode, &is_file),
            }
        }
        if mode == "orchestrator" && !given.iter().any(|given| given.name == "orchSecret") {
            translation.note(
                "orchestrator",
                "its transcoders need a secret: name its file in orch_secret_file",
            );
        }
        translation.finish()
    }

    fn finish(self) -> Result<Migrated, Failure> {
        let config = self.config.to_string();
        let bug = |error: String| {
            Failure::new(
                Kind::Usage,
                "bad_value",
                format!("a value of the command line does not fit: {error}"),
            )
            .hint("correct it there, or leave the flag out and set it with `lpctl config set`")
        };
        let file = ConfigFile::parse(&config).map_err(|error| bug(error.to_string()))?;
        check_fit(&file).map_err(bug)?;
        Ok(Migrated {
            config,
            command: self.command,
            notes: self.notes,
        })
    }

    fn set(&mut self, key: &str, value: impl Into<toml_edit::Value>) {
        put(&mut self.config, None, key, toml_edit::value(value));
    }

    fn note(&mut self, flag: &'static str, said: impl Into<String>) {
        self.notes.push(Note {
            flag,
            said: said.into(),
        });
    }

    fn option(&mut self, option: &str, value: &str) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,@[]".contains(&byte);
        // Writing to a String cannot fail.
        let _ = match value.bytes().all(is_plain) && !value.is_empty() {
            true => write!(self.command, " {option} {value}"),
            false => write!(
                self.command,
                " {option} '{}'",
                escape(&value.replace('\'', "'\\''"))
            ),
        };
    }

    fn take(&mut self, given: &Given, mode: &str, is_file: &impl Fn(&Path) -> bool) {
        let (name, value) = (given.name, given.value.as_str());
        let serves = mode != "transcoder";
        match name {
            "orchestrator" | "transcoder" => {}
            "gateway" | "broadcaster" => self.note(name, "a node of lpctl is no gateway as well: see `lpctl gateway`"),
            "v" => self.set(
                "log_level",
                match value.parse::<u32>() {
                    Ok(0..=2) => "warn",
                    Ok(5) => "debug",
                    Ok(6..) => "trace",
                    _ => "info",
                },
            ),
            "network" => match value {
                "arbitrum-one-mainnet" => self.set("network", "arbitrum-one"),
                value => self.set("network", value),
            },
            "ethUrl" => self.note(
                name,
                "not repeated, it may hold a key: `lpctl config set rpc_urls URL`, and add a second one",
            ),
            "ethController" => self.set("controller", value),
            "ethAcctAddr" => self.set("account", value),
            "ethKeystorePath" => self.set("keystore_dir", value),
            "dataDir" | "datadir" => {
                self.note(name, "lpctl keeps its own files; the keys are used where they are");
                let keystore = Path::new(value).join("keystore");
                if is_file(&keystore) || keystore.is_dir() {
                    self.set("keystore_dir", keystore.display().to_string());
                }
            }
            "ethPassword" => self.secret(name, value, "password_file", is_file),
            "orchSecret" => self.secret(name, value, "orch_secret_file", is_file),
            "maxGasPrice" if value == "0" => {}
            "maxGasPrice" => self.set("max_gas_price", format!("{value}wei")),
            "redeemerAddr" | "reward" | "initializeRound" | "initializeRoundMaxDelay" if !serves => {
                self.note(name, "a transcoder sends no transactions");
            }
            "redeemerAddr" => self.option("--redeemer", value),
            "reward" if is_true(value) => self.note(name, "lpctl's node calls it by itself"),
            "reward" => self.command.push_str(" --no-reward"),
            "initializeRound" => self.set("reward.initialize_rounds", is_true(value)),
            // Go's durations: only whole seconds are usual.
            "initializeRoundMaxDelay" => match value.strip_suffix('s').map(str::parse::<i64>) {
                Some(Ok(seconds)) => self.set("reward.initialize_max_delay", seconds),
                _ => self.note(name, "give it in seconds: `lpctl config set reward.initialize_max_delay SECONDS`"),
            },
            "pricePerUnit" | "pixelsPerUnit" | "priceFeedAddr" | "pricePerGateway" | "pricePerBroadcaster"
            | "ticketEV" | "maxFaceValue" | "autoAdjustPrice"
                if !serves =>
            {
                self.note(name, "a transcoder names no price: its orchestrator does");
            }
            "pricePerUnit" => match value.parse::<PriceTag>() {
                Ok(_) => self.set("payments.price", value),
                Err(error) => self.note(name, error.to_string()),
            },
            "pixelsPerUnit" => match value.parse::<Pixels>() {
                Ok(pixels) => self.set("payments.pixels_per_unit", i64::from(pixels)),
                Err(error) => self.note(name, error),
            },
            "priceFeedAddr" => self.set("payments.price_feed", value),
            "pricePerGateway" | "pricePerBroadcaster" => self.gateway_prices(name, value, is_file),
            "ticketEV" => self.set("payments.ticket_ev", format!("{value}wei")),
            "maxFaceValue" if value == "0" => {}
            "maxFaceValue" => self.set("payments.max_face_value", format!("{value}wei")),
            "autoAdjustPrice" => self.set("payments.auto_adjust_price", is_true(value)),
            "maxSessions" => match value.parse::<i64>() {
                Ok(sessions) => self.set("max_sessions", sessions),
                Err(_) => self.set("max_sessions", value),
            },
            "orchAddr" if serves => self.note(name, "an orchestrator works for nobody else"),
            "orchAddr" => {
                let mut addresses = value.split(',').map(str::trim);
                let first = addresses.next().unwrap_or_default();
                match first.parse::<OrchestratorAddress>() {
                    Ok(address) => self.set("orch_addr", address.to_string()),
                    Err(error) => self.note(name, error.to_string()),
                }
                if addresses.next().is_some() {
                    self.note(name, "only the first address counts, as in go-livepeer");
                }
            }
            "nvidia" => self.option("--gpus", value),
            "cliAddr" => self.operator(name, value),
            "serviceAddr" | "httpAddr" | "nodes" | "objectStore" | "authWebhookUrl" if !serves => {
                self.note(name, "a transcoder serves no gateways");
            }
            "serviceAddr" if value == "none" => self.note(name, "lpctl without work is lpctl that is stopped"),
            "serviceAddr" => self.option("--service-addr", value.trim_end_matches('/')),
            "httpAddr" => self.bind(name, value),
            "nodes" => {
                let nodes: toml_edit::Array = value.split(',').map(str::trim).collect();
                self.set("orchestrator.nodes", nodes);
            }
            "objectStore" => self.note(
                name,
                "not repeated, it holds keys: put the URL into a file and name it in orchestrator.object_store_file",
            ),
            "authWebhookUrl" => self.note(
                name,
                "not repeated, it may hold a key: `lpctl config set orchestrator.discovery_webhook URL`",
            ),
            _ => self.note(name, "it has no counterpart"),
        }
    }

    /// A value that is a file's path, or the secret itself.
    fn secret(&mut self, name: &'static str, value: &str, key: &str, is_file: &impl Fn(&Path) -> bool) {
        if is_file(Path::new(value)) {
            self.set(key, value);
        } else {
            self.note(
                name,
                format!("no file of that name is here, so it may be the secret itself: put it into a file and name that in {key}"),
            );
        }
    }

    /// Prices of single gateways: JSON, or a file of it.
    fn gateway_prices(&mut self, name: &'static str, value: &str, is_file: &impl Fn(&Path) -> bool) {
        if is_file(Path::new(value)) {
            return self.note(
                name,
                "the file is not read: put its prices into payments.price_per_gateway of the config file, like `\"0x…\" = \"1200wei/3\"`",
            );
        }
        let Ok(prices) = serde_json::from_str::<GatewayPrices>(value) else {
            return self.note(
                name,
                "no JSON as go-livepeer reads it, and no file of that name is here",
            );
        };
        for price in prices.gateways {
            let tag = format!("{}{}/{}", price.price, price.currency, price.pixels);
            let address = price.address.parse::<alloy::primitives::Address>();
            match (address, tag.parse::<PriceTag>()) {
                (Ok(gateway), Ok(tag)) => self.set(
                    &format!("payments.price_per_gateway.{}", gateway.to_checksum(None)),
                    tag.to_string(),
                ),
                (Err(_), _) => self.note(name, format!("`{}` is no address", escape(&price.address))),
                (_, Err(error)) => self.note(name, error.to_string()),
            }
        }
    }

    fn operator(&mut self, name: &'static str, value: &str) {
        match value.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => self.option("--operator-addr", value),
            _ => self.note(
                name,
                "lpctl's operator API answers on loopback addresses only: give `--operator-addr`",
            ),
        }
    }

    fn bind(&mut self, name: &'static str, value: &str) {
        let (is_plain, rest) = match value.split_once("://") {
            Some((scheme, rest)) => (scheme == "http", rest.trim_end_matches('/')),
            None => (false, value),
        };
        if is_plain {
            self.command.push_str(" --plain");
        }
        let full = match rest.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => rest.to_string(),
        };
        let address = full.parse::<SocketAddr>();
        let address = address.or_else(|_| full.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 8935)));
        match address {
            Ok(address) => self.option("--bind", &address.to_string()),
            Err(_) => self.note(name, "lpctl binds IP addresses: give `--bind IP:PORT`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrate(text: &str) -> Result<Migrated, Failure> {
        let given = line::read(&line::split(text).unwrap()).unwrap();
        Translation::of(&given, |path| path.starts_with("/etc/lp"))
    }

    #[test]
    fn a_transcoder_comes_over() {
        let migrated = migrate(
            "livepeer -transcoder -nvidia 0,1 -orchAddr o.example.org,other -orchSecret /etc/lp/secret -maxSessions 16 -v 6 \
             -monitor",
        )
        .unwrap();
        assert_eq!(
            migrated.config,
            "[defaults]\nmode = \"transcoder\"\norch_addr = \"o.example.org:8935\"\n\
             orch_secret_file = \"/etc/lp/secret\"\nmax_sessions = 16\nlog_level = \"trace\"\n"
        );
        assert_eq!(migrated.command, "lpctl run --gpus 0,1");
        let noted: Vec<&str> = migrated.notes.iter().map(|note| note.flag).collect();
        assert_eq!(noted, ["orchAddr", "monitor"]);
    }

    #[test]
    fn an_orchestrator_comes_over_without_its_secrets() {
        let migrated = migrate(
            "-orchestrator -network arbitrum-one-mainnet -ethUrl https://x/SECRETKEY -ethPassword SECRETWORD \
             -orchSecret SECRETTOO -serviceAddr o.example.org:8935 -httpAddr http://0.0.0.0:8935 -cliAddr 127.0.0.1:7936 \
             -maxSessions auto -maxGasPrice 2000000000 -objectStore s3://KEY:SECRET@r/b -pricePerUnit 0.02usd \
             -pixelsPerUnit 1000000 -ticketEV 8000000000 -maxFaceValue 0 -autoAdjustPrice=false -pricePerGateway \
             '{\"gateways\":[{\"ethaddress\":\"0x7e5f4552091a69125d5dfcb7b8c2659029395bdf\",\"priceperunit\":1000,\
             \"currency\":\"wei\",\"pixelsperunit\":3}]}' -reward=false \
             -initializeRound -initializeRoundMaxDelay 20s -redeemerAddr r.example.org:8935 -monitor",
        )
        .unwrap();
        assert_eq!(
            migrated.config,
            "[defaults]\nmode = \"orchestrator\"\nnetwork = \"arbitrum-one\"\nmax_sessions = \"auto\"\n\
             max_gas_price = \"2000000000wei\"\n\n[defaults.payments]\nprice = \"0.02usd\"\n\
             pixels_per_unit = 1000000\nticket_ev = \"8000000000wei\"\nauto_adjust_price = false\n\n\
             [defaults.payments.price_per_gateway]\n\
             0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf = \"1000wei/3\"\n\n\
             [defaults.reward]\ninitialize_rounds = true\ninitialize_max_delay = 20\n"
        );
        assert_eq!(
            migrated.command,
            "lpctl run --service-addr o.example.org:8935 --plain --bind 0.0.0.0:8935 --operator-addr 127.0.0.1:7936 \
             --no-reward --redeemer r.example.org:8935"
        );
        let told = format!("{migrated:?}");
        assert!(!told.contains("SECRET"), "{told}");
        let noted: Vec<&str> = migrated.notes.iter().map(|note| note.flag).collect();
        assert_eq!(
            noted,
            ["ethUrl", "ethPassword", "orchSecret", "objectStore", "monitor"]
        );
    }

    #[test]
    fn other_nodes_do_not() {
        assert_eq!(migrate("-gateway -orchAddr x").unwrap_err().code, "no_mode");
        assert_eq!(
            migrate("-orchestrator=false -monitor").unwrap_err().code,
            "no_mode"
        );
        assert_eq!(
            migrate("-transcoder -maxSessions 0").unwrap_err().code,
            "bad_value"
        );
    }

    #[test]
    fn every_flag_is_read_and_told_of() {
        for (name, takes, _) in super::super::table::FLAGS {
            let value = match takes {
                super::super::table::Takes::Switch => String::new(),
                super::super::table::Takes::Value => " 127.0.0.1:1".to_string(),
            };
            let given = line::read(&line::split(&format!("-{name}{value}")).unwrap()).unwrap();
            assert_eq!(given.len(), 1, "{name}");
        }
        let names: std::collections::BTreeSet<_> =
            super::super::table::FLAGS.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), super::super::table::FLAGS.len());
    }
}
