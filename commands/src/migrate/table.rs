//! The flags of go-livepeer 0.9.1 (`go-livepeer cmd/livepeer/starter/flags.go`), and what becomes of each.

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, or `=true` and `=false`.
    Switch,
    /// A value.
    Value,
}

/// What becomes of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A setting or a flag of `lpctl run`, or something said about it: see `flags`.
    Handled,
    /// Nothing, for this reason.
    Dropped(&'static str),
}

use Fate::{Dropped, Handled};
use Takes::{Switch, Value};

const GATEWAY: &str = "it is for gateways: this reads the command lines of orchestrators and transcoders";
const AI: &str = "lpctl transcodes; it runs no AI models";
const SIGNER: &str = "it is for remote signers and their users, which lpctl is not";
const SENDING: &str = "lpctl watches and replaces its transactions by itself";
const EVENTS: &str = "lpctl tells what it does in its operator API: `lpctl node show`, `lpctl dashboard`";
const METRICS: &str =
    "`/metrics` is always on, at the operator's port, without labels of streams or clients: docs/metrics.md";

/// All flags. Names are told apart by case, as go-livepeer does.
pub const FLAGS: &[(&str, Takes, Fate)] = &[
    (
        "config",
        Value,
        Dropped("a config file of go-livepeer is not read: give its lines as flags"),
    ),
    ("v", Value, Handled),
    ("version", Switch, Dropped("`lpctl --version` prints lpctl's")),
    ("j", Switch, Dropped("`lpctl run --help` lists what there is")),
    ("network", Value, Handled),
    ("rtmpAddr", Value, Dropped(GATEWAY)),
    ("cliAddr", Value, Handled),
    ("httpAddr", Value, Handled),
    ("serviceAddr", Value, Handled),
    ("nodes", Value, Handled),
    ("gatewayHost", Value, Dropped(GATEWAY)),
    ("orchestrator", Switch, Handled),
    ("transcoder", Switch, Handled),
    ("gateway", Switch, Handled),
    ("broadcaster", Switch, Handled),
    ("aiWorker", Switch, Dropped(AI)),
    (
        "redeemer",
        Switch,
        Dropped("`lpctl run --mode redeemer --recipient 0x…` is one"),
    ),
    ("remoteSigner", Switch, Dropped(SIGNER)),
    ("dataDir", Value, Handled),
    ("datadir", Value, Handled),
    ("orchSecret", Value, Handled),
    ("orchAddr", Value, Handled),
    (
        "startupAvailabilityCheck",
        Switch,
        Dropped("lpctl always looks, warns, and runs on"),
    ),
    ("maxSessions", Value, Handled),
    ("nvidia", Value, Handled),
    (
        "netint",
        Value,
        Dropped("lpctl encodes on NVIDIA GPUs and on the CPU"),
    ),
    (
        "testTranscoder",
        Switch,
        Dropped("lpctl always tests what it encodes with"),
    ),
    (
        "hevcDecoding",
        Switch,
        Dropped("lpctl finds out by testing: `lpctl gpu test`"),
    ),
    ("transcodingOptions", Value, Dropped(GATEWAY)),
    ("maxAttempts", Value, Dropped(GATEWAY)),
    ("currentManifest", Switch, Dropped(GATEWAY)),
    ("httpIngest", Switch, Dropped(GATEWAY)),
    ("localVerify", Switch, Dropped(GATEWAY)),
    ("verifierUrl", Value, Dropped(GATEWAY)),
    ("verifierPath", Value, Dropped(GATEWAY)),
    ("authWebhookUrl", Value, Handled),
    ("objectStore", Value, Handled),
    ("recordStore", Value, Dropped(GATEWAY)),
    ("FVfailGsbucket", Value, Dropped(GATEWAY)),
    ("FVfailGskey", Value, Dropped(GATEWAY)),
    ("orchWebhookUrl", Value, Dropped(GATEWAY)),
    ("extraNodes", Value, Dropped(GATEWAY)),
    ("orchBlocklist", Value, Dropped(GATEWAY)),
    ("orchMinLivepeerVersion", Value, Dropped(GATEWAY)),
    ("selectRandFreq", Value, Dropped(GATEWAY)),
    ("selectStakeWeight", Value, Dropped(GATEWAY)),
    ("selectPriceWeight", Value, Dropped(GATEWAY)),
    ("selectPriceExpFactor", Value, Dropped(GATEWAY)),
    ("orchPerfStatsUrl", Value, Dropped(GATEWAY)),
    ("region", Value, Dropped(GATEWAY)),
    ("minPerfScore", Value, Dropped(GATEWAY)),
    ("maxPricePerUnit", Value, Dropped(GATEWAY)),
    ("maxPricePerCapability", Value, Dropped(GATEWAY)),
    ("ignoreMaxPriceIfNeeded", Switch, Dropped(GATEWAY)),
    ("discoveryTimeout", Value, Dropped(GATEWAY)),
    ("aiServiceRegistry", Switch, Dropped(AI)),
    ("aiModels", Value, Dropped(AI)),
    ("aiModelsDir", Value, Dropped(AI)),
    ("aiRunnerImage", Value, Dropped(AI)),
    ("aiRunnerImageOverrides", Value, Dropped(AI)),
    ("aiVerboseLogs", Switch, Dropped(AI)),
    ("aiProcessingRetryTimeout", Value, Dropped(AI)),
    ("aiRunnerContainersPerGPU", Value, Dropped(AI)),
    ("aiMinRunnerVersion", Value, Dropped(AI)),
    ("aiServerless", Switch, Dropped(AI)),
    ("useLiveRunners", Switch, Dropped(AI)),
    ("liveRunnerConfig", Value, Dropped(AI)),
    ("liveRunnerProxyUrl", Value, Dropped(AI)),
    ("liveRunnerAddr", Value, Dropped(AI)),
    ("mediaMTXApiPassword", Value, Dropped(AI)),
    ("liveAITrickleHostForRunner", Value, Dropped(AI)),
    ("liveAIAuthApiKey", Value, Dropped(AI)),
    ("liveAIAuthWebhookUrl", Value, Dropped(AI)),
    ("liveAIHeartbeatURL", Value, Dropped(AI)),
    ("liveAIHeartbeatHeaders", Value, Dropped(AI)),
    ("liveAIHeartbeatInterval", Value, Dropped(AI)),
    ("livePaymentInterval", Value, Dropped(AI)),
    ("liveOutSegmentTimeout", Value, Dropped(AI)),
    ("liveAISaveNSegments", Value, Dropped(AI)),
    ("liveAICapReportInterval", Value, Dropped(AI)),
    ("liveAICapRefreshModels", Value, Dropped(AI)),
    ("remoteDiscovery", Switch, Dropped(SIGNER)),
    ("ethUrl", Value, Handled),
    ("ethController", Value, Handled),
    ("ethAcctAddr", Value, Handled),
    ("ethPassword", Value, Handled),
    ("ethKeystorePath", Value, Handled),
    (
        "ethOrchAddr",
        Value,
        Dropped("lpctl's node signs as the orchestrator itself; choose its account with `account`"),
    ),
    ("transactionTimeout", Value, Dropped(SENDING)),
    ("maxTransactionReplacements", Value, Dropped(SENDING)),
    (
        "gasLimit",
        Value,
        Dropped("lpctl simulates every transaction and takes what it needs"),
    ),
    (
        "minGasPrice",
        Value,
        Dropped("lpctl takes the network's price, up to max_gas_price"),
    ),
    ("maxGasPrice", Value, Handled),
    ("initializeRound", Switch, Handled),
    ("initializeRoundMaxDelay", Value, Handled),
    ("reward", Switch, Handled),
    (
        "blockPollingInterval",
        Value,
        Dropped("lpctl asks as often as it needs"),
    ),
    ("ticketEV", Value, Handled),
    ("maxFaceValue", Value, Handled),
    ("maxTicketEV", Value, Dropped(GATEWAY)),
    ("maxTotalEV", Value, Dropped(GATEWAY)),
    ("depositMultiplier", Value, Dropped(GATEWAY)),
    ("pricePerUnit", Value, Handled),
    ("pixelsPerUnit", Value, Handled),
    ("priceFeedAddr", Value, Handled),
    ("autoAdjustPrice", Switch, Handled),
    ("pricePerGateway", Value, Handled),
    ("pricePerBroadcaster", Value, Handled),
    ("redeemerAddr", Value, Handled),
    ("remoteSignerUrl", Value, Dropped(SIGNER)),
    ("remoteSignerHeaders", Value, Dropped(SIGNER)),
    ("remoteSignerWebhookUrl", Value, Dropped(SIGNER)),
    ("remoteSignerWebhookHeaders", Value, Dropped(SIGNER)),
    ("remoteSignerAllowNoAuth", Switch, Dropped(SIGNER)),
    ("monitor", Switch, Dropped(METRICS)),
    ("metricsPerStream", Switch, Dropped(METRICS)),
    ("metricsClientIP", Switch, Dropped(METRICS)),
    ("metadataQueueUri", Value, Dropped(EVENTS)),
    ("metadataAmqpExchange", Value, Dropped(EVENTS)),
    ("metadataPublishTimeout", Value, Dropped(EVENTS)),
    ("kafkaBootstrapServers", Value, Dropped(EVENTS)),
    ("kafkaUser", Value, Dropped(EVENTS)),
    ("kafkaPassword", Value, Dropped(EVENTS)),
    ("kafkaGatewayTopic", Value, Dropped(EVENTS)),
];

/// A flag by its name.
pub fn find(name: &str) -> Option<(&'static str, Takes, Fate)> {
    FLAGS.iter().copied().find(|(known, ..)| *known == name)
}
