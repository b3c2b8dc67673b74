//! From flags, variables and the config file to what a gateway is started with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use engine::{
    config::{GatewayLayer, VerifyChoice},
    gateway::{
        Discovery, GatewaySettings,
        ingest::{IngestConfig, KeyRing, LogSettings, RtmpSettings},
        roster::Selection,
        stream::VerificationPolicy,
        tools::Tools,
    },
    media::ladder::Ladder,
    node::Listen,
    process::Launcher,
    secret::WebhookUrl,
    view::ingest::IngestEvent,
    wire::{
        client::parse_node_address,
        signature::{LocalSigner, MessageSigner, Offchain},
    },
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    super::payer::{check_funds, payer},
    RunArgs,
};
use crate::{
    account::{password, select},
    connection,
    context::Context,
    failure::{Failure, Kind},
    run::{self, failure::with_cause, fence},
};

/// A file of keys larger than this is none.
const MOST_KEY_BYTES: u64 = 8 << 20;

/// Everything the gateway needs.
pub(super) async fn resolve(
    args: &RunArgs,
    context: &mut Context,
    events: mpsc::Sender<IngestEvent>,
    following: &CancellationToken,
) -> eyre::Result<(IngestConfig, GatewaySettings)> {
    let file = context.settings().gateway.clone();
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ladder = ladder(args, &file)?;
    let discovery = discovery(args, &file, context).await?;
    let auth_webhook = webhook(args.auth_webhook.as_deref(), "--auth-webhook")?.or(file.auth_webhook);
    let keys = match args.keys_file.as_ref().or(file.keys_file.as_ref()) {
        Some(path) => Some(keys(path).await?),
        None => None,
    };
    let verify = args.verify.or(file.verify).unwrap_or_default();
    let rtmp_addr = args.rtmp_addr.or(file.rtmp_addr);
    // ffmpeg cuts what publishers send, and decodes what is verified.
    let tools = match rtmp_addr.is_some() || verify == VerifyChoice::Full {
        true => Some(tools(args).await?),
        false => None,
    };
    let rtmp = match (rtmp_addr, &tools) {
        (Some(address), Some(tools)) => Some(RtmpSettings {
            listen: Listen::Address(address),
            tools: tools.clone(),
            fencing: fence::choose(args.fence, &Launcher::through_this_program(), &mut context.shell).await?,
        }),
        _ => None,
    };
    let config = IngestConfig {
        http: Listen::Address(args.http_addr.or(file.http_addr).unwrap_or_else(|| local(9935))),
        open_to_all: args.http_ingest || file.http_ingest.unwrap_or(false),
        rtmp,
        operator: Listen::Address(args.cli_addr.or(file.cli_addr).unwrap_or_else(|| local(5935))),
        max_streams: args.max_sessions.or(file.max_sessions).unwrap_or_default().get(),
        webhook: auth_webhook,
        keys,
        log: args.log_file.clone().or(file.log_file).map(LogSettings::new),
        events: Some(events),
        ..IngestConfig::local(ladder.into())
    };
    let signer = signer(args, context).await?;
    let payment = payer(&args.payment, args.offchain, &signer, context, following).await?;
    if let Some(payment) = &payment {
        check_funds(payment).await?;
    }
    let usual = GatewaySettings::new(discovery, signer);
    let settings = GatewaySettings {
        payment,
        selection: Selection {
            max_price: args.payment.max_price(&context.settings().gateway),
            ..usual.selection
        },
        verification: match (verify, tools) {
            (VerifyChoice::Off, _) => VerificationPolicy::Off,
            (VerifyChoice::Full, Some(tools)) => VerificationPolicy::Full(tools),
            (VerifyChoice::Signatures | VerifyChoice::Full, _) => VerificationPolicy::Signatures,
        },
        max_attempts: args.attempts,
        blocked: args.blocked.iter().copied().collect(),
        extra_nodes: args.extra_nodes.into(),
        minimum_version: args.min_version.clone(),
        ..usual
    };
    Ok((config, settings))
}

fn ladder(args: &RunArgs, file: &GatewayLayer) -> Result<Ladder, Failure> {
    match args.ladder.as_ref().or(file.ladder.as_ref()) {
        Some(text) => Ladder::parse(text).map_err(|error| {
            Failure::new(Kind::Usage, "bad_ladder", with_cause(&error))
                .hint("`lpctl gateway run --help` shows examples")
        }),
        None => Ok(Ladder::default()),
    }
}

async fn discovery(args: &RunArgs, file: &GatewayLayer, context: &mut Context) -> Result<Discovery, Failure> {
    let of_webhook = |url: &WebhookUrl| {
        Discovery::webhook(url.expose().clone())
            .map_err(|error| Failure::new(Kind::Failed, "orch_webhook", error.to_string()))
    };
    let of_list = |list: &[String]| {
        let uris = list.iter().map(|text| parse_node_address(text));
        let uris = uris.collect::<Result<Vec<_>, _>>().map_err(|error| {
            Failure::new(Kind::Usage, "bad_orchestrator", error.to_string())
                .hint("write it like `orchestrator.example:8935`")
        })?;
        Ok(Discovery::list(uris))
    };
    if let Some(url) = webhook(args.orch_webhook.as_deref(), "--orch-webhook")? {
        return of_webhook(&url);
    }
    if !args.orchestrators.is_empty() {
        return of_list(&args.orchestrators);
    }
    match (&file.orch_webhook, file.orchestrators.as_deref()) {
        (Some(url), _) => of_webhook(url),
        (None, Some(list @ [_, ..])) => of_list(list),
        (None, _) if run::chain::wanted(args.offchain, context.settings()) => {
            Ok(Discovery::registry(Arc::new(connection::connect(context).await?)))
        }
        (None, _) => Err(Failure::new(
            Kind::Usage,
            "no_orchestrators",
            "nobody to send streams to is named",
        )
        .hint(
            "name orchestrators with `--orch URL`, who knows them with `--orch-webhook URL`, or the chain they are \
             registered on with `--network` or `--profile`",
        )),
    }
}

/// A webhook's address from the command line. A wrong one is not repeated: it may hold a key.
pub(in crate::gateway) fn webhook(text: Option<&str>, flag: &str) -> Result<Option<WebhookUrl>, Failure> {
    let parsed = text.map(str::parse::<WebhookUrl>).transpose();
    parsed.map_err(|error| {
        Failure::new(Kind::Usage, "bad_webhook", error.to_string())
            .hint(format!("write `{flag}` like `https://auth.example/streams`"))
    })
}

async fn keys(path: &Path) -> Result<KeyRing, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(
            Kind::Config,
            "keys_unreadable",
            format!("{}: {error}", path.display()),
        )
        .hint("`lpctl gateway key new` shows what belongs into it")
    };
    let length = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
    if length > MOST_KEY_BYTES {
        return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(unreadable)?;
    KeyRing::parse(&text).map_err(|error| {
        Failure::new(Kind::Config, "bad_keys", format!("{}: {error}", path.display()))
            .hint("`lpctl gateway key new` shows what belongs into it")
    })
}

async fn tools(args: &RunArgs) -> eyre::Result<Tools> {
    let ffmpeg = run::locate(args.ffmpeg.clone()).await?;
    // Started through lpctl itself, ffmpeg dies with it even on kill -9.
    Tools::new(ffmpeg, Launcher::through_this_program()).map_err(|error| {
        Failure::new(Kind::Failed, "ffmpeg_not_started", with_cause(&error))
            .hint("check the limit on processes: `ulimit -u`")
            .into()
    })
}

/// Orchestrators on a chain want to know who sends; others do not ask.
async fn signer(args: &RunArgs, context: &mut Context) -> eyre::Result<Arc<dyn MessageSigner>> {
    let names_account = context.settings().from_command_line.account.is_some();
    if args.offchain || !(names_account || run::chain::wanted(false, context.settings())) {
        return Ok(Arc::new(Offchain));
    }
    let account = select::selected(context).map_err(|failure| {
        failure.hint("choose the account that signs with `--account`, or pass `--offchain`")
    })?;
    Ok(Arc::new(LocalSigner(password::unlock(&account, context).await?)))
}
