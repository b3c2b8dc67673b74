//! `lpctl node` against a server that behaves as a go-livepeer node's CLI port does (`go-livepeer server/webserver.go`,
//! `server/handlers.go`): forms read from query and body, errors as text, bare big numbers, raw bytes, broken connections.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use testbed::clip::{ClipSpec, segment};

use crate::{
    environment::{Environment, Outcome},
    operator::Operator,
    run::Node,
};

/// The largest number of the contracts: a deactivation round that never comes.
const NEVER: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
const GATEWAY: &str = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf";

/// What a simulated node is.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// With remote transcoders.
    Orchestrator,
    /// That transcodes itself.
    Combined,
    Gateway,
    /// Without an account on a chain.
    Transcoder,
}

/// A request that changes something, as it came.
#[derive(Debug, Clone, PartialEq)]
struct Call {
    method: String,
    path: String,
    content_type: String,
    form: BTreeMap<String, String>,
}

struct Held {
    calls: Vec<Call>,
    prices: BTreeMap<String, String>,
    max_gas: Option<String>,
    min_gas: String,
    level: String,
    max_price: Option<String>,
    options: String,
}

struct Shared {
    role: Role,
    /// Served at `/metrics`.
    has_metrics: bool,
    /// Answers with success and does nothing.
    is_liar: bool,
    /// Breaks off at this path.
    breaks_at: Option<&'static str>,
    held: Mutex<Held>,
}

/// A simulated node, gone with the test's runtime.
struct GoNode {
    url: String,
    shared: Arc<Shared>,
}

impl GoNode {
    async fn start(role: Role) -> Self {
        Self::with(role, |_| ()).await
    }

    async fn with(role: Role, change: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Shared {
            role,
            has_metrics: false,
            is_liar: false,
            breaks_at: None,
            held: Mutex::new(Held {
                calls: Vec::new(),
                prices: BTreeMap::from([("default".to_string(), "1200".to_string())]),
                max_gas: None,
                min_gas: "0".to_string(),
                level: "3".to_string(),
                max_price: None,
                options: "P240p30fps16x9,P360p30fps16x9".to_string(),
            }),
        };
        change(&mut shared);
        let shared = Arc::new(shared);
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        Self {
            url: serve(router).await,
            shared,
        }
    }

    /// Runs a command of `lpctl node` against it.
    fn node(&self, environment: &Environment, arguments: &[&str]) -> Outcome {
        environment.lpctl(&[&["--node", &self.url, "--json", "node"], arguments].concat())
    }

    /// What changed something, since the last look.
    fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.held.lock().unwrap().calls)
    }

    /// The one change, which must have come as a form in a POST.
    #[track_caller]
    fn posted(&self, path: &str) -> BTreeMap<String, String> {
        let calls = self.calls();
        let [call] = &calls[..] else { panic!("{calls:?}") };
        assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", path));
        assert_eq!(call.content_type, "application/x-www-form-urlencoded");
        call.form.clone()
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// Go's `FormValue`: the query, and the body over it.
fn form_of(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> BTreeMap<String, String> {
    let mut form = BTreeMap::new();
    let mut read = |bytes: &[u8]| form.extend(url::form_urlencoded::parse(bytes).into_owned());
    read(uri.query().unwrap_or_default().as_bytes());
    if content_type(headers) == "application/x-www-form-urlencoded" {
        read(body);
    }
    form
}

fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(CONTENT_TYPE)
        .map_or("", |value| value.to_str().unwrap())
}

/// `http.Error`: the text and a line end.
fn error(status: u16, text: &str) -> Response {
    let headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
    ];
    (
        StatusCode::from_u16(status).unwrap(),
        headers,
        format!("{text}\n"),
    )
        .into_response()
}

fn text(text: impl Into<String>) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text.into()).into_response()
}

fn raw_json(body: impl Into<String>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

async fn answer(
    State(node): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_string();
    let form = form_of(&uri, &headers, &body);
    assert!(node.breaks_at != Some(path.as_str()), "as a handler that panics");
    if path.starts_with("/set") {
        node.held.lock().unwrap().calls.push(Call {
            method: method.to_string(),
            path: path.clone(),
            content_type: content_type(&headers).to_string(),
            form: form.clone(),
        });
        if node.is_liar {
            return text("");
        }
        return change(&node, &path, &form);
    }
    look(&node, &path)
}

/// Reads, as far as this kind of node answers them.
fn look(node: &Shared, path: &str) -> Response {
    let held = node.held.lock().unwrap();
    let is_orchestrator = matches!(node.role, Role::Orchestrator | Role::Combined);
    let needs_client = [
        "/ethAddr",
        "/ethBalance",
        "/tokenBalance",
        "/currentRound",
        "/maxGasPrice",
        "/minGasPrice",
        "/orchestratorInfo",
        "/senderInfo",
    ];
    if node.role == Role::Transcoder && needs_client.contains(&path) {
        return error(500, "missing ETH client");
    }
    match path {
        "/status" => raw_json(status(node, &held)),
        "/IsOrchestrator" => text(is_orchestrator.to_string()),
        "/IsRedeemer" => text("false"),
        "/EthChainID" => text(if node.role == Role::Transcoder {
            "0"
        } else {
            "42161"
        }),
        // The number 305419896, the highest byte first.
        "/currentBlock" if node.role != Role::Transcoder => vec![0x12, 0x34, 0x56, 0x78].into_response(),
        "/currentBlock" => {
            drop(held);
            panic!("no block was seen yet, and the handler breaks")
        }
        "/ethAddr" => text(GATEWAY),
        "/ethBalance" => text("1500000000000000000"),
        "/tokenBalance" => text("9007199254740993000000000000000001"),
        "/currentRound" => text("3412"),
        "/maxGasPrice" => text(held.max_gas.clone().unwrap_or_default()),
        "/minGasPrice" => text(held.min_gas.clone()),
        "/getLogLevel" => text(held.level.clone()),
        "/orchestratorInfo" => raw_json(format!(
            "{{\"Transcoder\":{{\"Address\":\"{}\",\"ServiceURI\":\"https://o.example:8935\",\"LastRewardRound\":3411,\
             \"RewardCut\":100000,\"FeeShare\":400000,\"DelegatedStake\":9007199254740993000000000000000001,\
             \"ActivationRound\":1,\"DeactivationRound\":{NEVER},\"LastActiveStakeUpdateRound\":3412,\"Active\":true,\
             \"Status\":\"Registered\",\"PricePerPixel\":null}},\"PriceInfo\":\"1200\"}}",
            GATEWAY.to_lowercase()
        )),
        "/senderInfo" => raw_json(
            "{\"Deposit\":100000000000000000001,\"WithdrawRound\":0,\"Reserve\":{\"FundsRemaining\":5,\
             \"ClaimedInCurrentRound\":0}}",
        ),
        "/getBroadcastConfig" => {
            let price = held
                .max_price
                .as_ref()
                .map_or("null".to_string(), |price| format!("\"{price}\""));
            raw_json(format!(
                "{{\"MaxPrice\":{price},\"TranscodingOptions\":\"{}\"}}",
                held.options
            ))
        }
        "/getAvailableTranscodingOptions" => {
            raw_json("[\"P720p30fps16x9\",\"P144p30fps16x9\",\"P360p30fps16x9\",\"P240p30fps16x9\"]")
        }
        "/metrics" if node.has_metrics => text("livepeer_current_sessions_total 0\n"),
        _ => error(404, "404 page not found"),
    }
}

fn status(node: &Shared, held: &Held) -> String {
    let streams = match node.role {
        Role::Gateway => "{\"cam\":{\"SourceBytes\":18446744073709551615,\"TranscodedBytes\":7}}",
        _ => "{}",
    };
    let (transcoders, count) = match node.role {
        Role::Orchestrator => (
            "[{\"Address\":\"10.0.0.7:5000\",\"Capacity\":8},{\"Address\":\"10.0.0.8:5000\",\"Capacity\":4}]",
            2,
        ),
        _ => ("[]", 0),
    };
    let pool = match node.role {
        Role::Gateway => "[{\"Url\":\"https://o.example:8935\",\"Score\":0.5,\"Latency\":31000000}]",
        _ => "null",
    };
    let prices = serde_json::to_string(&held.prices).unwrap();
    format!(
        "{{\"Manifests\":{{}},\"InternalManifests\":{{}},\"StreamInfo\":{streams},\"OrchestratorPool\":[],\
         \"OrchestratorPoolInfos\":{pool},\"Version\":\"0.9.1-\\u001b[31m\",\"GolangRuntimeVersion\":\"go1.25.0\",\
         \"GOArch\":\"amd64\",\"GOOS\":\"linux\",\"RegisteredTranscodersNumber\":{count},\
         \"RegisteredTranscoders\":{transcoders},\"LocalTranscoding\":{},\"BroadcasterPrices\":{prices}}}",
        node.role != Role::Orchestrator
    )
}

/// Writes, with the answers and mistakes of the node.
fn change(node: &Shared, path: &str, form: &BTreeMap<String, String>) -> Response {
    let mut held = node.held.lock().unwrap();
    let value = |name: &str| form.get(name).filter(|value| !value.is_empty()).cloned();
    macro_rules! needed {
        ($name:literal) => {
            match value($name) {
                Some(value) => value,
                None => return error(400, concat!("missing form param: ", $name)),
            }
        };
    }
    let is_orchestrator = matches!(node.role, Role::Orchestrator | Role::Combined);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match path {
        "/setPriceForBroadcaster" => {
            let (price, pixels, whose) = (
                needed!("pricePerUnit"),
                needed!("pixelsPerUnit"),
                needed!("broadcasterEthAddr"),
            );
            let currency = value("currency").unwrap_or_default();
            let Some(rat) = rat(&price, &pixels, &currency) else {
                return error(
                    400,
                    &format!("error converting price: unsupported currency {currency}"),
                );
            };
            held.prices.insert(whose.to_lowercase(), rat);
            text(format!(
                "Price per pixel set to {price} wei for {pixels} pixels for broadcaster {whose}\n"
            ))
        }
        "/setMaxSessions" => match needed!("maxSessions").as_str() {
            "auto" if node.role != Role::Orchestrator => {
                drop(held);
                panic!("no remote transcoders, and the handler breaks")
            }
            "auto" => text("Max sessions set to auto\n"),
            number if number.parse::<u32>().is_ok_and(|number| number > 0) => {
                text(format!("Max sessions set to {number}\n"))
            }
            _ => error(400, "Max Sessions must be 'auto' or greater than zero"),
        },
        "/setMaxFaceValue" => match needed!("maxfacevalue") {
            _ if !is_orchestrator => error(400, "node must be orchestrator node to set maxfacevalue"),
            value if is_number(&value) => text("ticket max face value set"),
            _ => error(400, "maxfacevalue not set to number"),
        },
        "/setMaxGasPrice" | "/setMinGasPrice" if node.role == Role::Transcoder => {
            error(500, "missing ETH client")
        }
        "/setMaxGasPrice" => match needed!("amount").as_str() {
            "0" if node.has_metrics => {
                drop(held);
                panic!("the limit of the metrics is gone, and the handler breaks")
            }
            "0" => {
                held.max_gas = None;
                text("")
            }
            amount if is_number(amount) => {
                held.max_gas = Some(amount.to_string());
                text("")
            }
            _ => error(400, "failed to parse big integer"),
        },
        "/setMinGasPrice" => {
            held.min_gas = needed!("minGasPrice");
            text("")
        }
        "/setLogLevel" => match needed!("loglevel") {
            level if matches!(level.as_bytes(), [b'0'..=b'6']) => {
                held.level = level;
                text("")
            }
            _ => error(400, "logLevel must be between 0 and 6"),
        },
        "/setBroadcastConfig" => {
            let price = value("maxPricePerUnit").zip(value("pixelsPerUnit"));
            let options = value("transcodingOptions");
            if price.is_none() && options.is_none() {
                return error(
                    400,
                    "missing form params (maxPricePerUnit AND pixelsPerUnit) or transcodingOptions",
                );
            }
            if let Some((price, pixels)) = price {
                let rat = rat(&price, &pixels, &value("currency").unwrap_or_default());
                held.max_price = rat.filter(|rat| rat != "0");
            }
            if let Some(options) = options {
                held.options = options;
            }
            text("")
        }
        "/setMaxPriceForCapability" => {
            if node.role != Role::Gateway {
                return error(400, "Node must be gateway node to set max price per capability");
            }
            let _ = (
                needed!("maxPricePerUnit"),
                needed!("pixelsPerUnit"),
                needed!("currency"),
                needed!("modelID"),
            );
            match needed!("pipeline").as_str() {
                "text-to-image" => text(""),
                _ => error(400, "pipeline not supported"),
            }
        }
        _ => error(404, "404 page not found"),
    }
}

/// Wei for a pixel in lowest terms. The dollar stands at 400 000 000 000 000 wei.
fn rat(price: &str, pixels: &str, currency: &str) -> Option<String> {
    let wei: u128 = match currency {
        "" | "wei" => 1,
        "eth" => 10_u128.pow(18),
        "USD" => 400_000_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (numerator, denominator) = (
        digits * wei,
        10_u128.pow(u32::try_from(fraction.len()).ok()?) * pixels.parse::<u128>().ok()?,
    );
    let (mut a, mut b) = (numerator, denominator);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    Some(match denominator / a {
        1 => (numerator / a).to_string(),
        denominator => format!("{}/{denominator}", numerator / a),
    })
}

fn form<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_is_shown_with_exact_numbers() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Orchestrator).await);
    let shown = go.node(&environment, &["show"]).expect_code(0).data();
    assert_eq!(
        (&shown["kind"], &shown["role"]),
        (&json!("go_livepeer"), &json!("orchestrator"))
    );
    assert_eq!(shown["account"], GATEWAY);
    assert_eq!(shown["chain_id"], 42161);
    assert_eq!(shown["block"], 305_419_896, "raw bytes");
    assert_eq!(shown["balance_wei"], "1500000000000000000");
    assert_eq!(
        shown["balance_lpt_base_units"],
        "9007199254740993000000000000000001"
    );
    let orchestrator = &shown["orchestrator"];
    assert_eq!(
        orchestrator["delegated_stake_base_units"],
        "9007199254740993000000000000000001"
    );
    assert_eq!(orchestrator["last_reward_round"], "3411");
    assert_eq!(shown["max_gas_price_wei"], Value::Null, "no words are no limit");
    assert_eq!(shown["prices_wei_per_pixel"], json!({"default": "1200"}));
    assert_eq!(
        shown["transcoders"][1],
        json!({"address": "10.0.0.8:5000", "capacity": 4})
    );
    assert_eq!(go.calls(), [], "looking changes nothing");

    let text = environment
        .lpctl(&["--node", &go.url, "node", "show"])
        .expect_code(0);
    for part in [
        "go-livepeer 0.9.1",
        "block 305419896 · round 3412",
        "no limit",
        "2 transcoders · 12 sessions",
    ] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    assert!(!text.stdout.contains('\u{1b}'), "{}", text.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_shown_with_its_streams_and_funds() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Gateway).await);
    let shown = go.node(&environment, &["show"]).expect_code(0).data();
    assert_eq!(shown["role"], "gateway_or_worker");
    assert_eq!(shown["sender"]["deposit_wei"], "100000000000000000001");
    assert_eq!(shown["sender"]["reserve_wei"], "5");
    assert_eq!(shown["broadcast"]["max_price_wei_per_pixel"], Value::Null);
    assert_eq!(shown["orchestrators"][0]["latency_ns"], 31_000_000);
    let sessions = go.node(&environment, &["sessions"]).expect_code(0).data();
    assert_eq!(
        sessions["sessions"],
        json!([{"manifest_id": "cam", "source_bytes": u64::MAX, "transcoded_bytes": 7}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_an_account_is_shown_without_one() {
    // Its handler of the block breaks off, too.
    let (environment, go) = (Environment::new(), GoNode::start(Role::Transcoder).await);
    let shown = go.node(&environment, &["show"]).expect_code(0).data();
    assert_eq!((&shown["chain_id"], &shown["account"]), (&json!(0), &Value::Null));
    assert_eq!(
        (&shown["block"], &shown["min_gas_price_wei"]),
        (&Value::Null, &Value::Null)
    );
    let refused = go
        .node(&environment, &["set-max-gas-price", "1gwei"])
        .expect_code(4);
    assert_eq!(refused.error()["code"], "node_off_chain");
    assert_eq!(go.calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_set_and_read_back() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Orchestrator).await);
    let told = go
        .node(&environment, &["set-price", "0.5/3"])
        .expect_code(0)
        .data();
    assert_eq!(told["price_wei_per_pixel"], "1/6");
    assert_eq!(told["kept"], false);
    assert_eq!(
        go.posted("/setPriceForBroadcaster"),
        form([
            ("pricePerUnit", "0.5"),
            ("pixelsPerUnit", "3"),
            ("currency", "wei"),
            ("broadcasterEthAddr", "default")
        ])
    );
    let price = [
        "set-price",
        "0.02usd",
        "--pixels-per-unit",
        "1000000",
        "--gateway",
        GATEWAY,
    ];
    let told = go.node(&environment, &price).expect_code(0).data();
    assert_eq!(
        (&told["gateway"], &told["price_wei_per_pixel"]),
        (&json!(GATEWAY), &json!("8000000"))
    );
    let posted = go.posted("/setPriceForBroadcaster");
    assert_eq!(
        (posted["currency"].as_str(), posted["pixelsPerUnit"].as_str()),
        ("USD", "1000000")
    );
    assert_eq!(posted["broadcasterEthAddr"], GATEWAY);

    // What the node says no to comes in its own words.
    let refused = go
        .node(&environment, &["set-price", "1yen"])
        .expect_code(4)
        .error();
    assert_eq!(refused["code"], "node_refused");
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.ends_with("error converting price: unsupported currency YEN"),
        "{message}"
    );
    go.calls();
    let usual = ["set-price", "--gateway", GATEWAY, "--usual"];
    assert_eq!(
        go.node(&environment, &usual).expect_code(4).error()["code"],
        "not_offered"
    );
    assert_eq!(go.calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_at_once_are_set() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Orchestrator).await);
    let told = go
        .node(&environment, &["set-max-sessions", "12"])
        .expect_code(0)
        .data();
    assert_eq!(
        (&told["max_sessions"], &told["kept"]),
        (&json!(12), &json!(false))
    );
    assert_eq!(go.posted("/setMaxSessions"), form([("maxSessions", "12")]));
    go.node(&environment, &["set-max-sessions", "auto"])
        .expect_code(0);
    assert_eq!(go.posted("/setMaxSessions"), form([("maxSessions", "auto")]));
    // It would break at it.
    let combined = GoNode::start(Role::Combined).await;
    let refused = combined
        .node(&environment, &["set-max-sessions", "auto"])
        .expect_code(4);
    assert_eq!(refused.error()["code"], "not_offered");
    assert_eq!(combined.calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_a_ticket_pays_is_set() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Orchestrator).await);
    let told = go
        .node(&environment, &["set-max-face-value", "0.05eth"])
        .expect_code(0)
        .data();
    assert_eq!(told["max_face_value_wei"], "50000000000000000");
    assert_eq!(
        go.posted("/setMaxFaceValue"),
        form([("maxfacevalue", "50000000000000000")])
    );
    go.node(&environment, &["set-max-face-value", "none"])
        .expect_code(0);
    assert_eq!(go.posted("/setMaxFaceValue"), form([("maxfacevalue", "0")]));
    for wrong in ["0eth", "5", "-1eth", "1e18", "0.0000000000000000001eth"] {
        go.node(&environment, &["set-max-face-value", "--", wrong])
            .expect_code(2);
    }
    let gateway = GoNode::start(Role::Gateway).await;
    let refused = gateway
        .node(&environment, &["set-max-face-value", "1eth"])
        .expect_code(4);
    assert_eq!(refused.error()["code"], "not_offered");
    assert_eq!((go.calls(), gateway.calls()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_on_gas_are_set_and_read_back() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Gateway).await);
    let told = go
        .node(&environment, &["set-max-gas-price", "0.2gwei"])
        .expect_code(0)
        .data();
    assert_eq!(told["max_gas_price_wei"], "200000000");
    assert_eq!(go.posted("/setMaxGasPrice"), form([("amount", "200000000")]));
    let told = go
        .node(&environment, &["set-min-gas-price", "0.1gwei"])
        .expect_code(0)
        .data();
    assert_eq!(
        (&told["max_gas_price_wei"], &told["min_gas_price_wei"]),
        (&json!("200000000"), &json!("100000000"))
    );
    assert_eq!(go.posted("/setMinGasPrice"), form([("minGasPrice", "100000000")]));
    for crossed in [["set-max-gas-price", "1wei"], ["set-min-gas-price", "1gwei"]] {
        assert_eq!(
            go.node(&environment, &crossed).expect_code(4).error()["code"],
            "not_offered"
        );
    }
    assert_eq!(go.calls(), []);
    let told = go
        .node(&environment, &["set-max-gas-price", "none"])
        .expect_code(0)
        .data();
    assert_eq!(told["max_gas_price_wei"], Value::Null);

    let measured = GoNode::with(Role::Orchestrator, |node| node.has_metrics = true).await;
    let refused = measured
        .node(&environment, &["set-max-gas-price", "none"])
        .expect_code(4);
    assert_eq!(refused.error()["code"], "not_offered");
    assert_eq!(measured.calls(), [], "it would break half-way");
    let broken = GoNode::with(Role::Orchestrator, |node| {
        node.breaks_at = Some("/setMinGasPrice")
    })
    .await;
    let broke = broken
        .node(&environment, &["set-min-gas-price", "1gwei"])
        .expect_code(1);
    assert_eq!(broke.error()["code"], "node_broke_off");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_is_set_by_name_or_number() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Gateway).await);
    for (typed, level) in [("debug", 5), ("6", 6), ("info", 3)] {
        let told = go.node(&environment, &["log-level", typed]).expect_code(0).data();
        assert_eq!(told["log_level"], level);
        assert_eq!(
            go.posted("/setLogLevel"),
            form([("loglevel", level.to_string().as_str())])
        );
    }
    go.node(&environment, &["log-level", "7"]).expect_code(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_gateway_sends_is_shown_and_set() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Gateway).await);
    let set = [
        "broadcast-config",
        "set",
        "--max-price",
        "1200",
        "--presets",
        "P144p30fps16x9,P720p30fps16x9",
    ];
    let told = go.node(&environment, &set).expect_code(0).data();
    assert_eq!(told["max_price_wei_per_pixel"], "1200");
    assert_eq!(told["transcoding_options"], "P144p30fps16x9,P720p30fps16x9");
    assert_eq!(
        go.posted("/setBroadcastConfig"),
        form([
            ("maxPricePerUnit", "1200"),
            ("pixelsPerUnit", "1"),
            ("currency", "wei"),
            ("transcodingOptions", "P144p30fps16x9,P720p30fps16x9")
        ])
    );
    // It would drop the name and keep the price.
    let unknown = [
        "broadcast-config",
        "set",
        "--max-price",
        "7",
        "--presets",
        "P144p30fps16x9,P8K",
    ];
    let refused = go.node(&environment, &unknown).expect_code(4).error();
    assert_eq!(refused["code"], "unknown_rendition");
    assert!(
        refused["hint"]
            .as_str()
            .unwrap()
            .starts_with("it knows P144p30fps16x9, P240p30fps16x9")
    );
    assert_eq!(go.calls(), []);
    go.node(&environment, &["broadcast-config", "set", "--max-price", "none"])
        .expect_code(0);
    assert_eq!(go.posted("/setBroadcastConfig")["maxPricePerUnit"], "0");
    let shown = go
        .node(&environment, &["broadcast-config", "show"])
        .expect_code(0)
        .data();
    assert_eq!(
        shown,
        json!({"max_price_wei_per_pixel": null, "transcoding_options": "P144p30fps16x9,P720p30fps16x9"})
    );
    go.node(&environment, &["broadcast-config", "set"]).expect_code(2);
    go.node(&environment, &["broadcast-config", "set", "--max-price", "0"])
        .expect_code(2);
    let orchestrator = GoNode::start(Role::Orchestrator).await;
    orchestrator
        .node(&environment, &["broadcast-config", "show"])
        .expect_code(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_price_of_a_capability_is_set() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Gateway).await);
    let set = [
        "set-capability-price",
        "text-to-image",
        "0.01usd/100",
        "--model",
        "org/name",
    ];
    go.node(&environment, &set).expect_code(0);
    assert_eq!(
        go.posted("/setMaxPriceForCapability"),
        form([
            ("maxPricePerUnit", "0.01"),
            ("pixelsPerUnit", "100"),
            ("currency", "USD"),
            ("pipeline", "text-to-image"),
            ("modelID", "org/name")
        ])
    );
    let refused = go
        .node(&environment, &["set-capability-price", "byoc", "7"])
        .expect_code(4)
        .error();
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .ends_with("pipeline not supported"),
        "{refused}"
    );
    go.calls();
    go.node(&environment, &["set-capability-price", "text-to-image", "0"])
        .expect_code(4);
    let orchestrator = GoNode::start(Role::Orchestrator).await;
    orchestrator.node(&environment, &set).expect_code(4);
    assert_eq!((go.calls(), orchestrator.calls()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_api_has_not_is_refused_with_what_to_do() {
    let (environment, go) = (Environment::new(), GoNode::start(Role::Combined).await);
    for arguments in [
        &["drain"][..],
        &["end-session", "3f2a91c0"],
        &["sessions"],
        &["transcoders"],
    ] {
        let refused = go.node(&environment, arguments).expect_code(4).error();
        assert_eq!(refused["code"], "not_offered", "{arguments:?}");
        assert!(
            refused["hint"].as_str().is_some_and(|hint| hint.len() > 20),
            "{refused}"
        );
    }
    assert_eq!(go.calls(), []);
    let split = GoNode::start(Role::Orchestrator).await;
    let listed = split.node(&environment, &["transcoders"]).expect_code(0).data();
    assert_eq!(listed["transcoders"][0]["capacity"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_changes_nothing_is_found_out() {
    let environment = Environment::new();
    for (role, arguments) in [
        (Role::Combined, &["set-price", "7"][..]),
        (Role::Combined, &["set-max-gas-price", "7gwei"]),
        (Role::Combined, &["set-min-gas-price", "7gwei"]),
        (Role::Combined, &["log-level", "trace"]),
        (Role::Gateway, &["broadcast-config", "set", "--max-price", "7"]),
        (
            Role::Gateway,
            &["broadcast-config", "set", "--presets", "P144p30fps16x9"],
        ),
    ] {
        let liar = GoNode::with(role, |node| node.is_liar = true).await;
        let found = liar.node(&environment, arguments).expect_code(1).error();
        assert_eq!(found["code"], "not_taken", "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_told_from_nodes() {
    let environment = Environment::new();
    let page = Router::new().fallback(|| async { ([(CONTENT_TYPE, "text/html")], "<html>welcome</html>") });
    let page = serve(page).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    for url in [&page, &silent] {
        let told = environment
            .lpctl(&["--node", url, "--json", "node", "show"])
            .expect_code(7);
        assert_eq!(told.error()["code"], "node_unreachable");
    }
    let told = environment
        .lpctl(&["--node", "7935", "--json", "node", "show"])
        .expect_code(2);
    assert_eq!(told.error()["code"], "bad_node_url");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_are_rows_of_one_table() {
    let environment = Environment::new();
    let (one, two) = (
        GoNode::start(Role::Orchestrator).await,
        GoNode::start(Role::Gateway).await,
    );
    let own = Node::start(&environment, &[]);
    for (name, url) in [("go", &one.url), ("gate", &two.url), ("own", &own.operator_url())] {
        environment
            .lpctl(&["config", "set", &format!("nodes.{name}"), url])
            .expect_code(0);
    }
    let config = environment.lpctl(&["config", "show"]).expect_code(0).stdout;
    assert!(
        config.contains("nodes.gate") && config.contains(&two.url),
        "{config}"
    );
    let rows = environment
        .lpctl(&["node", "--all", "show", "--json"])
        .expect_code(0)
        .data();
    let kinds: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["node"], &row["data"]["kind"]))
        .collect();
    assert_eq!(
        kinds,
        [
            (&json!("gate"), &json!("go_livepeer")),
            (&json!("go"), &json!("go_livepeer")),
            (&json!("own"), &json!("lpctl"))
        ]
    );
    let table = environment
        .lpctl(&["node", "show", "--all"])
        .expect_code(0)
        .stdout;
    assert_eq!(table.lines().count(), 4, "{table}");

    // Changes to several are confirmed.
    let change = ["node", "--all", "--json", "set-max-sessions", "7"];
    assert_eq!(
        environment.lpctl(&change).expect_code(4).error()["code"],
        "confirmation_needed"
    );
    assert_eq!((one.calls(), two.calls()), (vec![], vec![]));
    let rows = environment
        .lpctl(&[&change[..], &["--yes"]].concat())
        .expect_code(0)
        .data();
    assert_eq!(rows[2]["data"]["sessions"], 0);
    assert_eq!(own.status().await.max_sessions, 7);
    one.posted("/setMaxSessions");

    // A dead one is a row like the others, and some did it.
    environment
        .lpctl(&["config", "set", "nodes.dead", "http://127.0.0.1:9"])
        .expect_code(0);
    let rows = environment
        .lpctl(&["node", "--all", "show", "--json"])
        .expect_code(1)
        .data();
    assert_eq!(rows[0]["node"], "dead");
    assert_eq!(rows[0]["data"], Value::Null);
    assert_eq!(
        (&rows[0]["error"]["code"], &rows[0]["error"]["exit_code"]),
        (&json!("node_unreachable"), &json!(7))
    );
    assert_eq!(rows[1]["error"], Value::Null);
    let told = environment.lpctl(&["node", "show", "--all"]).expect_code(1);
    assert!(
        told.stdout
            .contains("dead: no status from the node at http://127.0.0.1:9"),
        "{}",
        told.stdout
    );

    // What is wrong with all of them is what is wrong.
    let both = [
        "--node",
        "dead",
        "--node",
        "http://127.0.0.1:1",
        "node",
        "show",
        "--json",
    ];
    assert_eq!(
        environment
            .lpctl(&both)
            .expect_code(7)
            .data()
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let drained = ["--node", "go,gate", "node", "drain", "--json", "--yes"];
    environment.lpctl(&drained).expect_code(4);
    // One name is one node, and other commands take no more.
    let one_named = environment
        .lpctl(&["--node", "go", "node", "show", "--json"])
        .expect_code(0);
    assert_eq!(one_named.data()["kind"], "go_livepeer");
    let several = environment
        .lpctl(&["--node", "go,own", "--json", "gpu", "list"])
        .expect_code(2);
    assert_eq!(several.error()["code"], "several_nodes");
    let empty = Environment::new();
    assert_eq!(
        empty
            .lpctl(&["node", "--all", "--json", "show"])
            .expect_code(3)
            .error()["code"],
        "no_inventory"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_ours_is_ended_by_its_id() {
    let environment = Environment::new();
    let node = Node::start(&environment, &["--preset", "ultrafast"]);
    let clip = segment(ClipSpec {
        width: 320,
        height: 180,
        seconds: 1,
        ..ClipSpec::default()
    });
    let answer = node.push(&engine::wire::signature::Offchain, &clip).await;
    assert!(!answer.bytes().await.unwrap().is_empty());
    let url = node.operator_url();
    let lpctl =
        |arguments: &[&str]| environment.lpctl(&[&["--node", &url, "--json", "node"], arguments].concat());
    let listed = lpctl(&["sessions"]).expect_code(0).data();
    let id = listed["sessions"][0]["id"].as_str().unwrap().to_string();
    let ended = lpctl(&["end-session", &id]).expect_code(0).data();
    assert_eq!(ended, json!({"session": id, "sessions": 0}));
    assert_eq!(
        lpctl(&["end-session", &id]).expect_code(4).error()["code"],
        "node_refused"
    );
    for arguments in [
        &["set-max-face-value", "1eth"][..],
        &["set-max-gas-price", "1gwei"],
        &["set-min-gas-price", "1gwei"],
        &["broadcast-config", "show"],
        &["set-capability-price", "llm", "7"],
        &["transcoders"],
    ] {
        lpctl(arguments).expect_code(4);
    }
    assert!(node.status().await.payments.is_none());

    // Web pages and links end nothing.
    let client = engine::wire::client::download_client(std::time::Duration::from_secs(10)).unwrap();
    let end = format!("{url}/api/v1/end-session");
    let linked = client.get(&end).send().await.unwrap();
    assert_eq!(linked.status(), StatusCode::METHOD_NOT_ALLOWED);
    let page = client
        .post(&end)
        .header("origin", "https://evil.example")
        .body("{\"session\":\"x\"}");
    assert_eq!(page.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_ours_hold_at_once_and_at_the_next_start() {
    let operator = Operator::new().await;
    let arguments = ["--preset", "ultrafast", "--price", "0", "--no-reward"];
    let node = Node::start(&operator.environment, &arguments);
    let url = node.operator_url();
    let lpctl =
        |arguments: &[&str]| operator.lpctl(&[&["--node", &url, "--json", "node"], arguments].concat());
    lpctl(&["set-max-face-value", "0.05eth"]).expect_code(0);
    let set = lpctl(&["set-max-gas-price", "2gwei"]).expect_code(0).data();
    assert_eq!(
        set,
        json!({"max_gas_price_wei": "2000000000", "min_gas_price_wei": "0", "kept": true})
    );
    lpctl(&["set-min-gas-price", "1gwei"]).expect_code(0);
    let crossed = lpctl(&["set-min-gas-price", "3gwei"]).expect_code(4).error();
    assert_eq!(crossed["code"], "node_refused");
    let limits = |status: engine::view::node::NodeStatus| {
        let payments = status.payments.unwrap();
        let gwei = engine::units::Wei::gwei;
        assert_eq!(payments.max_face_value_wei.unwrap().human(), "0.05 ETH");
        assert_eq!(
            (payments.max_gas_price_wei, payments.min_gas_price_wei),
            (Some(gwei(2)), gwei(1))
        );
    };
    limits(node.status().await);
    drop(node);
    let node = Node::start(&operator.environment, &arguments);
    limits(node.status().await);
    drop(node);
    // Whoever types a limit means it.
    let typed = [
        &arguments[..],
        &["--max-face-value", "0.01eth", "--max-gas-price", "5gwei"],
    ]
    .concat();
    let payments = Node::start(&operator.environment, &typed)
        .status()
        .await
        .payments
        .unwrap();
    assert_eq!(payments.max_face_value_wei.unwrap().human(), "0.01 ETH");
    assert_eq!(payments.max_gas_price_wei, Some(engine::units::Wei::gwei(5)));
}
