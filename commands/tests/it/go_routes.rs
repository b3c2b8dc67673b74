//! go-livepeer's operator routes on lpctl's node: every route of the table, the menu of `livepeer_cli` from its first entry to its
//! last, and what is refused where go-livepeer would lose money.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::Mutex,
    time::Duration,
};

use alloy::{
    primitives::{Address, Signature, U256, eip191_hash_message},
    providers::Provider,
};
use engine::{
    node::go_routes::{GoAnswer, GoRoute, ROUTES},
    operator::{GoApi, GoCall},
    units::{Lpt, Wei},
    view::{go_node::GoRole, node::Scope},
    wallet::sign::TypedMessage,
    wire::client::download_client,
};
use reqwest::{Client, Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{described::Described, environment::Environment, operator::Operator, run::Node};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// What `livepeer_cli` names everything in.
const PAIRS: &str = "application/x-www-form-urlencoded";

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    kind: Option<String>,
    nosniff: bool,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(
            (self.status, self.kind.as_deref()),
            (200, Some("application/json")),
            "{self:?}"
        );
        assert_ne!(self.body.last(), Some(&b'\n'));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A member of the answer, or of the first of its list, as it was written: numbers are longer than JSON readers think.
    #[track_caller]
    fn written(&self, key: &str) -> String {
        type Members = BTreeMap<String, Box<serde_json::value::RawValue>>;
        self.json();
        let text = self.text();
        let members: Members = match text.starts_with('[') {
            true => serde_json::from_str::<Vec<Members>>(&text).unwrap().remove(0),
            false => serde_json::from_str(&text).unwrap(),
        };
        members[key].get().to_string()
    }

    /// An error as Go's server sends them.
    #[track_caller]
    fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.kind.as_deref(), Some("text/plain; charset=utf-8"));
        assert!(self.nosniff);
        let text = self.text();
        text.strip_suffix('\n').unwrap().to_string()
    }

    /// 200 without a word.
    #[track_caller]
    fn done(&self) {
        assert_eq!((self.status, &*self.text()), (200, ""));
    }

    #[track_caller]
    fn number(&self) -> U256 {
        assert_eq!(self.status, 200, "{}", self.text());
        self.text().parse().unwrap()
    }
}

/// Whoever calls routes, and what it called.
struct Caller {
    http: Client,
    base: String,
    entry: Mutex<u8>,
    called: Mutex<BTreeMap<u8, BTreeSet<String>>>,
}

impl Caller {
    fn new(node: &Node) -> Self {
        Self {
            http: download_client(PATIENCE).unwrap(),
            base: node.operator_url(),
            entry: Mutex::default(),
            called: Mutex::default(),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Reply {
        let entry = *self.entry.lock().unwrap();
        let route = path.split('?').next().unwrap().to_string();
        self.called
            .lock()
            .unwrap()
            .entry(entry)
            .or_default()
            .insert(route);
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if method == Method::POST {
            let mut pairs = url::form_urlencoded::Serializer::new(String::new());
            pairs.extend_pairs(form);
            request = request.header(CONTENT_TYPE, PAIRS).body(pairs.finish());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name)?.to_str().ok()?;
            Some(value.to_string())
        };
        Reply {
            status: answer.status().as_u16(),
            kind: header("content-type"),
            nosniff: header("x-content-type-options").as_deref() == Some("nosniff"),
            body: answer.bytes().await.unwrap().to_vec(),
        }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], &[]).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.send(Method::POST, path, form, &[]).await
    }

    /// An entry of the menu begins.
    fn entry(&self, number: u8) {
        *self.entry.lock().unwrap() = number;
        self.called.lock().unwrap().entry(number).or_default();
    }
}

/// Something for each parameter of a route.
fn filled(route: &GoRoute) -> Vec<(&'static str, &'static str)> {
    let value = |name: &str| match name {
        "toAddr" | "to" | "poll" | "broadcasterEthAddr" => "0x52908400098527886e0f7030069857d2e4169ee7",
        "currency" => "Wei",
        "serviceURI" => "https://127.0.0.1:8935",
        "pipeline" => "text-to-image",
        "modelID" => "default",
        "maxSessions" => "7",
        "loglevel" => "3",
        _ => "1",
    };
    route.required.iter().map(|name| (*name, value(name))).collect()
}

/// Whether a body has the shape the table says.
#[track_caller]
fn assert_shape(route: &GoRoute, reply: &Reply) {
    let path = route.path;
    if let GoAnswer::Refused(status) = route.answer {
        reply.error(status);
        return;
    }
    assert_eq!(
        reply.status,
        200,
        "{path}: {}",
        String::from_utf8_lossy(&reply.body)
    );
    let keys = |value: &Value, known: &[&str]| {
        let known: BTreeSet<String> = known.iter().map(ToString::to_string).collect();
        let found: BTreeSet<String> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(found, known, "{path}");
    };
    match route.answer {
        GoAnswer::Nothing => {
            reply.done();
            assert_eq!(reply.kind, None, "{path}");
        }
        GoAnswer::Text => {
            reply.text();
        }
        GoAnswer::Number => {
            reply.number();
        }
        GoAnswer::NumberOrNothing => assert!(reply.body.is_empty() || reply.number() > U256::ZERO),
        GoAnswer::Truth => assert!(matches!(&*reply.text(), "true" | "false"), "{path}"),
        GoAnswer::Account => {
            Address::parse_checksummed(reply.text(), None).unwrap();
        }
        GoAnswer::Block => assert!((1..=8).contains(&reply.body.len()) && reply.body[0] > 0),
        GoAnswer::Bytes(count) => {
            assert_eq!(reply.body.len(), count, "{path}");
            assert_eq!(reply.kind.as_deref(), Some("application/octet-stream"));
        }
        GoAnswer::Empty => assert_eq!(reply.json(), json!([])),
        GoAnswer::Names => {
            let names = reply.json();
            assert!(names.as_array().unwrap().iter().all(Value::is_string));
        }
        GoAnswer::Object(known) => keys(&reply.json(), known),
        GoAnswer::List(known) => match reply.json() {
            Value::Null => {}
            list => list
                .as_array()
                .unwrap()
                .iter()
                .for_each(|member| keys(member, known)),
        },
        GoAnswer::Refused(_) => unreachable!(),
    }
}

/// The routes that are answered here; `/metrics` is served where metrics are.
fn routes() -> impl Iterator<Item = &'static GoRoute> {
    ROUTES.iter().filter(|route| route.path != "/metrics")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_off_the_chain_answers_every_route_as_go_livepeer_does() {
    let environment = Environment::new();
    let node = Node::start(&environment, &["--offchain", "--preset", "ultrafast"]);
    let caller = Caller::new(&node);
    for route in routes() {
        let path = route.path;
        if let Some(first) = route.required.first() {
            let missing = caller.post(path, &[]).await;
            assert_eq!(
                missing.error(400),
                format!("missing form param: {first}"),
                "{path}"
            );
            // An empty value is none.
            let empty = caller.post(path, &[(first, "")]).await;
            assert_eq!(empty.error(400), format!("missing form param: {first}"), "{path}");
        }
        let method = match route.scope {
            Scope::Read => Method::GET,
            Scope::Operate | Scope::Money => Method::POST,
        };
        let reply = caller.send(method, path, &filled(route), &[]).await;
        match path {
            _ if route.needs_chain => assert_eq!(reply.error(500), "missing ETH client", "{path}"),
            // Where go-livepeer breaks off.
            "/setMaxFaceValue" => assert_eq!(reply.error(500), "missing ETH client"),
            "/currentBlock" => {
                assert!(reply.error(500).starts_with("could not query last seen block"));
            }
            "/setBroadcastConfig" => assert_eq!(
                reply.error(400),
                "missing form params (maxPricePerUnit AND pixelsPerUnit) or transcodingOptions"
            ),
            // No price where nobody pays.
            "/setPriceForBroadcaster" => assert!(reply.error(400).contains("it is on no chain")),
            _ => assert_shape(route, &reply),
        }
        assert_eq!(caller.get(&format!("{path}/")).await.status, 404, "{path}/");
    }
    for (path, text) in [
        ("/IsOrchestrator", "true"),
        ("/IsRedeemer", "false"),
        ("/EthChainID", "0"),
        ("/streamID", ""),
        ("/getAISessionPoolsInfo", "{}"),
        ("/localStreams", "[]"),
        ("/getLogLevel", "3"),
        ("/debug", "\n\nLatestPlaylist: <nil>"),
    ] {
        assert_eq!(caller.get(path).await.text(), text, "{path}");
    }
    for path in ["/debug/pprof/", "/debug/pprof/cmdline", "/isorchestrator"] {
        assert_eq!(caller.get(path).await.status, 404, "{path}");
    }
    let broken = caller.post("/setLogLevel?loglevel=%zz", &[]).await;
    assert_eq!(broken.error(500), "parse form error: invalid URL escape \"%zz\"");
    let live = caller.send(Method::PUT, "/registerLiveRunners", &[], &[]).await;
    assert_eq!(live.status, 405);
    let status = caller.get("/status").await.json();
    assert_eq!(status["LocalTranscoding"], true);
    assert_eq!(status["OrchestratorPoolInfos"], Value::Null);
    assert_eq!(status["OrchestratorPool"], json!([]));
    assert_eq!(
        caller
            .get("/getAvailableTranscodingOptions")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        13
    );
}

/// A transcoder whose orchestrator does not answer: what it says of itself depends on nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_transcoder_answers_every_route_and_says_what_it_has_not() {
    let environment = Environment::new();
    let secret = environment.home().join("secret");
    fs::write(&secret, "open sesame\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = environment.command(&["run", "--json", "--mode", "transcoder", "--max-sessions", "4"]);
    command.args(["--orch-addr", "127.0.0.1:9", "--orch-secret-file", "secret"]);
    command.args([
        "--operator-addr",
        "127.0.0.1:0",
        "--gpus",
        "none",
        "--preset",
        "ultrafast",
    ]);
    let node = Node::spawn(command);
    let caller = Caller::new(&node);
    for route in routes() {
        let path = route.path;
        if let Some(first) = route.required.first() {
            let missing = caller.post(path, &[]).await;
            assert_eq!(
                missing.error(400),
                format!("missing form param: {first}"),
                "{path}"
            );
        }
        let method = match route.scope {
            Scope::Read => Method::GET,
            Scope::Operate | Scope::Money => Method::POST,
        };
        let reply = caller.send(method, path, &filled(route), &[]).await;
        match path {
            _ if route.needs_chain => assert_eq!(reply.error(500), "missing ETH client", "{path}"),
            "/setMaxFaceValue" => assert_eq!(
                reply.error(400),
                "node must be orchestrator node to set maxfacevalue"
            ),
            "/setPriceForBroadcaster" => assert_eq!(
                reply.error(400),
                "Node must be orchestrator node to set price for broadcaster"
            ),
            "/currentBlock" => {
                assert!(reply.error(500).starts_with("could not query last seen block"));
            }
            "/setBroadcastConfig" => assert_eq!(
                reply.error(400),
                "missing form params (maxPricePerUnit AND pixelsPerUnit) or transcodingOptions"
            ),
            _ => assert_shape(route, &reply),
        }
    }
    for (path, text) in [
        ("/IsOrchestrator", "false"),
        ("/IsRedeemer", "false"),
        ("/EthChainID", "0"),
    ] {
        assert_eq!(caller.get(path).await.text(), text, "{path}");
    }
    let status = caller.get("/status").await.json();
    assert_eq!(status["LocalTranscoding"], true);
    assert_eq!(status["RegisteredTranscodersNumber"], 0);
    assert_eq!(
        node.status().await.max_sessions,
        7,
        "it can be told how many sessions it takes"
    );
    // It tells its orchestrator a number.
    let auto = caller.post("/setMaxSessions", &[("maxSessions", "auto")]).await;
    assert!(auto.error(400).contains("`auto` is none"));
    for (path, form) in [
        ("/setMaxGasPrice", ("amount", "1")),
        ("/setMinGasPrice", ("minGasPrice", "1")),
    ] {
        assert_eq!(caller.post(path, &[form]).await.error(500), "missing ETH client");
    }

    // The same port's own routes, as they are described.
    let answers = Described::by(&node.operator_url()).await.answers(None).await;
    assert_eq!(answers["/api/v1/status"]["remote"]["orchestrator"], "127.0.0.1:9");
    assert_eq!(answers["/api/v1/tickets"]["error"]["code"], "not_here");
    assert_eq!(answers["/api/v1/sessions/{id}"]["error"]["code"], "no_session");
    assert_eq!(answers["/api/v1/reward"], json!({ "reward": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_a_node_off_the_chain_are_set_and_read_back() {
    let environment = Environment::new();
    let node = Node::start(&environment, &["--offchain", "--preset", "ultrafast"]);
    let caller = Caller::new(&node);
    // Query, pairs and parts alike; a body of pairs stands over the query.
    let said = caller
        .post("/setMaxSessions?maxSessions=3", &[("maxSessions", "4")])
        .await;
    assert_eq!(said.text(), "Max sessions set to 4\n");
    assert_eq!(node.status().await.max_sessions, 4);
    let parts = "--b\r\nContent-Disposition: form-data; name=\"maxSessions\"\r\n\r\n9\r\n--b--\r\n";
    let answer = caller
        .http
        .post(format!("{}/setMaxSessions", caller.base))
        .header(CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(parts);
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(node.status().await.max_sessions, 9);
    for (value, said) in [
        ("0", "Max Sessions must be 'auto' or greater than zero"),
        ("-3", "Max Sessions must be 'auto' or greater than zero"),
        ("many", "strconv.Atoi: parsing \"many\": invalid syntax"),
    ] {
        let refused = caller.post("/setMaxSessions", &[("maxSessions", value)]).await;
        assert_eq!(refused.error(400), said);
    }
    assert_eq!(
        caller
            .post("/setMaxSessions", &[("maxSessions", "auto")])
            .await
            .text(),
        "Max sessions set to auto\n"
    );

    for level in ["0", "4", "5", "6", "3"] {
        caller.post("/setLogLevel", &[("loglevel", level)]).await.done();
        assert_eq!(caller.get("/getLogLevel").await.text(), level);
    }
    for wrong in ["x", "7", "-1"] {
        let refused = caller.post("/setLogLevel", &[("loglevel", wrong)]).await;
        assert_eq!(refused.error(400), "parameter 'logLevel' not defined");
    }

    let shown = async || caller.get("/getBroadcastConfig").await.json();
    let first = json!({ "MaxPrice": null, "TranscodingOptions": "P240p30fps16x9,P360p30fps16x9" });
    assert_eq!(shown().await, first);
    let set = async |form: &[(&str, &str)]| caller.post("/setBroadcastConfig", form).await;
    // All of it or nothing: an unknown name changes no price, and is not dropped.
    let wrong = set(&[
        ("maxPricePerUnit", "7"),
        ("pixelsPerUnit", "2"),
        ("transcodingOptions", "P240p30fps16x9,P999"),
    ]);
    assert_eq!(
        wrong.await.error(400),
        "invalid transcoding options: P240p30fps16x9,P999"
    );
    assert_eq!(shown().await, first);
    set(&[
        ("maxPricePerUnit", "7"),
        ("pixelsPerUnit", "2"),
        ("currency", "Wei"),
        ("transcodingOptions", "P144p30fps16x9"),
    ])
    .await
    .done();
    assert_eq!(
        shown().await,
        json!({ "MaxPrice": "7/2", "TranscodingOptions": "P144p30fps16x9" })
    );
    set(&[("maxPricePerUnit", "0"), ("pixelsPerUnit", "1")])
        .await
        .done();
    assert_eq!(shown().await["MaxPrice"], Value::Null);
    let price = set(&[("maxPricePerUnit", "x"), ("pixelsPerUnit", "1")]).await;
    assert_eq!(price.error(400), "Error parsing pricePerUnit value: x");
}

/// What each entry of the menu asks for (`go-livepeer cmd/livepeer_cli`), in its order.
const MENU: [(u8, &[&str]); 31] = [
    (
        1,
        &[
            "/contractAddresses",
            "/status",
            "/tokenBalance",
            "/ethBalance",
            "/maxGasPrice",
            "/minGasPrice",
            "/ethAddr",
            "/orchestratorInfo",
            "/senderInfo",
            "/getBroadcastConfig",
            "/delegatorInfo",
            "/currentRound",
        ],
    ),
    (2, &["/protocolParameters"]),
    (3, &["/registeredOrchestrators"]),
    (4, &["/initializeRound"]),
    (5, &["/registeredOrchestrators", "/tokenBalance", "/bond"]),
    (6, &["/delegatorInfo", "/unbond"]),
    (7, &["/delegatorInfo", "/unbondingLocks", "/rebond"]),
    (8, &["/delegatorInfo", "/unbondingLocks", "/withdrawStake"]),
    (9, &["/delegatorInfo", "/withdrawFees"]),
    (10, &["/tokenBalance", "/transferTokens"]),
    (11, &["/orchestratorInfo", "/currentRound", "/reward"]),
    (
        12,
        &[
            "/delegatorInfo",
            "/tokenBalance",
            "/orchestratorInfo",
            "/activateOrchestrator",
        ],
    ),
    (
        13,
        &["/tokenBalance", "/orchestratorInfo", "/setOrchestratorConfig"],
    ),
    (14, &["/senderInfo", "/fundDepositAndReserve"]),
    (
        15,
        &["/senderInfo", "/currentRound", "/ticketBrokerParams", "/unlock"],
    ),
    (16, &["/senderInfo", "/currentRound", "/cancelUnlock"]),
    (17, &["/senderInfo", "/currentRound", "/withdraw"]),
    (18, &["/getAvailableTranscodingOptions", "/setBroadcastConfig"]),
    (19, &["/setMaxPriceForCapability"]),
    (20, &["/maxGasPrice", "/setMaxGasPrice"]),
    (21, &["/minGasPrice", "/setMinGasPrice"]),
    (22, &["/requestTokens"]),
    // Prints the address of a faucet that is gone.
    (23, &[]),
    (24, &["/signMessage"]),
    (25, &["/signMessage"]),
    (26, &["/vote"]),
    (27, &["/voteOnProposal"]),
    (28, &["/setMaxFaceValue"]),
    (29, &["/setPriceForBroadcaster"]),
    (30, &["/setMaxSessions"]),
    // Ends the wizard.
    (31, &[]),
];

/// A mail as EIP-712 has it, for the devnet's chain.
fn typed() -> String {
    json!({
        "types": {
            "EIP712Domain": [{ "name": "name", "type": "string" }, { "name": "chainId", "type": "uint256" }],
            "Mail": [{ "name": "to", "type": "string" }, { "name": "words", "type": "string" }],
        },
        "primaryType": "Mail",
        "domain": { "name": "post", "chainId": 1337 },
        "message": { "to": "an orchestrator", "words": "well done" },
    })
    .to_string()
}

/// 18 digits behind each.
fn lpt(count: u64) -> String {
    Lpt::whole(count).0.to_string()
}

/// The menu of `livepeer_cli` against a running node: each entry's calls in its order, what came of them read from the
/// contracts themselves.
#[tokio::test(flavor = "multi_thread")]
async fn livepeer_cli_walks_its_whole_menu() {
    let operator = Operator::new().await;
    let treasury = operator.devnet.add_governor().await;
    let contracts = operator.devnet.contracts;
    let account = operator.orchestrator();
    let me = account.to_checksum(None);
    let manager = contracts.bonding_manager;
    let transcoder = async || operator.words(manager, "getTranscoder(address)", account).await;
    let delegator = async || operator.words(manager, "getDelegator(address)", account).await;
    let sender = async || {
        let broker = contracts.ticket_broker;
        operator.words(broker, "getSenderInfo(address)", account).await
    };
    let wallet = async |whose: Address| operator.words(contracts.token, "balanceOf(address)", whose).await[0];
    // Stake that votes must be some rounds old.
    operator.lpctl(&[
        "stake",
        "bond",
        "100",
        "--account",
        "delegator",
        "--to",
        &me,
        "-y",
    ]);
    let node = Node::start(
        &operator.environment,
        &["--preset", "ultrafast", "--price", "1200", "--no-reward"],
    );
    let cli = Caller::new(&node);

    // Before the menu: what kind of node it is.
    for (path, text) in [("/IsOrchestrator", "true"), ("/IsRedeemer", "false")] {
        assert_eq!(cli.get(path).await.text(), text);
    }
    let chain_id = operator.devnet.provider().get_chain_id().await.unwrap();
    assert_eq!(cli.get("/EthChainID").await.text(), chain_id.to_string());
    assert_eq!(cli.get("/status").await.status, 200);

    cli.entry(2);
    let parameters = cli.get("/protocolParameters").await.json();
    assert_eq!(parameters["VerificationPeriod"], Value::Null);
    assert_eq!(parameters["Paused"], false);

    cli.entry(3);
    assert_eq!(cli.get("/registeredOrchestrators").await.json(), Value::Null);

    cli.entry(4);
    let round = operator.devnet.enter_next_round().await;
    assert_eq!(cli.get("/roundInitialized").await.text(), "false");
    cli.post("/initializeRound", &[]).await.done();
    let rounds = contracts.rounds_manager;
    let last = operator.words(rounds, "lastInitializedRound()", account).await[0];
    assert_eq!(last, U256::from(round));
    let again = cli.post("/initializeRound", &[]).await.error(500);
    assert!(
        again.starts_with("could not initialize round: ") && again.contains("ErrRoundInitialized"),
        "{again}"
    );

    cli.entry(12);
    assert_eq!(cli.get("/delegatorInfo").await.json()["Status"], "Unbonded");
    let before = cli.get("/tokenBalance").await.number();
    assert_eq!(before, wallet(account).await);
    let info = cli.get("/orchestratorInfo").await.json();
    assert_eq!(
        (&info["Transcoder"]["Status"], &info["PriceInfo"]),
        (&json!("Not Registered"), &json!("1200"))
    );
    let activation = |cut: &'static str| {
        vec![
            ("blockRewardCut", cut.to_string()),
            ("feeShare", "95".to_string()),
            ("pricePerUnit", "1000".to_string()),
            ("currency", "Wei".to_string()),
            ("pixelsPerUnit", "1".to_string()),
            ("serviceURI", "https://127.0.0.1:8935".to_string()),
            ("amount", lpt(300)),
        ]
    };
    let activate = async |cut: &'static str| {
        let form = activation(cut);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        cli.post("/activateOrchestrator", &form).await
    };
    // What is wrong is told before anything is done, the price included.
    assert_eq!(
        activate("ten").await.error(400),
        "strconv.ParseFloat: parsing \"ten\": invalid syntax"
    );
    assert_eq!(cli.get("/orchestratorInfo").await.json()["PriceInfo"], "1200");
    activate("10").await.done();
    let words = transcoder().await;
    assert_eq!((words[1], words[2]), (U256::from(100_000), U256::from(950_000)));
    assert_eq!(delegator().await[0], Lpt::whole(300).0);
    assert_eq!(wallet(account).await, before - Lpt::whole(300).0);
    assert_eq!(activate("10").await.error(400), "orchestrator already registered");
    let info = cli.get("/orchestratorInfo").await.json();
    assert_eq!(info["PriceInfo"], "1000");
    assert_eq!(info["Transcoder"]["Status"], "Registered");
    assert_eq!(info["Transcoder"]["ServiceURI"], "https://127.0.0.1:8935");
    assert_eq!(info["Transcoder"]["PricePerPixel"], Value::Null);

    // Another delegator, and a poll and a proposal to vote on: with stake of rounds ago.
    operator
        .devnet
        .chain()
        .fund_lpt(treasury.treasury, "500lpt".parse().unwrap())
        .await
        .unwrap();
    let deposit = [
        "deposit",
        "fund",
        "--deposit",
        "2eth",
        "--reserve",
        "1eth",
        "-y",
        "--account",
        "delegator",
    ];
    operator.lpctl(&deposit).expect_code(0);
    operator.devnet.next_round().await;
    let round = operator.devnet.next_round().await;

    cli.entry(11);
    cli.get("/orchestratorInfo").await.json();
    assert_eq!(cli.get("/currentRound").await.number(), U256::from(round));
    cli.post("/reward", &[]).await.done();
    assert_eq!(transcoder().await[0], U256::from(round));
    let again = cli.post("/reward", &[]).await.error(500);
    assert!(again.starts_with("Error calling reward: "), "{again}");

    cli.entry(9);
    operator.win_once("1eth".parse().unwrap()).await;
    let pending = cli.get("/delegatorInfo").await.written("PendingFees");
    let fees: U256 = pending.parse().unwrap();
    assert!(fees > U256::ZERO);
    let missing = cli.post("/withdrawFees", &[]).await;
    assert_eq!(missing.error(400), "missing form param: amount");
    let wrong = cli.post("/withdrawFees", &[("amount", "-1")]).await;
    assert_eq!(wrong.error(400), "invalid amount: failed to parse big integer");
    let balance = async || operator.devnet.provider().get_balance(account).await.unwrap();
    let before = balance().await;
    cli.post("/withdrawFees", &[("amount", &pending)]).await.done();
    let gained = balance().await - before;
    assert!(
        gained < fees && gained > fees / U256::from(2),
        "{gained} of {fees}"
    );

    cli.entry(5);
    let pool = cli.get("/registeredOrchestrators").await;
    assert_eq!(pool.written("DeactivationRound"), U256::MAX.to_string());
    let pool = pool.json();
    assert_eq!(pool[0]["Address"], format!("{account:#x}"));
    assert_eq!(
        (&pool[0]["PricePerPixel"], &pool[0]["Active"]),
        (&json!("1000"), &json!(true))
    );
    cli.get("/tokenBalance").await.number();
    let before = delegator().await[0];
    cli.post("/bond", &[("amount", &lpt(50)), ("toAddr", &me)])
        .await
        .done();
    assert!(delegator().await[0] >= before + Lpt::whole(50).0);

    cli.entry(6);
    let known = cli.get("/delegatorInfo").await.json();
    assert_eq!(known["DelegateAddress"], format!("{account:#x}"));
    assert_eq!(known["Status"], "Bonded");
    let before = delegator().await[0];
    for _ in 0..2 {
        cli.post("/unbond", &[("amount", &lpt(20))]).await.done();
    }
    assert_eq!(delegator().await[0], before - Lpt::whole(40).0);
    assert_eq!(delegator().await[6], U256::from(2));

    cli.entry(7);
    cli.get("/delegatorInfo").await.json();
    let locks = cli.get("/unbondingLocks").await;
    assert_eq!(locks.written("Amount"), lpt(20));
    let locks = locks.json();
    assert_eq!((locks.as_array().unwrap().len(), &locks[0]["ID"]), (2, &json!(0)));
    assert_eq!(locks[1]["Delegator"], format!("{account:#x}"));
    cli.post("/rebond", &[("unbondingLockId", "0")]).await.done();
    assert_eq!(delegator().await[0], before - Lpt::whole(20).0);

    cli.entry(10);
    let to = operator.devnet.accounts.gateway.address();
    cli.get("/tokenBalance").await.number();
    let before = wallet(to).await;
    let form = [("to", &*to.to_string()), ("amount", &*lpt(3))];
    cli.post("/transferTokens", &form).await.done();
    assert_eq!(wallet(to).await, before + Lpt::whole(3).0);

    cli.entry(13);
    cli.get("/tokenBalance").await.number();
    cli.get("/orchestratorInfo").await.json();
    let form = [
        ("pricePerUnit", "2"),
        ("pixelsPerUnit", "3"),
        ("currency", "Wei"),
        ("blockRewardCut", "11"),
        // What binary fractions make of 100 less 5.1.
        ("feeShare", "94.90000000000001"),
        ("serviceURI", "https://127.0.0.1:8936"),
    ];
    cli.post("/setOrchestratorConfig", &form).await.done();
    let words = transcoder().await;
    assert_eq!((words[1], words[2]), (U256::from(110_000), U256::from(949_000)));
    let info = cli.get("/orchestratorInfo").await.json();
    assert_eq!(info["PriceInfo"], "2/3");
    assert_eq!(info["Transcoder"]["ServiceURI"], "https://127.0.0.1:8936");
    let nonce = operator.nonce().await;
    cli.post("/setOrchestratorConfig", &form).await.done();
    assert_eq!(operator.nonce().await, nonce, "nothing of it was new");

    cli.entry(14);
    assert_eq!(
        cli.get("/senderInfo").await.json(),
        json!({ "Deposit": 0, "WithdrawRound": 0, "Reserve": { "FundsRemaining": 0, "ClaimedInCurrentRound": 0 } })
    );
    let (deposit, reserve) = (Wei::gwei(40), Wei::gwei(30));
    let form = [
        ("depositAmount", &*deposit.0.to_string()),
        ("reserveAmount", &*reserve.0.to_string()),
    ];
    let said = cli.post("/fundDepositAndReserve", &form).await;
    assert_eq!(
        (said.status, &*said.text()),
        (200, "fundDepositAndReserve success")
    );
    assert_eq!((sender().await[0], sender().await[2]), (deposit.0, reserve.0));
    let said = cli.post("/fundDeposit", &[("amount", "7")]).await;
    assert_eq!((said.status, &*said.text()), (200, "fundDeposit success"));
    assert_eq!(sender().await[0], deposit.0 + U256::from(7));

    cli.entry(15);
    let locked = cli.get("/senderInfo").await.json();
    assert_eq!(
        locked["Deposit"].to_string(),
        (deposit.0 + U256::from(7)).to_string()
    );
    let round = cli.get("/currentRound").await.number();
    let period: U256 = cli.get("/ticketBrokerParams").await.json()["UnlockPeriod"]
        .to_string()
        .parse()
        .unwrap();
    assert_eq!(cli.post("/unlock", &[]).await.text(), "unlock success");
    assert_eq!(sender().await[1], round + period);
    let again = cli.post("/unlock", &[]).await.error(500);
    assert!(again.starts_with("could not execute unlock: "), "{again}");

    cli.entry(16);
    assert_ne!(cli.get("/senderInfo").await.json()["WithdrawRound"], 0);
    cli.get("/currentRound").await.number();
    assert_eq!(
        cli.post("/cancelUnlock", &[]).await.text(),
        "cancelUnlock success"
    );
    assert_eq!(sender().await[1], U256::ZERO);
    cli.entry(0);
    assert_eq!(cli.post("/unlock", &[]).await.text(), "unlock success");
    let ready = sender().await[1];

    cli.entry(18);
    let names = cli.get("/getAvailableTranscodingOptions").await.json();
    assert!(names.as_array().unwrap().contains(&json!("P720p30fps16x9")));
    let form = [
        ("pixelsPerUnit", "1"),
        ("currency", "Wei"),
        ("maxPricePerUnit", "0"),
        ("transcodingOptions", "P240p30fps16x9"),
    ];
    cli.post("/setBroadcastConfig", &form).await.done();

    cli.entry(19);
    let form = [
        ("maxPricePerUnit", "1"),
        ("pixelsPerUnit", "1"),
        ("currency", "Wei"),
        ("pipeline", "text-to-image"),
        ("modelID", "default"),
    ];
    assert_eq!(
        cli.post("/setMaxPriceForCapability", &form).await.error(400),
        "Node must be gateway node to set max price per capability"
    );

    cli.entry(20);
    assert_eq!(cli.get("/maxGasPrice").await.text(), "");
    cli.post("/setMaxGasPrice", &[("amount", "90000000000")])
        .await
        .done();
    assert_eq!(cli.get("/maxGasPrice").await.text(), "90000000000");

    cli.entry(21);
    assert_eq!(cli.get("/minGasPrice").await.text(), "0");
    let above = cli
        .post("/setMinGasPrice", &[("minGasPrice", "90000000001")])
        .await;
    above.error(400);
    cli.post("/setMinGasPrice", &[("minGasPrice", "1000")])
        .await
        .done();
    assert_eq!(cli.get("/minGasPrice").await.text(), "1000");
    // None at all, and then so little that nothing is sent.
    cli.post("/setMinGasPrice", &[("minGasPrice", "0")]).await.done();
    cli.post("/setMaxGasPrice", &[("amount", "1")]).await.done();
    let nonce = operator.nonce().await;
    let above = cli.post("/fundDeposit", &[("amount", "7")]).await.error(500);
    assert!(
        above.contains("current gas price exceeds maximum gas price"),
        "{above}"
    );
    assert_eq!(operator.nonce().await, nonce);
    cli.post("/setMaxGasPrice", &[("amount", "0")]).await.done();
    assert_eq!(cli.get("/maxGasPrice").await.text(), "");

    cli.entry(22);
    let before = wallet(account).await;
    cli.post("/requestTokens", &[]).await.done();
    assert!(wallet(account).await > before);
    let again = cli.post("/requestTokens", &[]).await.error(500);
    assert!(
        again.starts_with("Error requesting tokens from faucet: "),
        "{again}"
    );

    cli.entry(23);

    cli.entry(24);
    let message = "I run this node.\nSincerely & 100% + more";
    let signed = cli.post("/signMessage", &[("message", message)]).await;
    let signature = Signature::from_raw(&signed.body).unwrap();
    assert!(
        signed.body.len() == 65 && matches!(signed.body[64], 27 | 28),
        "{signed:?}"
    );
    assert_eq!(signed.kind.as_deref(), Some("application/octet-stream"));
    assert_eq!(signature.recover_address_from_msg(message).unwrap(), account);
    assert_eq!(
        signature
            .recover_address_from_prehash(&eip191_hash_message(message))
            .unwrap(),
        account
    );

    cli.entry(25);
    let format = [("SigFormat", "data/typed")];
    let signed = cli
        .send(Method::POST, "/signMessage", &[("message", &typed())], &format)
        .await;
    let hash = TypedMessage::parse(&typed())
        .unwrap()
        .sign(&operator.devnet.accounts.delegator)
        .unwrap()
        .hash;
    let signature = Signature::from_raw(&signed.body).unwrap();
    assert_eq!(signature.recover_address_from_prehash(&hash).unwrap(), account);
    let wrong = cli
        .send(Method::POST, "/signMessage", &[("message", "{}")], &format)
        .await;
    assert!(
        wrong
            .error(400)
            .starts_with("could not unmarshal typed data - err=")
    );

    cli.entry(26);
    let made = operator
        .lpctl(&[
            "gov",
            "create",
            "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
            "-y",
            "--json",
        ])
        .expect_code(0)
        .data();
    let figure = |report: &Value, key: &str| {
        let changes = report["changes"].as_array().unwrap();
        let change = changes.iter().find(|change| change["key"] == key).unwrap();
        change["after"].as_str().unwrap().to_string()
    };
    let poll = figure(&made, "poll");
    let voted = cli.post("/vote", &[("poll", &poll), ("choiceID", "1")]).await;
    assert_eq!(voted.body.len(), 32, "{}", String::from_utf8_lossy(&voted.body));
    let hash = alloy::primitives::B256::from_slice(&voted.body);
    let receipt = operator
        .devnet
        .provider()
        .get_transaction_receipt(hash)
        .await
        .unwrap()
        .unwrap();
    assert!(receipt.status());
    assert_eq!(
        &receipt.inner.logs()[0].data().data[..],
        &U256::from(1).to_be_bytes::<32>()[..]
    );
    for (poll, choice, said) in [
        ("nowhere", "0", "invalid poll contract address"),
        (&*poll, "x", "choiceID is not a valid integer value"),
        (&*poll, "2", "invalid choiceID"),
    ] {
        let refused = cli.post("/vote", &[("poll", poll), ("choiceID", choice)]).await;
        assert_eq!(refused.error(500), said);
    }

    cli.entry(27);
    let to = to.to_string();
    let propose = [
        "gov",
        "propose",
        "--pay",
        "5lpt",
        "--to",
        &to,
        "--description",
        "pay",
        "-y",
        "--json",
    ];
    let made = operator.lpctl(&propose).expect_code(0).data();
    let proposal = figure(&made, "proposal");
    operator.devnet.next_round().await;
    operator.devnet.next_round().await;
    let form = [
        ("proposalID", &*proposal),
        ("support", "1"),
        ("reason", "good work"),
    ];
    let voted = cli.post("/voteOnProposal", &form).await;
    assert_eq!(voted.body.len(), 32, "{}", String::from_utf8_lossy(&voted.body));
    let hash = alloy::primitives::B256::from_slice(&voted.body);
    let receipt = operator
        .devnet
        .provider()
        .get_transaction_receipt(hash)
        .await
        .unwrap()
        .unwrap();
    assert!(receipt.status() && receipt.to == Some(treasury.governor));
    let again = cli.post("/voteOnProposal", &form).await.error(500);
    assert!(
        again.starts_with("unable to submit proposal vote transaction err="),
        "{again}"
    );
    let wrong = cli
        .post("/voteOnProposal", &[("proposalID", &proposal), ("support", "3")])
        .await;
    assert_eq!(wrong.error(500), "invalid support");

    cli.entry(8);
    cli.get("/delegatorInfo").await.json();
    while cli.get("/unbondingLocks?withdrawable=true").await.json() == Value::Null {
        operator.devnet.next_round().await;
    }
    let locks = cli.get("/unbondingLocks?withdrawable=true").await.json();
    assert_eq!((locks.as_array().unwrap().len(), &locks[0]["ID"]), (1, &json!(1)));
    let before = wallet(account).await;
    cli.post("/withdrawStake", &[("unbondingLockId", "1")])
        .await
        .done();
    assert_eq!(wallet(account).await, before + Lpt::whole(20).0);
    assert_eq!(cli.get("/unbondingLocks").await.json(), Value::Null);

    cli.entry(17);
    cli.get("/senderInfo").await.json();
    while cli.get("/currentRound").await.number() < ready {
        operator.devnet.next_round().await;
    }
    assert_eq!(cli.post("/withdraw", &[]).await.text(), "withdraw success");
    assert_eq!((sender().await[0], sender().await[2]), (U256::ZERO, U256::ZERO));

    cli.entry(28);
    let said = cli
        .post("/setMaxFaceValue", &[("maxfacevalue", "5000000000")])
        .await;
    assert_eq!(said.text(), "ticket max face value set");
    let limit = node.status().await.payments.unwrap().max_face_value_wei;
    assert_eq!(limit, Some(Wei::gwei(5)));
    let wrong = cli.post("/setMaxFaceValue", &[("maxfacevalue", "much")]).await;
    assert_eq!(wrong.error(400), "maxfacevalue not set to number");

    cli.entry(29);
    let form = [
        ("pricePerUnit", "3"),
        ("currency", "Wei"),
        ("pixelsPerUnit", "4"),
        ("broadcasterEthAddr", &*to),
    ];
    let said = cli.post("/setPriceForBroadcaster", &form).await;
    assert_eq!(
        said.text(),
        format!("Price per pixel set to 3 wei for 4 pixels for broadcaster {to}\n")
    );
    let prices = cli.get("/status").await.json()["BroadcasterPrices"].clone();
    assert_eq!(prices, json!({ "default": "2/3", to.to_lowercase(): "3/4" }));

    cli.entry(30);
    let said = cli.post("/setMaxSessions", &[("maxSessions", "7")]).await;
    assert_eq!(said.text(), "Max sessions set to 7\n");
    assert_eq!(node.status().await.max_sessions, 7);

    cli.entry(1);
    let addresses = cli.get("/contractAddresses").await.json();
    assert_eq!(addresses["BondingManager"], format!("{manager:#x}"));
    assert_eq!(
        addresses["TicketBroker"],
        format!("{:#x}", contracts.ticket_broker)
    );
    cli.get("/status").await.json();
    assert_eq!(cli.get("/tokenBalance").await.number(), wallet(account).await);
    assert_eq!(cli.get("/ethBalance").await.number(), balance().await);
    cli.get("/maxGasPrice").await;
    cli.get("/minGasPrice").await.number();
    assert_eq!(cli.get("/ethAddr").await.text(), me);
    cli.get("/orchestratorInfo").await.json();
    cli.get("/senderInfo").await.json();
    cli.get("/getBroadcastConfig").await.json();
    cli.get("/delegatorInfo").await.json();
    cli.get("/currentRound").await.number();

    // The legacy call, which no entry makes.
    cli.entry(0);
    cli.post("/reward", &[]).await.done();
    cli.post("/claimEarnings", &[]).await.done();
    assert_eq!(delegator().await[5], cli.get("/currentRound").await.number());

    cli.entry(31);
    let called = cli.called.lock().unwrap().clone();
    for (entry, paths) in MENU {
        let made = &called[&entry];
        let missing: Vec<_> = paths.iter().filter(|path| !made.contains(**path)).collect();
        assert!(missing.is_empty(), "entry {entry} asks for {missing:?} too");
    }

    // Every reading route has the table's shape, here where all of them have something to tell.
    for route in routes().filter(|route| route.scope == Scope::Read) {
        let path = match route.path {
            "/orchestratorEarningPoolsForRound" => format!("{}?round={round}", route.path),
            path => path.to_string(),
        };
        assert_shape(route, &cli.get(&path).await);
    }
    let block = cli.get("/currentBlock").await.body;
    let seen = block
        .iter()
        .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    assert!(seen > 0 && seen <= operator.devnet.provider().get_block_number().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_go_livepeer_loses_money_by_is_refused() {
    let operator = Operator::new().await;
    let node = Node::start(
        &operator.environment,
        &["--preset", "ultrafast", "--price", "1200", "--no-reward"],
    );
    let cli = Caller::new(&node);
    let me = operator.orchestrator().to_checksum(None);
    let nonce = operator.nonce().await;
    // Go makes an address of anything: the zero address of most of it.
    let (first, rest) = me.split_at(4);
    let flipped: String = rest
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    let misspelt = format!("{first}{flipped}");
    for wrong in [
        "me",
        "0x",
        "0x1234",
        "0x0000000000000000000000000000000000000000",
        &misspelt,
        &format!("{me}00"),
    ] {
        let bond = cli
            .post("/bond", &[("amount", &lpt(1)), ("toAddr", wrong)])
            .await
            .error(400);
        assert!(
            bond.starts_with("toAddr is not a valid eth address, provided "),
            "{bond}"
        );
        let send = cli
            .post("/transferTokens", &[("amount", &lpt(1)), ("to", wrong)])
            .await
            .error(400);
        assert!(
            send.starts_with("to is not a valid eth address, provided "),
            "{send}"
        );
    }
    for amount in ["1.5", "-1", "0x10", "1e18", "all"] {
        let bond = cli.post("/bond", &[("amount", amount), ("toAddr", &me)]).await;
        assert_eq!(bond.error(400), "failed to parse big integer", "{amount}");
    }
    for lock in ["first", "-1", "1.0", "99999999999999999999"] {
        for route in ["/rebond", "/withdrawStake"] {
            let refused = cli.post(route, &[("unbondingLockId", lock)]).await;
            assert_eq!(
                refused.error(400),
                "Cannot convert unbondingLockId: failed to parse big integer"
            );
        }
    }
    // More than there is: refused before anything is sent, with the way out.
    let much = cli
        .post("/bond", &[("amount", &lpt(9_000_000)), ("toAddr", &me)])
        .await
        .error(400);
    assert!(much.starts_with("not sent: "), "{much}");

    // One of a pair, and a price beside something that is wrong.
    for (form, said) in [
        (
            vec![
                ("pricePerUnit", "0"),
                ("pixelsPerUnit", "1"),
                ("blockRewardCut", "10"),
            ],
            "blockRewardCut and feeShare have to be given together: nothing was changed",
        ),
        (
            vec![("pricePerUnit", "0")],
            "pricePerUnit and pixelsPerUnit have to be given together: nothing was changed",
        ),
        (
            vec![
                ("pricePerUnit", "0"),
                ("pixelsPerUnit", "1"),
                ("blockRewardCut", "x"),
                ("feeShare", "5"),
            ],
            "Cannot convert block reward cut: strconv.ParseFloat: parsing \"x\": invalid syntax",
        ),
        (
            vec![
                ("pricePerUnit", "0"),
                ("pixelsPerUnit", "1"),
                ("blockRewardCut", "101"),
                ("feeShare", "5"),
            ],
            "Cannot convert block reward cut: 101 is not a percentage from 0 to 100",
        ),
        (
            vec![
                ("pricePerUnit", "0"),
                ("pixelsPerUnit", "1"),
                ("serviceURI", "my node"),
            ],
            "parse \"my node\": invalid URI for request",
        ),
    ] {
        assert_eq!(cli.post("/setOrchestratorConfig", &form).await.error(400), said);
    }
    let form = [
        ("pricePerUnit", "0"),
        ("pixelsPerUnit", "1"),
        ("serviceURI", "https://0.0.0.0:8935"),
    ];
    assert_eq!(
        cli.post("/setOrchestratorConfig", &form).await.error(500),
        "service address must be a public IP address or hostname"
    );
    for whose in ["undefault", "0x1234", &format!("{me}junk")] {
        let form = [
            ("pricePerUnit", "0"),
            ("pixelsPerUnit", "1"),
            ("broadcasterEthAddr", whose),
        ];
        assert_eq!(
            cli.post("/setPriceForBroadcaster", &form).await.error(400),
            format!("broadcasterEthAddr is not a valid eth address, provided {whose}")
        );
    }
    assert_eq!(cli.get("/orchestratorInfo").await.json()["PriceInfo"], "1200");
    // 32 bytes that are no text could be a ticket.
    let hash = "%9f".repeat(32);
    let answer = cli
        .http
        .post(format!("{}/signMessage", cli.base))
        .header(CONTENT_TYPE, PAIRS)
        .body(format!("message={hash}"));
    assert_eq!(answer.send().await.unwrap().status(), 400);
    // A link of a web page spends nothing.
    for route in routes().filter(|route| route.scope != Scope::Read) {
        let link = format!("{}?to={me}&amount=1&toAddr={me}&message=yes", route.path);
        let followed = cli.get(&link).await;
        assert_eq!(followed.status, 405, "{}: {}", route.path, followed.text());
    }
    let page = [("Origin", "http://evil.example")];
    let form = [("to", &*me), ("amount", "1")];
    let posted = cli.send(Method::POST, "/transferTokens", &form, &page).await;
    assert_eq!(posted.status, 403);
    assert_eq!(operator.nonce().await, nonce, "nothing was sent");

    // All stake at once ends an orchestrator: that takes a word of its own.
    operator.active_with("100").await;
    let hasty = cli.post("/unbond", &[("amount", &lpt(1))]).await.error(500);
    assert!(hasty.contains("giveUpReward=true"), "{hasty}");
    cli.post("/reward", &[]).await.done();
    let stake = cli.get("/delegatorInfo").await.written("PendingStake");
    let ends = cli.post("/unbond", &[("amount", &stake)]).await.error(500);
    assert!(ends.contains("resign=true"), "{ends}");
    cli.post("/unbond", &[("amount", &stake), ("resign", "true")])
        .await
        .done();
    assert_eq!(
        cli.get("/orchestratorInfo").await.json()["Transcoder"]["Status"],
        "Not Registered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lpctls_own_client_reads_and_sets_over_these_routes() {
    let operator = Operator::new().await;
    let node = Node::start(
        &operator.environment,
        &["--preset", "ultrafast", "--price", "1200", "--no-reward"],
    );
    let api = GoApi::new(&node.operator_url().parse().unwrap()).unwrap();
    let view = api.view().await.unwrap();
    assert_eq!(view.role, GoRole::Orchestrator);
    assert_eq!(view.account, Some(operator.orchestrator()));
    assert_eq!(view.log_level, Some(3));
    assert_eq!(view.transcodes_itself, Some(true));
    assert_eq!(view.prices_wei_per_pixel["default"].to_string(), "1200");
    let round = operator
        .words(
            operator.devnet.contracts.rounds_manager,
            "currentRound()",
            Address::ZERO,
        )
        .await[0];
    assert_eq!(view.round.map(U256::from), Some(round));
    let balance = operator
        .devnet
        .provider()
        .get_balance(operator.orchestrator())
        .await
        .unwrap();
    assert_eq!(view.balance_wei, Some(Wei(balance)));
    assert_eq!(view.orchestrator.unwrap().status, "Not Registered");

    let gateway = operator.devnet.accounts.gateway.address();
    let change = async |call: GoCall| api.change(&call).await.unwrap();
    change(GoCall::price(Some(gateway), &"0.5wei/3".parse().unwrap())).await;
    change(GoCall::price(None, &"7".parse().unwrap())).await;
    change(GoCall::max_gas_price(Some(Wei::gwei(3)))).await;
    change(GoCall::min_gas_price(Wei::gwei(1))).await;
    change(GoCall::log_level(5)).await;
    change(GoCall::max_face_value(Some(Wei::gwei(9)))).await;
    let said = change(GoCall::max_sessions("12".parse().unwrap())).await;
    assert_eq!(said.trim(), "Max sessions set to 12");
    let view = api.view().await.unwrap();
    assert_eq!(view.prices_wei_per_pixel["default"].to_string(), "7");
    assert_eq!(
        view.prices_wei_per_pixel[&format!("{gateway:#x}")].to_string(),
        "1/6"
    );
    assert_eq!(view.max_gas_price_wei, Some(Wei::gwei(3)));
    assert_eq!(view.min_gas_price_wei, Some(Wei::gwei(1)));
    assert_eq!(view.log_level, Some(5));
    // The same, over the node's own API and its command.
    let status = node.status().await;
    assert_eq!(
        (status.max_sessions, status.payments.unwrap().price),
        (12, "7wei".to_string())
    );
    let url = node.operator_url();
    let shown = operator
        .lpctl(&["--node", &url, "node", "show", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(shown["max_sessions"], 12);
}
