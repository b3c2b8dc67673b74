//! Every stable code, in the order of the alphabet.

use serde::Serialize;

/// A code.
#[derive(Debug, Serialize)]
pub struct Code {
    /// Its name.
    pub name: &'static str,
    /// What happened.
    pub means: &'static str,
    /// The next step.
    pub next: &'static str,
}

const fn code(name: &'static str, means: &'static str, next: &'static str) -> Code {
    Code { name, means, next }
}

/// All of them.
pub static CODES: &[Code] = &[
    code(
        "account_busy",
        "another process sends for the same account, and still does",
        "wait for it; `lpctl tx list` shows what it sent",
    ),
    code(
        "account_exists",
        "the key is in the keystore already",
        "nothing; `lpctl account show` tells about it",
    ),
    code(
        "address_mismatch",
        "the file names another address than its key has",
        "do not use this file: it was damaged or exchanged",
    ),
    code(
        "address_unknown",
        "the keystore file does not say whose key it holds",
        "name the address, or bring the file in with `lpctl account import`",
    ),
    code(
        "alert_not_told",
        "a webhook, a program or the desktop did not take an alert",
        "the reason is beside it; `lpctl alerts test` tries again",
    ),
    code(
        "already_mined",
        "the transaction is mined, so nothing can be hurried or cancelled",
        "nothing; `lpctl tx show HASH` tells what it did",
    ),
    code(
        "answer_needed",
        "a question cannot be asked without a terminal, and no flag answers it",
        "give the flags the hint names",
    ),
    code(
        "anvil_failed",
        "the devnet's chain, anvil, did not start",
        "anvil needs glibc 2.35 or newer; name one of your own with `--anvil PATH`",
    ),
    code(
        "at_capacity",
        "a transcoder works on as many segments as it takes",
        "nothing, or raise `max_sessions` if the machine has room",
    ),
    code(
        "auth_webhook",
        "the gateway's webhook that decides about streams cannot be used",
        "check `gateway.auth_webhook`",
    ),
    code(
        "backing_off",
        "redeeming a ticket failed, and is tried again later",
        "nothing; `lpctl ticket show` tells when",
    ),
    code(
        "bad_address",
        "a text is no address, or its checksum is wrong",
        "copy it again; all in lower case it is not checked",
    ),
    code(
        "bad_anvil",
        "the anvil named is not one that can be used",
        "check `--anvil` and LPCTL_ANVIL, or leave both out",
    ),
    code(
        "bad_command_line",
        "a command line of go-livepeer could not be read",
        "pass it behind `--`, or as a file with `--file`",
    ),
    code(
        "bad_config",
        "the config file is not understood",
        "mend the line it names; `lpctl config set --help` lists the keys",
    ),
    code("bad_day", "a day is none", "write it like 2026-01-31"),
    code(
        "bad_face_value",
        "a ticket's largest value is lower than what redeeming it costs",
        "raise or leave out `--max-face-value`",
    ),
    code(
        "bad_header_file",
        "the file with the webhook's header cannot be used",
        "its first line is like `Authorization: Bearer TOKEN`",
    ),
    code(
        "bad_keys",
        "the gateway's file of API keys is not understood",
        "make keys with `lpctl gateway key new`",
    ),
    code(
        "bad_ladder",
        "the renditions asked for cannot be made",
        "`--help` shows how a ladder is written",
    ),
    code(
        "bad_name",
        "an account's name holds what names must not",
        "use letters, digits, `-` and `_`",
    ),
    code(
        "bad_names",
        "the file with the accounts' names is damaged",
        "correct or remove it; the keys are not touched",
    ),
    code(
        "bad_node_address",
        "a node's address cannot be used",
        "write it like `https://other.example:8935`",
    ),
    code(
        "bad_node_url",
        "the address of an operator API is none",
        "write `--node` like `http://127.0.0.1:7935`",
    ),
    code(
        "bad_object_store",
        "the object store cannot be used",
        "check the file named by `--object-store-file`",
    ),
    code(
        "bad_orch_addr",
        "the orchestrator's address cannot be used",
        "write it like `orchestrator.example:8935`",
    ),
    code(
        "bad_orchestrator",
        "an orchestrator the gateway shall use has no usable address",
        "write `--orch` like `https://o1.example.org:8935`",
    ),
    code(
        "bad_order",
        "a node's API was asked for something that makes no sense, like tickets it does not know",
        "`lpctl ticket list` shows the tickets there are",
    ),
    code(
        "bad_otel_endpoint",
        "traces cannot be sent to that address",
        "name a collector on this machine, like http://127.0.0.1:4317",
    ),
    code(
        "bad_parameters",
        "the devnet's parameters contradict each other",
        "`lpctl devnet up --help` gives the usual values",
    ),
    code(
        "bad_parts",
        "the devnet's contracts on the disk are not what they should be",
        "remove the folder `devnet` in the cache, then `lpctl devnet setup`",
    ),
    code(
        "bad_price",
        "a text is no price",
        "write it like `1200` (wei a pixel), `0.02usd/1000000` or `0.5usd/h`",
    ),
    code(
        "bad_recipient",
        "fees or LPT would go to an address that cannot be meant",
        "name the account that shall have them",
    ),
    code(
        "bad_rpc_url",
        "a text is no URL of a JSON-RPC endpoint",
        "check `--rpc-url` and LPCTL_RPC_URL; it begins with http:// or https://",
    ),
    code(
        "bad_service_addr",
        "the address for gateways cannot be used",
        "write it like `https://orchestrator.example:8935`",
    ),
    code(
        "bad_service_uri",
        "the address to be published is one gateways cannot use",
        "publish https://, a host and a port, and no path",
    ),
    code(
        "bad_state",
        "the devnet's saved state cannot be loaded",
        "start anew with `lpctl devnet up --fresh`",
    ),
    code(
        "bad_ticket_ev",
        "tickets would be worth more than their largest value",
        "lower `--ticket-ev` or raise `--max-face-value`",
    ),
    code(
        "bad_token_name",
        "a token's name holds what names must not",
        "use letters, digits, `-`, `_` and `.`, 40 at most",
    ),
    code(
        "bad_url",
        "an address is no URL that begins with http:// or https://",
        "write it like `https://host/path`",
    ),
    code(
        "bad_value",
        "a flag of go-livepeer has a value that is not understood",
        "correct it in the command line that is migrated",
    ),
    code(
        "bad_webhook",
        "a webhook's address cannot be used",
        "write it as http:// or https:// URL",
    ),
    code(
        "bare_ffmpeg_failed",
        "the bare ffmpeg that a bench compares with failed",
        "run the bench without `--against ffmpeg`",
    ),
    code(
        "below_threshold",
        "the account has too few votes to make a proposal",
        "`lpctl gov power` tells where votes come from",
    ),
    code(
        "bench_failed",
        "a bench could not be carried out",
        "the message says what stood in its way",
    ),
    code(
        "big_commission_change",
        "a commission would change by much at once",
        "look at both numbers again before you confirm",
    ),
    code(
        "books",
        "the node's books of tickets cannot be opened or written",
        "check the data directory and the space left",
    ),
    code(
        "bug",
        "lpctl failed in a way it should not",
        "report it with the lines above; nothing that was sent is undone",
    ),
    code(
        "cancelled",
        "the transaction was cancelled: another one with its number was mined",
        "nothing; run the command again if it was not you",
    ),
    code(
        "cancels_already",
        "the transaction waiting is a cancellation itself",
        "wait for it, or hurry it with `lpctl tx speed-up`",
    ),
    code(
        "cannot_cut",
        "the file cannot be cut into segments",
        "`ffprobe FILE` tells what ffmpeg makes of it",
    ),
    code(
        "cannot_listen",
        "a port cannot be opened",
        "check that the address is one of this machine's",
    ),
    code(
        "chain_stale",
        "the node has not heard from the chain for a while",
        "`lpctl rpc test` tells which endpoints answer",
    ),
    code(
        "chain_unread",
        "what is needed from the chain could not be read",
        "`lpctl rpc test` tells which endpoints answer",
    ),
    code(
        "chain_unreadable",
        "the chain could not be read while tickets were looked at",
        "`lpctl rpc test` tells which endpoints answer",
    ),
    code(
        "changes_vote",
        "the account has voted, and the last vote counts",
        "nothing, if that is what you want",
    ),
    code(
        "checkpoint",
        "how far an export or a history came cannot be written down",
        "make the folder writable; LPCTL_CACHE_DIR moves that of exports",
    ),
    code(
        "clock",
        "doctor: this machine's clock is off, or cannot be compared",
        "set it with an NTP service",
    ),
    code(
        "company",
        "a ticket waits to be redeemed together with others",
        "nothing; it never waits too long for its window",
    ),
    code(
        "config_not_written",
        "the config file was not changed",
        "the message says why; the file is as it was",
    ),
    code(
        "confirmation_needed",
        "something needs a yes, and there is no terminal to ask on",
        "pass `--yes`",
    ),
    code(
        "content_missing",
        "no endpoint has the log that tells what a proposal does",
        "use an endpoint that keeps logs of that time",
    ),
    code(
        "contract_missing",
        "a contract of the protocol is not where the Controller says",
        "check `--network` and `--controller`",
    ),
    code(
        "contract_moved",
        "governance replaced a contract since it was looked up",
        "run the command again",
    ),
    code(
        "controller_missing",
        "there is no Controller at the address",
        "check `--controller` and the network of the endpoints",
    ),
    code(
        "csv_not_written",
        "the bench's file of figures cannot be written",
        "choose another place with `--csv`",
    ),
    code(
        "data_dir",
        "the node's data directory cannot be used",
        "make it writable, or choose another with `--data-dir`",
    ),
    code(
        "data_dir_taken",
        "another node uses the data directory",
        "stop it, or give this one its own with `--data-dir`",
    ),
    code(
        "declined",
        "the answer to the question was no",
        "nothing was sent or changed",
    ),
    code(
        "delegated_elsewhere",
        "a lock is bonded again to whom the rest of the stake is with, not to somebody else",
        "leave `--to` out; `lpctl stake bond --to` moves all stake afterwards",
    ),
    code(
        "deposit_too_small",
        "the gateway's deposit does not cover the tickets asked for",
        "`lpctl deposit fund`, or lower `--deposit-multiplier`",
    ),
    code(
        "deposit_unlocking",
        "the gateway's funds are being taken out",
        "`lpctl deposit cancel-unlock` keeps them where they are",
    ),
    code(
        "device_unfit",
        "a GPU, or the CPU, failed its test",
        "the table says which trial; `lpctl doctor` looks for the cause",
    ),
    code(
        "devnet_down",
        "no devnet runs on this machine",
        "`lpctl devnet up --detach`",
    ),
    code(
        "devnet_ended",
        "the devnet ended by itself",
        "its log says why; `lpctl devnet up` starts it again",
    ),
    code(
        "devnet_failed",
        "a devnet started in the background failed",
        "start it in the foreground with `lpctl devnet up`",
    ),
    code(
        "devnet_not_yours",
        "the devnet belongs to another user",
        "ask its owner to end it",
    ),
    code(
        "devnet_running",
        "a devnet runs already",
        "`lpctl devnet status` shows it, `lpctl devnet down` ends it",
    ),
    code(
        "devnet_slow",
        "the devnet is not ready in time",
        "`lpctl devnet status` tells how far it is",
    ),
    code(
        "devnet_starting",
        "the devnet is not ready yet",
        "wait a moment and run the command again",
    ),
    code(
        "devnet_stuck",
        "the devnet does not end when it is told to",
        "end its process yourself: the hint names it",
    ),
    code(
        "devnet_unreachable",
        "the devnet's chain does not answer",
        "`lpctl devnet status` tells whether it still runs",
    ),
    code(
        "disk_low",
        "the disk with the node's books is almost full",
        "make room: without it no payment is taken",
    ),
    code(
        "empty_password",
        "a key shall be protected by nothing",
        "choose a password: it is all that protects the key",
    ),
    code(
        "empty_range",
        "there is nothing between the two days",
        "`--from` must not be after `--to`, nor in the future",
    ),
    code(
        "endpoint_unusable",
        "some RPC endpoints cannot be used, others can",
        "correct or remove those named, in `rpc_urls`",
    ),
    code(
        "ends_unlocking",
        "adding to deposit or reserve ends their unlocking",
        "go on if that is what you want",
    ),
    code(
        "explorer_bad_answer",
        "a subgraph answered what cannot be used",
        "check that `--url` is the GraphQL endpoint of a Livepeer subgraph",
    ),
    code(
        "explorer_busy",
        "a subgraph takes no more requests for now",
        "wait as long as the hint says, or use a key of your own",
    ),
    code(
        "explorer_key",
        "the subgraph's API key cannot be used",
        "put it in the first line of the file named by `--key-file`, and use https",
    ),
    code(
        "explorer_key_refused",
        "a subgraph refused the API key, or wants one",
        "name a file with a valid key: `--key-file`",
    ),
    code(
        "explorer_unknown",
        "a subgraph knows no such orchestrator",
        "`lpctl explorer orchestrators --all` lists those there ever were",
    ),
    code(
        "explorer_unreachable",
        "a subgraph does not answer",
        "check `--url`, or try again later",
    ),
    code(
        "explorer_url",
        "no subgraph is named, or nothing is there",
        "name its GraphQL endpoint with `--url` or LPCTL_EXPLORER_URL",
    ),
    code(
        "exposed",
        "the local RPC endpoint or the exporter would be open to others",
        "listen on a loopback address",
    ),
    code(
        "failed",
        "something failed that has no name of its own",
        "the message says what",
    ),
    code(
        "failing_segments",
        "a tenth or more of the last minutes' segments failed",
        "`lpctl logs --level warn --explain` tells why",
    ),
    code(
        "faucet_waits",
        "the faucet gives an account something only once in a while",
        "run it again when it says",
    ),
    code(
        "fee_share_looks_like_fee_cut",
        "the fee share is what delegators get, and this one looks like what you keep",
        "use `--fee-cut` for what you keep",
    ),
    code(
        "fence",
        "doctor: whether ffmpeg can be fenced in",
        "the finding says what is missing",
    ),
    code(
        "ffmpeg_broken",
        "ffmpeg is there and does not do its work",
        "install it from your distribution, or name another with `--ffmpeg`",
    ),
    code(
        "ffmpeg_lacks_encoder",
        "ffmpeg was built without an encoder that is needed",
        "install ffmpeg 5.1 or later with libx264",
    ),
    code(
        "ffmpeg_missing",
        "there is no ffmpeg on the search path",
        "install it (Debian: `apt-get install ffmpeg`), or name it with `--ffmpeg`",
    ),
    code(
        "ffmpeg_not_started",
        "ffmpeg could not be started",
        "check its rights and the limit on processes",
    ),
    code(
        "ffmpeg_timed_out",
        "ffmpeg did not answer in time",
        "is the file on a disk that hangs?",
    ),
    code(
        "ffmpeg_too_old",
        "ffmpeg is older than 5.1",
        "install a later one, or name another with `--ffmpeg`",
    ),
    code(
        "ffprobe_missing",
        "there is no ffprobe beside ffmpeg",
        "install ffmpeg whole (Debian: `apt-get install ffmpeg`)",
    ),
    code(
        "file_failed",
        "a file of the devnet cannot be read or written",
        "check the folder's permissions and the space left",
    ),
    code(
        "gas_above_limit",
        "redeeming waits because gas costs more than `--max-gas-price`",
        "wait, or raise it: tickets expire",
    ),
    code(
        "gas_critical",
        "the account has almost no ETH for gas",
        "send it ETH now",
    ),
    code(
        "gas_dear",
        "redeeming waits for gas to become cheaper",
        "nothing; it does not wait longer than the ticket's window",
    ),
    code(
        "gas_price",
        "reward waits: gas costs more than the limit",
        "wait, or raise `--max-gas-price`",
    ),
    code(
        "gas_price_above_limit",
        "gas costs more than you want to pay",
        "wait, or raise `--max-gas-price`",
    ),
    code(
        "gateway_failed",
        "a part of the gateway ended unasked",
        "the message names the first cause; its log has more",
    ),
    code(
        "gateway_not_made",
        "the gateway could not be started",
        "the message says what stood in its way",
    ),
    code(
        "gateway_stops",
        "taking the funds out ends what the gateway can pay",
        "stop the gateway first, or leave the funds in",
    ),
    code(
        "gpu_hot",
        "a GPU is about to slow itself down because of its temperature",
        "air, dust, fans, or a lower power limit",
    ),
    code(
        "gpu_trouble",
        "a GPU failed, is gone, or reports errors",
        "`lpctl gpu list`, and the driver's messages in the kernel's log",
    ),
    code(
        "guardian_broke",
        "the guardian of rewards ended unasked",
        "start it again; it acts from what the chain says",
    ),
    code(
        "input_missing",
        "the file to be sent cannot be opened",
        "check its name and rights",
    ),
    code(
        "input_unreadable",
        "ffmpeg cannot read the file",
        "`ffprobe FILE` tells what it makes of it",
    ),
    code(
        "input_without_video",
        "the file has no video",
        "choose one that has",
    ),
    code(
        "insufficient_allowance",
        "the contract may not take that much LPT",
        "run the command again: it approves what is missing",
    ),
    code(
        "insufficient_eth",
        "the account has too little ETH for value and gas",
        "send ETH to it on the network in use",
    ),
    code(
        "insufficient_fees",
        "there are fewer fees than are to be taken out",
        "leave the amount out to take all",
    ),
    code(
        "insufficient_lpt",
        "the account has less LPT than is needed",
        "LPT on Ethereum does not count until it is bridged",
    ),
    code(
        "insufficient_stake",
        "making a poll takes more stake than the account has",
        "`lpctl gov power` tells what there is",
    ),
    code(
        "integrity_mismatch",
        "a package of the devnet is not the one lpctl was made with",
        "do not use it: your registry delivers something else",
    ),
    code(
        "interrupted",
        "stopped by Ctrl-C, Esc or a signal",
        "nothing was sent that the lines above do not name",
    ),
    code(
        "interrupted_after_mining",
        "stopped after some transactions were mined",
        "`lpctl status` shows what is done; run the command again for the rest",
    ),
    code(
        "interrupted_after_sending",
        "stopped while a transaction was on its way",
        "do not send it again; `lpctl tx show HASH` tells what became of it",
    ),
    code(
        "invalid_percentage",
        "a percentage is not between 0 and 100",
        "give one that is, with four decimals at most",
    ),
    code(
        "invalid_secret",
        "the orchestrator does not accept the transcoder's secret",
        "both sides need the same first line in their secret file",
    ),
    code(
        "journal",
        "the journal of transactions cannot be read or written",
        "check the state folder (`lpctl config path`): nothing is sent without it",
    ),
    code(
        "kept_settings",
        "what was set while a node ran cannot be read",
        "remove the file it names, or mend it",
    ),
    code(
        "key_not_copied",
        "a key of go-livepeer could not be copied",
        "the message says which; the others were",
    ),
    code(
        "keyring_unavailable",
        "the system has no keyring that can be used",
        "`--password-file`, or a systemd credential",
    ),
    code(
        "keys_unreadable",
        "the gateway's file of API keys cannot be read",
        "check its name and rights",
    ),
    code(
        "keystore_failed",
        "the devnet's keys could not be made",
        "remove the folder it names and start the devnet again",
    ),
    code(
        "keystore_not_written",
        "a key could not be written",
        "check the folder and the space left; nothing was changed",
    ),
    code(
        "keystore_open_to_others",
        "others may write to the keystore folder",
        "make it yours alone: `chmod 700 FOLDER`",
    ),
    code(
        "keystore_unreadable",
        "the keystore folder cannot be read",
        "`lpctl config path` tells where accounts are looked for",
    ),
    code(
        "landlock",
        "doctor: the kernel's landlock, which fences ffmpeg's files",
        "a kernel from 5.13 on with landlock switched on",
    ),
    code(
        "last_of_the_pool",
        "what stays is the last place of a full pool: whoever bonds more takes it",
        "confirm only if that place may be lost",
    ),
    code(
        "lock_not_ready",
        "unbonded stake has to wait for its round",
        "`lpctl stake locks` tells which; `lpctl stake rebond LOCK` bonds it again now",
    ),
    code(
        "log_not_written",
        "the gateway's log file cannot be written",
        "choose another place with `--log`",
    ),
    code(
        "log_unreadable",
        "the log cannot be read",
        "name a file that is there and may be read",
    ),
    code(
        "low_gas",
        "the account has little ETH left for gas",
        "send ETH to it",
    ),
    code(
        "makes_contract",
        "the transaction makes a contract and cannot be replaced by lpctl",
        "wait for it",
    ),
    code(
        "memory",
        "doctor: what memory the machine has for segments",
        "close what takes it, or serve fewer streams",
    ),
    code(
        "more_than_bonded",
        "less is bonded than was asked for, rewards included",
        "ask for less, or for all of it with `--all`",
    ),
    code(
        "moves_all_stake",
        "bonding to another orchestrator moves all your stake there",
        "leave `--to` out to add to where it is",
    ),
    code(
        "moving_preset",
        "a bench with a preset that changes cannot be compared",
        "name one preset with `--preset`",
    ),
    code(
        "name_taken",
        "another account has that name",
        "choose another; nothing was changed",
    ),
    code(
        "near_the_cut_off",
        "the stake is barely enough for a place in the pool",
        "add some, or watch `lpctl orch show`",
    ),
    code(
        "needs_approval",
        "LPT has to be approved before it can be bonded",
        "nothing; the plan has that transaction",
    ),
    code(
        "network_unknown",
        "the network has no Controller that lpctl knows",
        "pass `--controller` with its address",
    ),
    code(
        "no_account",
        "no account is chosen, or there is none",
        "`lpctl account use`, or `lpctl account new`",
    ),
    code(
        "no_ai_registry",
        "the network has no registry for AI that lpctl knows",
        "name its contract with `--ai-registry`",
    ),
    code(
        "no_alert_channel",
        "the config names nobody who is told of alerts, or not in that way",
        "`lpctl config set alerts.webhook URL`, alerts.program PATH, or alerts.desktop true",
    ),
    code(
        "no_alert_program",
        "the program for alerts cannot be run",
        "check `reward.alert_program`",
    ),
    code(
        "no_alert_webhook",
        "there is a header for a webhook, and no webhook",
        "`lpctl config set alerts.webhook URL`",
    ),
    code(
        "no_anvil_for_this_machine",
        "there is no anvil for this kind of machine",
        "build anvil yourself and name it with `--anvil PATH`",
    ),
    code(
        "no_books",
        "there are no books of tickets here",
        "name the node's folder with `--data-dir`",
    ),
    code(
        "no_ceiling",
        "the guardian of rewards has no limit for gas",
        "pass `--max-gas-price`, or set it in the config",
    ),
    code(
        "no_client",
        "an HTTP client could not be made",
        "report it: this should not happen",
    ),
    code(
        "no_command_line",
        "there is no command line of go-livepeer to migrate",
        "pass it behind `--`, or as a file with `--file`",
    ),
    code(
        "no_config",
        "the config file that was named does not exist",
        "check `--config` and LPCTL_CONFIG",
    ),
    code(
        "no_delegate",
        "the account has nothing bonded, so nobody is known to bond the lock to",
        "name the orchestrator with `--to`",
    ),
    code(
        "no_deposit",
        "the gateway has no deposit or no reserve",
        "`lpctl deposit fund` makes them",
    ),
    code(
        "no_description",
        "a proposal's description is empty",
        "say what it is about: voters read nothing else",
    ),
    code(
        "no_dry_run",
        "the command has no dry run",
        "leave out `--dry-run`, and unset LPCTL_DRY_RUN",
    ),
    code(
        "no_faucet",
        "the network gives no test LPT away",
        "test LPT is on networks like `lpctl devnet up`",
    ),
    code(
        "no_gpu_works",
        "none of the GPUs can encode",
        "`lpctl gpu test` tells why; `--fallback` lets the CPU work",
    ),
    code(
        "no_home",
        "there is no home directory",
        "set HOME, or `--config`, LPCTL_DATA_DIR and LPCTL_CACHE_DIR",
    ),
    code(
        "no_inventory",
        "`--all` means the nodes of the config, and there are none",
        "`lpctl config set nodes.NAME http://127.0.0.1:7935`",
    ),
    code(
        "no_key",
        "the account has no key here, only an address",
        "bring it in with `lpctl account import`, or use `--dry-run`",
    ),
    code(
        "no_live_json",
        "the dashboard has no JSON while it is live",
        "add `--once`",
    ),
    code(
        "no_log_here",
        "what answers there does not tell its log",
        "pipe it in: `journalctl -u livepeer -o cat | lpctl logs --file -`",
    ),
    code(
        "no_mode",
        "a command line of go-livepeer says no role",
        "it needs -orchestrator, -transcoder or -gateway",
    ),
    code(
        "no_new_privs",
        "doctor: whether programs can be kept from gaining rights",
        "the kernel is older than any lpctl runs on",
    ),
    code(
        "no_orchestrator_available",
        "no orchestrator takes the stream",
        "the lines above say why, for each of them",
    ),
    code(
        "no_orchestrators",
        "there is nobody to send to",
        "name orchestrators with `--orch URL`",
    ),
    code(
        "no_price",
        "a node on a chain has no price to ask for",
        "`--price 1200`, or `payments.price` in the config; `lpctl init` asks for it",
    ),
    code(
        "no_redeemer",
        "the redeemer does not answer",
        "check its address and that it runs",
    ),
    code(
        "no_sessions",
        "a node or a gateway shall take no stream at all",
        "give `--max-sessions` at least 1",
    ),
    code(
        "no_such_device",
        "there is no device of that name",
        "`lpctl gpu list` shows those there are",
    ),
    code(
        "no_such_gpu",
        "there is no GPU of that number",
        "`lpctl gpu list` shows those there are",
    ),
    code(
        "no_such_lock",
        "the account has no such lock, or it is used up",
        "`lpctl stake locks` lists them",
    ),
    code(
        "no_temporary_files",
        "files cannot be made in the temporary folder",
        "check the space left, or point TMPDIR elsewhere",
    ),
    code(
        "no_terminal",
        "the command draws on a terminal and there is none",
        "use `--once`, or a command that prints",
    ),
    code(
        "no_thread",
        "a thread could not be made",
        "check the limit on processes: `ulimit -u`",
    ),
    code(
        "no_ticket",
        "there is no ticket to redeem",
        "`lpctl ticket list` shows what waits",
    ),
    code(
        "no_transcoders",
        "an orchestrator has no transcoder, so it takes no work",
        "start one with `lpctl run --mode transcoder`",
    ),
    code(
        "no_voting_power",
        "the account had no votes when the proposal's voting began",
        "stake counts for proposals made after it",
    ),
    code(
        "node_broke_off",
        "the node broke the connection off in the middle",
        "its log tells why; `lpctl node show` tells what holds now",
    ),
    code(
        "node_certificate",
        "the certificate a node is known by cannot be used",
        "name the PEM file: `operator-cert.pem` of the node's folder",
    ),
    code(
        "node_failed",
        "a part of the node ended unasked",
        "the message names the first cause; its log has more",
    ),
    code(
        "node_off_chain",
        "the node has no chain, so it has none of that",
        "ask an orchestrator's or a gateway's node",
    ),
    code(
        "node_refused",
        "the node answered with a refusal",
        "the message is the node's",
    ),
    code(
        "node_token",
        "the file with the token for a node cannot be used",
        "put one token, or lines of a URL and its token, into a file with mode 600",
    ),
    code(
        "node_unreachable",
        "no node answers at that address",
        "is it running? check `--node`",
    ),
    code(
        "nonce_taken",
        "another transaction took this one's place",
        "`lpctl tx list` shows what was mined instead; run the command again",
    ),
    code(
        "nonce_used",
        "what was waiting is settled by another transaction",
        "nothing; `lpctl tx list` shows what was mined",
    ),
    code(
        "not_a_devnet",
        "what answers is no devnet of lpctl",
        "start one with `lpctl devnet up --detach`",
    ),
    code(
        "not_a_keystore",
        "the file is no keystore file",
        "`lpctl account list` shows those there are",
    ),
    code(
        "not_a_poll",
        "there is no poll at that address",
        "`lpctl gov polls` lists those there are",
    ),
    code(
        "not_a_private_key",
        "the text is no private key",
        "it has 64 hexadecimal digits",
    ),
    code(
        "not_active",
        "the orchestrator is not in this round's active set",
        "`lpctl orch show` tells from when on it is",
    ),
    code(
        "not_bonded",
        "the account has no stake",
        "`lpctl stake bond AMOUNT`",
    ),
    code(
        "not_draining",
        "the node takes new sessions, so there is no end to wait for",
        "`lpctl node drain` first",
    ),
    code(
        "not_fenced",
        "segments would be decoded outside of the fence",
        "the message says what is missing; `lpctl doctor` tells more",
    ),
    code(
        "not_here",
        "this kind of node does not do that",
        "`lpctl node show` tells what kind it is",
    ),
    code(
        "not_in_keyring",
        "the keyring keeps no password for that account",
        "nothing",
    ),
    code(
        "not_in_keystore",
        "the file is not in the keystore folder",
        "only accounts of that folder are removed",
    ),
    code(
        "not_in_this_mode",
        "an option does nothing in this mode of the node",
        "leave it out, and its variable",
    ),
    code(
        "not_live",
        "the option is for a bench in real time",
        "add `--live`",
    ),
    code(
        "not_mined",
        "the devnet's chain did not mine a transaction",
        "`lpctl devnet status` tells whether it still moves",
    ),
    code(
        "not_offchain",
        "an option needs a node without a chain",
        "add `--offchain`, or leave the option out",
    ),
    code(
        "not_offered",
        "this kind of node does not offer that",
        "the hint says what does",
    ),
    code(
        "not_ready",
        "the machine lacks something a node needs",
        "each finding says what to do",
    ),
    code(
        "not_recorded",
        "the transaction could not be written down, so it was not sent",
        "check the state folder and the space left",
    ),
    code(
        "not_registered",
        "the account is not registered as an orchestrator",
        "bond to yourself: `lpctl orch activate`",
    ),
    code(
        "not_registered_with_orchestrator",
        "the transcoder has no connection to its orchestrator",
        "check `--orch-addr` and the secret; it keeps trying",
    ),
    code(
        "not_reward_caller",
        "the account may not call that orchestrator's reward",
        "the orchestrator names its reward caller itself",
    ),
    code(
        "not_signable",
        "what is to be signed is not written as it must be",
        "typed data is JSON as EIP-712 writes it",
    ),
    code(
        "not_taken",
        "the node was told and does something else",
        "run it again, and read the node's log",
    ),
    code(
        "not_text",
        "a file that should be text is none",
        "check which file was named",
    ),
    code(
        "not_this_node",
        "another node answers at an address gateways are told",
        "take it out of `--nodes`, or correct `--service-addr`",
    ),
    code(
        "not_unlocking",
        "deposit and reserve are not being taken out",
        "`lpctl deposit unlock` begins it",
    ),
    code(
        "not_worth_it",
        "what is gained is less than the gas it costs",
        "wait for more, or for cheaper gas",
    ),
    code(
        "not_written",
        "a file or folder cannot be written",
        "the message names it: choose another place, or make it writable",
    ),
    code(
        "nothing_proposed",
        "a proposal must do something",
        "give `--pay` with `--to`, or `--call`",
    ),
    code(
        "nothing_redeemed",
        "no ticket was redeemed",
        "the lines above say why, for each of them",
    ),
    code(
        "nothing_to_bond",
        "there is nothing to be bonded",
        "give an amount above 0",
    ),
    code(
        "nothing_to_claim",
        "rewards and fees are settled up to this round already",
        "nothing: `lpctl stake show` counts all rewards in",
    ),
    code(
        "nothing_to_fund",
        "neither deposit nor reserve would grow",
        "give `--deposit` or `--reserve`",
    ),
    code(
        "nothing_to_mint",
        "the orchestrator has no stake in this round, so its reward is nothing",
        "nothing; stake counts from the next round",
    ),
    code(
        "nothing_to_send",
        "the amount is zero",
        "give an amount above zero",
    ),
    code(
        "nothing_to_store",
        "the bench has nothing to put into the config",
        "use `--sessions auto` with `--write-config`",
    ),
    code(
        "nothing_to_unbond",
        "the amount is zero",
        "give an amount above zero",
    ),
    code(
        "nothing_to_withdraw",
        "there is nothing to be taken out",
        "`lpctl fees show` and `lpctl deposit show` tell what there is",
    ),
    code(
        "nothing_transcoded",
        "no segment came out of the bench",
        "the message says what failed first",
    ),
    code(
        "nothing_waits",
        "no transaction of this account waits",
        "nothing; `lpctl tx list` shows what was sent",
    ),
    code(
        "npm_failed",
        "npm could not download the devnet's parts",
        "run `lpctl devnet setup` again; `npm doctor` looks for the cause",
    ),
    code(
        "npm_missing",
        "npm is needed once, to download the devnet's parts",
        "install Node.js with npm (Debian: `apt install npm`)",
    ),
    code(
        "npm_offline",
        "npm's registry cannot be reached",
        "check the network, then `lpctl devnet setup`",
    ),
    code(
        "offchain",
        "the network is `offchain`, so there is no chain to ask",
        "choose one with `--network` or `--profile`",
    ),
    code(
        "on_its_way",
        "the same transaction of this account waits to be mined",
        "`lpctl tx speed-up HASH` hurries it; a second one could only fail",
    ),
    code(
        "one_node",
        "one frame of the dashboard is of one node, and several are named",
        "name one with `--node`",
    ),
    code(
        "open_files",
        "doctor: how many files a process may have open",
        "raise it: `ulimit -n`, or LimitNOFILE in the unit",
    ),
    code(
        "open_to_all",
        "anybody could send streams at the gateway's cost",
        "give it `--keys` or a webhook, or listen on loopback",
    ),
    code(
        "operator_certificate",
        "the operator API's certificate or key cannot be used",
        "name both PEM files, or neither and let one be made here",
    ),
    code(
        "operator_exposed",
        "the operator's API would be open to others, and no token tells who may use it",
        "make one with `lpctl node token new`, or give the API a loopback address and use an SSH tunnel",
    ),
    code(
        "operator_tls",
        "the certificate or key of the operator's API cannot be used",
        "check `operator.certificate_file` and `operator.key_file`, or set `operator.tls` alone",
    ),
    code(
        "operator_tokens",
        "the file of tokens for the operator's API cannot be used, or others can read it",
        "`chmod 600` it; a damaged one is moved away and tokens are made anew",
    ),
    code(
        "orch_addr_needed",
        "a transcoder needs to know its orchestrator",
        "`--orch-addr HOST:PORT`",
    ),
    code(
        "orch_secret_file",
        "the file with the shared secret cannot be used",
        "its first line is the secret",
    ),
    code(
        "orch_secret_needed",
        "orchestrator and transcoders need a shared secret",
        "`--orch-secret-file PATH`",
    ),
    code(
        "orch_webhook",
        "the webhook that names orchestrators cannot be used",
        "write it as http:// or https:// URL",
    ),
    code(
        "orchestrator_answer",
        "what answers is no orchestrator, or one that is misconfigured",
        "choose another",
    ),
    code(
        "orchestrator_blocked",
        "the orchestrator serves another gateway at that address",
        "choose another",
    ),
    code(
        "orchestrator_full",
        "the orchestrator serves as many streams as it takes",
        "try again later",
    ),
    code(
        "orchestrator_incompatible",
        "the orchestrator cannot make what is asked for",
        "ask for another ladder, or choose another",
    ),
    code(
        "orchestrator_not_taking",
        "the orchestrator takes no work now",
        "try again later",
    ),
    code(
        "orchestrator_price",
        "the orchestrator asks for more than you pay",
        "choose another, or pay more with `--max-price`",
    ),
    code(
        "orchestrator_refused",
        "the orchestrator refused the stream",
        "the message is its own",
    ),
    code(
        "orchestrator_tickets",
        "the orchestrator wants tickets that nobody would send",
        "choose another",
    ),
    code(
        "orchestrator_unreachable",
        "no orchestrator answers at that address",
        "is it running, and is it https or http?",
    ),
    code(
        "other_account",
        "the transaction is another account's",
        "choose that account with `--account`",
    ),
    code(
        "other_devnet",
        "the saved devnet has other parameters",
        "start anew with `--fresh`, or leave out what differs",
    ),
    code(
        "other_network",
        "the books are of another network",
        "choose the network they are of",
    ),
    code(
        "outcome_unknown",
        "redeeming was sent and what became of it is not known",
        "`lpctl tx list`; do not send it again",
    ),
    code(
        "output_not_written",
        "the renditions cannot be written",
        "choose a folder you can write with `--out`",
    ),
    code(
        "outside_the_pool",
        "the stake is too small for a place in the pool",
        "add to it: `lpctl orch list` shows the least that has one",
    ),
    code(
        "overrides_orchestrator",
        "your orchestrator has voted, and your vote takes your stake out of theirs",
        "nothing, if that is what you want",
    ),
    code(
        "parameters_live",
        "a ticket's parameters are still in use, so redeeming would give its secret away",
        "nothing; it is redeemed after they expire",
    ),
    code(
        "password_file",
        "the password file cannot be used",
        "its first line is the password",
    ),
    code(
        "password_needed",
        "a key is locked and there is no terminal to ask on",
        "`--password-file PATH`",
    ),
    code(
        "plan_changed",
        "the chain changed while the plan was shown",
        "run the command again to see it as it is now",
    ),
    code(
        "poll_over",
        "the poll is over",
        "`lpctl gov poll` shows how it ended",
    ),
    code(
        "polled_already",
        "there is a poll about this already",
        "confirm only if it shall be asked twice",
    ),
    code(
        "port_forbidden",
        "the port is for privileged programs",
        "choose one above 1023",
    ),
    code(
        "port_not_available",
        "the port cannot be listened on",
        "choose another with `--listen`",
    ),
    code(
        "port_taken",
        "something listens on that port already",
        "choose another port; `ss -ltnp` names who has it",
    ),
    code(
        "price_too_low",
        "a replacement has to offer more than what waits",
        "leave the price out, and enough is offered",
    ),
    code(
        "price_unknown",
        "a price in a currency cannot be turned into wei",
        "name a feed with `--price-feed`, or give the price in wei",
    ),
    code(
        "private_service_uri",
        "the address can only be reached in your own network",
        "publish a public one, or pass `--allow-private`",
    ),
    code(
        "prompt_failed",
        "a question could not be asked",
        "use the flag that answers it",
    ),
    code(
        "proposal_exists",
        "the same proposal was made before",
        "change its description to make it again",
    ),
    code(
        "proposal_not_active",
        "votes on the proposal do not count now",
        "`lpctl gov proposal` tells when they do",
    ),
    code(
        "protocol",
        "doctor: whether the protocol runs",
        "wait until governance unpauses it",
    ),
    code(
        "protocol_paused",
        "governance paused the protocol",
        "wait until it is unpaused",
    ),
    code(
        "push_incomplete",
        "not all segments came back right",
        "the message counts them; the hint says where to look",
    ),
    code(
        "read_back_failed",
        "the transaction was mined, and what it changed could not be read",
        "`lpctl status` shows how things stand; do not send it again",
    ),
    code(
        "read_reverted",
        "a contract refused to be read",
        "check `--network` and `--controller`",
    ),
    code("ready", "the ticket goes with the next transaction", "nothing"),
    code(
        "reason_too_long",
        "the reason for a vote is too long",
        "say it shorter, or link to it",
    ),
    code(
        "receiver_reward_not_called",
        "the receiver's orchestrator has not called this round's reward, and the receiver's earnings would be settled",
        "wait until it has",
    ),
    code(
        "recipient_is_contract",
        "fees would go to a contract",
        "make sure it can pass them on",
    ),
    code(
        "recipient_needed",
        "a redeemer needs to know whose tickets it redeems",
        "`--recipient 0x…`",
    ),
    code(
        "redeem",
        "a ticket asked for over a node's API was not redeemed",
        "`lpctl ticket list` tells how it stands",
    ),
    code(
        "redeemer",
        "the redeemer's books or address cannot be used",
        "the message says which",
    ),
    code(
        "redeemer_failed",
        "a part of the redeemer ended unasked",
        "the message names the first cause",
    ),
    code(
        "redeemer_secret_file",
        "the redeemer's secret file cannot be used",
        "its first line is the secret",
    ),
    code(
        "registered_elsewhere",
        "an orchestrator's stake cannot be moved to another one",
        "unbond first, or use another account",
    ),
    code(
        "registries_differ",
        "there are two registries, and the AI one says something else",
        "`lpctl orch set-uri URI --registry both` publishes in both",
    ),
    code(
        "renditions_differ",
        "two ways of transcoding made different renditions",
        "report it with both",
    ),
    code(
        "replaced",
        "another transaction with the same number was mined",
        "`lpctl tx list` shows it; run the command again if needed",
    ),
    code(
        "resigns",
        "nothing of the orchestrator's own would stay bonded: it would be none any more",
        "redeem tickets first; if you mean to stop, pass `--resign`",
    ),
    code(
        "reverted",
        "the transaction was mined and the contract refused it",
        "the reason is in the message; only gas was spent",
    ),
    code(
        "reward_already_called",
        "this round's reward was called",
        "nothing, until the next round",
    ),
    code(
        "reward_at_risk",
        "half of the round has passed, and its reward is not called",
        "`lpctl reward call`",
    ),
    code(
        "reward_costs_more",
        "gas for the reward call costs more than your part of it is worth at the price you gave",
        "`lpctl reward watch` waits for cheaper gas; or set reward.lpt_per_eth to what you think an ETH is worth",
    ),
    code(
        "reward_not_called",
        "this round's reward is not called, and what you do would give it up",
        "`lpctl reward call` first, or `--give-up-reward`",
    ),
    code("round_already_initialized", "the round is open", "nothing"),
    code(
        "round_locked",
        "commission changes are closed until the next round",
        "wait for it; `lpctl round show` tells how long",
    ),
    code(
        "round_not_initialized",
        "nobody opened the round yet",
        "`lpctl round init`, or wait until somebody does",
    ),
    code(
        "rpc_garbage",
        "an endpoint answered with something that is no answer",
        "is it a JSON-RPC endpoint? `lpctl rpc test`",
    ),
    code(
        "rpc_missing",
        "there is no RPC endpoint",
        "`--rpc-url`, or `rpc_urls` in the config; `lpctl init` asks for it",
    ),
    code(
        "rpc_refused",
        "an endpoint refused the request",
        "its message says why: often a key or a limit",
    ),
    code("rpc_unhealthy", "an RPC endpoint fails", "`lpctl rpc test`"),
    code(
        "rpc_unreachable",
        "no RPC endpoint gave an answer",
        "check the URLs and the network; add another with `--rpc-url`",
    ),
    code(
        "seccomp",
        "doctor: the kernel's filter of system calls, which fences ffmpeg",
        "a kernel that has seccomp",
    ),
    code(
        "sender_short",
        "the gateway's funds do not cover the ticket now",
        "wait until it funds its deposit",
    ),
    code(
        "sender_unknown",
        "the gateway's funds could not be read",
        "`lpctl rpc test`",
    ),
    code(
        "sender_unlocked",
        "the gateway has taken its funds out",
        "wait until it funds its deposit",
    ),
    code(
        "service_addr_needed",
        "gateways need an address that is not every one of this machine",
        "`--service-addr HOST:PORT`",
    ),
    code(
        "service_uri_silent",
        "nothing listens at the address to be published, as seen from here",
        "start the node first, or check port and firewall",
    ),
    code(
        "service_uri_unresolved",
        "the name to be published has no address",
        "check it, or wait for DNS",
    ),
    code(
        "sessions_full",
        "the node serves as many streams as it takes",
        "`lpctl node set-max-sessions`, if the machine has room",
    ),
    code(
        "sessions_needed",
        "a transcoder needs to say how many streams it takes",
        "`--max-sessions N`",
    ),
    code(
        "setup_busy",
        "another lpctl downloads the devnet's parts",
        "wait for it, or end it",
    ),
    code(
        "several_files",
        "several keystore files hold that account",
        "name the file",
    ),
    code(
        "several_nodes",
        "only one node can be asked at once by this command",
        "name one",
    ),
    code(
        "several_recipients",
        "the books have tickets of several orchestrators",
        "name one with `--account`",
    ),
    code(
        "shedding",
        "the machine is behind real time, so new streams are refused",
        "fewer streams, a faster preset, or another machine",
    ),
    code(
        "signature_wanted",
        "the orchestrator wants to know who sends",
        "choose the account that signs with `--account`",
    ),
    code(
        "signing_failed",
        "the transaction could not be signed",
        "check the account's key",
    ),
    code(
        "slow_arrival",
        "segments would arrive slower than they play",
        "choose a shorter `--arrive`",
    ),
    code(
        "slower_than_real_time",
        "segments take longer than they play",
        "fewer sessions, a faster preset, or a GPU",
    ),
    code(
        "some_nodes_failed",
        "some of the nodes did not do what they were told",
        "each says why; the others did",
    ),
    code(
        "stake_pending",
        "stake bonded in this round cannot be unbonded or given away in it",
        "run it again in the next round",
    ),
    code(
        "still_draining",
        "sessions are left after the time that was given",
        "wait again, or end them",
    ),
    code(
        "still_locked",
        "what is being taken out is still locked",
        "the message says until which round",
    ),
    code(
        "studio_bad_answer",
        "Livepeer Studio answered what cannot be used",
        "check that `--url` is the interface of a Livepeer Studio",
    ),
    code(
        "studio_busy",
        "Livepeer Studio takes no more requests for now",
        "wait as long as the hint says",
    ),
    code(
        "studio_key",
        "there is no API key for Livepeer Studio, or it cannot be used",
        "put it in the first line of the file named by `--key-file`, and use https",
    ),
    code(
        "studio_key_refused",
        "Livepeer Studio refused the API key",
        "name a file with a valid key of the account: `--key-file`",
    ),
    code(
        "studio_outcome_unknown",
        "Livepeer Studio gave no answer to a change, which may be done or not",
        "look with the `list` of the same kind before you do it again",
    ),
    code(
        "studio_refused",
        "Livepeer Studio refused what was asked",
        "mend what the message names",
    ),
    code(
        "studio_unknown",
        "Livepeer Studio has no such thing",
        "the `list` of the same kind shows what there is",
    ),
    code(
        "studio_unreachable",
        "Livepeer Studio does not answer",
        "check the connection and `--url`, or try again later",
    ),
    code(
        "studio_url",
        "the URL of Livepeer Studio is none",
        "leave `--url` and LPCTL_STUDIO_URL out for Livepeer's own",
    ),
    code(
        "ticket_ev",
        "the orchestrator wants tickets worth more than you allow",
        "choose another, or raise `--max-ticket-ev`",
    ),
    code(
        "ticket_expired",
        "the ticket's window is over",
        "nothing: it can no longer be redeemed",
    ),
    code(
        "ticket_invalid",
        "the contract does not take the ticket",
        "`lpctl ticket show` shows it whole",
    ),
    code(
        "ticket_not_waiting",
        "the ticket does not wait for anything",
        "`lpctl ticket show` tells what became of it",
    ),
    code("ticket_used", "the ticket was redeemed", "nothing"),
    code(
        "ticket_window",
        "the time in which a winning ticket can be redeemed is running out",
        "`lpctl ticket list`, then `lpctl ticket redeem`",
    ),
    code(
        "tickets_lost",
        "a winning ticket can never be redeemed",
        "`lpctl ticket list` tells why",
    ),
    code(
        "tickets_wait",
        "winning tickets of yours wait: settled before they are redeemed, your stake's own part of them is lost",
        "`lpctl ticket redeem` first, or do it in the next round",
    ),
    code(
        "timelock",
        "the treasury holds a proposal back for a while",
        "try again at the time it names",
    ),
    code(
        "tls",
        "the node's certificate could not be made",
        "check that the host in `--service-addr` is a plain name",
    ),
    code(
        "token_file",
        "the file of tokens cannot be read or written",
        "check its folder, its mode and the space left",
    ),
    code(
        "token_name",
        "a token's name cannot be used",
        "letters, digits, `-`, `_` and `.`, forty at most, and none twice",
    ),
    code(
        "token_scope",
        "the token allows less than what was asked for",
        "make one that allows more where the node runs: `lpctl node token new --scope`",
    ),
    code(
        "token_secret",
        "the secret behind the node's sessions cannot be read",
        "bring it back from a backup, or remove it: gateways then open new sessions",
    ),
    code(
        "token_taken",
        "there is a token of that name, or no room for another",
        "`lpctl node token revoke NAME`",
    ),
    code(
        "too_late",
        "the transaction was mined before it could be replaced",
        "`lpctl tx show HASH` tells what it did",
    ),
    code(
        "too_many_accounts",
        "an exporter was given more accounts than it tells of",
        "start another one with its own `--listen` for the rest",
    ),
    code(
        "too_many_events",
        "there are too many events for one export, or one history",
        "read shorter ranges with `--from` and `--to`",
    ),
    code(
        "total_ev",
        "the tickets of one segment would be worth more than you allow",
        "a smaller ladder, or raise `--max-total-ev`",
    ),
    code(
        "transaction_rejected",
        "the network turned the transaction down",
        "the message says why; nothing was sent",
    ),
    code(
        "transaction_unknown",
        "no such transaction was sent from here",
        "`lpctl tx list` shows those that were",
    ),
    code("transcoder_joined", "a transcoder connected", "nothing"),
    code(
        "transcoder_left",
        "a transcoder is gone; its sessions were moved",
        "look at its machine if it does not come back",
    ),
    code(
        "unchanged_service_uri",
        "that address is published already",
        "nothing",
    ),
    code(
        "unconfirmed",
        "the transaction was sent and is not mined yet",
        "do not send it again; `lpctl tx show HASH`, `lpctl tx speed-up HASH`",
    ),
    code(
        "unconfirmed_transaction",
        "an earlier transaction of this account is undecided",
        "`lpctl tx list` shows it; hurry or cancel it",
    ),
    code(
        "unknown_account",
        "there is no such account here",
        "`lpctl account list` shows those there are",
    ),
    code(
        "unknown_command",
        "there is no such command",
        "`lpctl --help` lists them",
    ),
    code(
        "unknown_name",
        "nothing of that name is explained",
        "`lpctl explain` lists all names",
    ),
    code(
        "unknown_preset",
        "ffmpeg has no such preset",
        "`lpctl run --help` lists them",
    ),
    code(
        "unknown_profile",
        "the config file has no such profile",
        "`lpctl config show` lists those it has",
    ),
    code(
        "unknown_proposal",
        "there is no such proposal",
        "`lpctl gov proposals` lists those there are",
    ),
    code(
        "unknown_rendition",
        "the go-livepeer gateway knows no rendition of that name, and would drop it without a word",
        "the hint lists those it knows",
    ),
    code(
        "unknown_ticket",
        "the books have no such ticket",
        "`lpctl ticket list` shows those they have",
    ),
    code(
        "unknown_token",
        "there is no token of that name",
        "`lpctl node token list` shows them",
    ),
    code(
        "unlocking_already",
        "deposit and reserve are being taken out already",
        "`lpctl deposit show` tells from when on they can be",
    ),
    code(
        "unreachable",
        "an address gateways are told does not answer from here",
        "check port, firewall and name",
    ),
    code(
        "unreadable",
        "a file with a key cannot be read",
        "check its name and rights",
    ),
    code(
        "unreadable_config",
        "the config file cannot be read",
        "make it readable, or name another with `--config`",
    ),
    code(
        "unreadable_file",
        "a file cannot be read",
        "check its name and rights",
    ),
    code(
        "unreadable_rendition",
        "a rendition of the bench cannot be read",
        "report it with the rendition",
    ),
    code(
        "usage",
        "the command line is not understood",
        "add `--help` to the command",
    ),
    code(
        "voted_already",
        "the account has voted, and that vote cannot be changed",
        "nothing",
    ),
    code(
        "work_dir",
        "the folder for segments cannot be used",
        "make it writable, or choose another with `--work-dir`",
    ),
    code(
        "would_revert",
        "the contract would refuse the transaction, so it was not sent",
        "the reason is in the message",
    ),
    code(
        "wrong_chain",
        "the endpoints are on another chain than the network",
        "correct `--rpc-url` or `--network`",
    ),
    code(
        "wrong_password",
        "the password does not open the key",
        "check `--password-file`, or leave it out to be asked",
    ),
    code(
        "wrong_signer",
        "the key is not the account's the plan was made for",
        "choose that account with `--account`",
    ),
    code(
        "wrong_state",
        "the proposal is not in a state that allows this",
        "`lpctl gov proposal` tells how it stands",
    ),
    code(
        "zero_capacity",
        "a transcoder would take no stream",
        "give `--max-sessions` at least 1",
    ),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// What stands in quotes at the beginning, if it is written like a code.
    fn quoted(text: &str) -> Option<&str> {
        let (word, _) = text.trim_start().strip_prefix('"')?.split_once('"')?;
        let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        (!word.is_empty() && word.bytes().all(is_code)).then_some(word)
    }

    /// The codes a source file uses: of failures, findings and notices, and those that errors give themselves.
    fn codes_in(text: &str, found: &mut BTreeSet<String>) {
        for rest in text.split("Kind::").skip(1) {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            if let Some(code) = after.strip_prefix(',').and_then(quoted) {
                found.insert(code.to_string());
            }
        }
        for marker in [
            "refusal(",
            "warning(",
            "waivable(",
            "finding(",
            "(kind, ",
            " code: ",
        ] {
            found.extend(text.split(marker).skip(1).filter_map(quoted).map(str::to_string));
        }
        for (marker, end) in [("fn code(&self)", "\n    }\n"), ("let code = match", "};")] {
            for rest in text.split(marker).skip(1) {
                let body = rest.split(end).next().unwrap_or_default();
                found.extend(body.split("=>").skip(1).filter_map(quoted).map(str::to_string));
            }
        }
    }

    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("explain/codes.rs") {
                codes_in(&fs::read_to_string(&path).unwrap(), found);
            }
        }
    }

    #[test]
    fn every_code_there_is_is_explained() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut used = BTreeSet::new();
        for folder in [
            "commands/src",
            "src/chain",
            "src/payments",
            "src/node",
            "src/reward",
        ] {
            walk(&root.join(folder), &mut used);
        }
        assert!(
            used.contains("reward_not_called") && used.contains("rpc_unreachable"),
            "{used:?}"
        );
        let explained: BTreeSet<String> = CODES.iter().map(|code| code.name.to_string()).collect();
        let missing: Vec<_> = used.difference(&explained).collect();
        assert!(missing.is_empty(), "not explained: {missing:?}");
    }

    #[test]
    fn codes_are_in_order_and_each_says_what_to_do() {
        assert!(CODES.is_sorted_by(|a, b| a.name < b.name));
        for code in CODES {
            assert!(!code.means.is_empty() && !code.next.is_empty(), "{}", code.name);
            assert!(
                !code.means.ends_with('.') && !code.next.ends_with('.'),
                "{}",
                code.name
            );
        }
    }
}
