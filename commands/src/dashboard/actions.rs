//! What the operator has done from the dashboard: first what it would do and what stands in its way, then, after one key,
//! the deed. Both go over the node's operator API; what changes money is planned by the node as the command would plan it.

use engine::{
    config::SessionsChoice,
    node::{PriceChange, SettingsChange},
    operator::{ApiError, Found, GoApi, GoCall, NodeApi, NodeUrl, find},
    payments::PriceTag,
    view::node::{ActionAnswer, NodeStatus, RedeemOrder},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tui::{Answer, Errand, Intent, Order, Plan, Reply, Weight};

use crate::wording::{self, counted};

type Lines = Vec<(Weight, String)>;

/// Does what the operator asked for on the screen, one thing after the other.
pub(super) async fn carry_out(
    nodes: Vec<NodeUrl>,
    mut asked: mpsc::Receiver<Intent>,
    replies: mpsc::Sender<Reply>,
    stop: CancellationToken,
) {
    loop {
        let intent = tokio::select! {
            () = stop.cancelled() => return,
            intent = asked.recv() => intent,
        };
        let Some(intent) = intent else { return };
        let reply = tokio::select! {
            () = stop.cancelled() => return,
            reply = Box::pin(reply(&nodes, intent)) => reply,
        };
        if let Some(reply) = reply
            && replies.send(reply).await.is_err()
        {
            return;
        }
    }
}

async fn reply(nodes: &[NodeUrl], intent: Intent) -> Option<Reply> {
    let node = |order: &Order| nodes.get(order.node).cloned();
    Some(match intent {
        Intent::Prepare(order) => Reply::Plan(prepare(&node(&order)?, &order).await),
        Intent::CarryOut(order) => Reply::Answer(fulfil(&node(&order)?, &order.errand).await),
        Intent::Quit | Intent::Suspend | Intent::Redraw | Intent::Mouse(_) => return None,
    })
}

/// A plan, or why there is none, which cannot be said yes to.
async fn prepare(url: &NodeUrl, order: &Order) -> Plan {
    let planned = match find(url).await {
        Ok(Found::Own(status)) => Box::pin(own_plan(url, &status, &order.errand)).await,
        Ok(Found::Go(go)) => go_plan(&go, &order.errand).await,
        Ok(Found::OwnGateway(_)) => Err("a gateway is changed by its config and a restart".to_string()),
        Err(error) => Err(format!("no answer from the node at {url}: {error}")),
    };
    let (title, lines, is_possible) = match planned {
        Ok((title, lines)) => {
            let is_possible = lines.iter().all(|(weight, _)| *weight != Weight::Refusal);
            (title, lines, is_possible)
        }
        Err(reason) => (
            "this cannot be done".to_string(),
            vec![(Weight::Refusal, reason)],
            false,
        ),
    };
    Plan {
        number: order.number,
        title,
        lines,
        is_possible,
    }
}

/// Before and after, in the way plans show it.
fn change(label: &str, before: &str, after: &str) -> (Weight, String) {
    (Weight::Plain, format!("{label}   {before}  →  {after}"))
}

fn plain(sentence: &str) -> (Weight, String) {
    (Weight::Plain, sentence.to_string())
}

const KEPT: &str = "kept for the node's next start too";
const FORGOTTEN: &str = "it holds until the node ends: go-livepeer keeps it in memory only";

fn price(text: &str) -> Result<PriceTag, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn sessions(text: &str) -> Result<SessionsChoice, String> {
    text.parse()
}

async fn own_plan(url: &NodeUrl, status: &NodeStatus, errand: &Errand) -> Result<(String, Lines), String> {
    Ok(match errand {
        Errand::Drain => {
            let running = counted(status.sessions.len(), "session");
            let lines = vec![
                plain("the node takes no new sessions until it is started again"),
                plain(&format!("{running} running now will be finished")),
            ];
            ("drain this node?".to_string(), lines)
        }
        Errand::EndSession(id) => {
            let session = status
                .sessions
                .iter()
                .find(|session| session.id == *id)
                .ok_or_else(|| "the session has ended by itself".to_string())?;
            let lines = vec![
                plain(&format!("stream   {}", session.manifest_id)),
                plain("its running work is stopped, its renditions are dropped"),
                plain("its gateway is told at the next segment, and goes elsewhere or begins anew here"),
            ];
            (format!("end session {id}?"), lines)
        }
        Errand::Price(text) => {
            let price = price(text)?;
            let payments = status
                .payments
                .as_ref()
                .ok_or_else(|| "this node takes no payments: it is on no chain".to_string())?;
            let mut lines = vec![
                change("price for a pixel", &payments.price, &price.to_string()),
                plain("sessions that run keep the price they began with"),
                plain(KEPT),
            ];
            if price.is_free() {
                lines.push((Weight::Warning, "at 0 the work is given away".to_string()));
            }
            ("another price?".to_string(), lines)
        }
        Errand::MaxSessions(text) => {
            let choice = sessions(text)?;
            let mut lines = vec![
                change(
                    "sessions at once",
                    &status.max_sessions.to_string(),
                    &choice.to_string(),
                ),
                plain(&format!(
                    "{} now; those that run go on, also if they are more",
                    counted(status.sessions.len(), "session")
                )),
                plain(KEPT),
            ];
            if status.remote.is_some() {
                let told = "it registers anew with its orchestrator; its streams may move to others";
                lines.push((Weight::Warning, told.to_string()));
            }
            ("another number of sessions at once?".to_string(), lines)
        }
        Errand::Reward | Errand::Redeem => return money_plan(url, errand).await,
    })
}

/// What the node itself plans, as the command would print it.
async fn money_plan(url: &NodeUrl, errand: &Errand) -> Result<(String, Lines), String> {
    let node = NodeApi::new(url).map_err(|error| error.to_string())?;
    let plan = money(&node, errand, true).await.map_err(|error| match error {
        ApiError::NotANode => format!("this node does not do that over its API: use {}", command(errand)),
        error => error.to_string(),
    })?;
    Ok((
        format!("{} on {}", wording::sentence(&plan.title), plan.network),
        plan_lines(&plan),
    ))
}

/// Has the node do it, or tell what it would do.
async fn money(node: &NodeApi, errand: &Errand, dry_run: bool) -> Result<ActionAnswer, ApiError> {
    // The node does it once, however often this request arrives.
    let key = format!("dashboard-{}", jiff::Timestamp::now().as_nanosecond());
    match errand {
        Errand::Redeem => {
            let order = RedeemOrder {
                all: true,
                dry_run,
                ..RedeemOrder::default()
            };
            node.redeem(&order, &key).await
        }
        _ => node.call_reward(dry_run, &key).await,
    }
}

fn command(errand: &Errand) -> &'static str {
    match errand {
        Errand::Redeem => "`lpctl ticket redeem --all`",
        _ => "`lpctl reward call`",
    }
}

/// What changes, what does not hold, what is sent and the most it costs.
fn plan_lines(plan: &ActionAnswer) -> Lines {
    let mut lines: Lines = plan
        .changes
        .iter()
        .filter(|change| change.before != change.after)
        .map(|change| {
            let note = change
                .note
                .as_ref()
                .map_or_else(String::new, |note| format!("   {note}"));
            let (before, after) = (
                wording::figure(&change.key, &change.before),
                wording::figure(&change.key, &change.after),
            );
            plain(&format!("{}   {before}  →  {after}{note}", change.label))
        })
        .collect();
    for finding in &plan.findings {
        let weight = match finding.severity.as_str() {
            "note" => Weight::Plain,
            "warning" => Weight::Warning,
            // What is not known stands in the way.
            _ => Weight::Refusal,
        };
        lines.push((weight, finding.message.clone()));
        if !finding.fix.is_empty() {
            lines.push((Weight::Plain, format!("    {}", finding.fix)));
        }
    }
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    let is_refused = lines.iter().any(|(weight, _)| *weight == Weight::Refusal);
    if names.is_empty() && !is_refused {
        lines.push((
            Weight::Refusal,
            "there is nothing to send: it is so already".to_string(),
        ));
    } else if !names.is_empty() {
        let most = plan
            .max_cost_wei
            .map_or_else(String::new, |most| format!(", at most {}", most.human()));
        let count = counted(names.len(), "transaction");
        lines.push(plain(&format!("{count} ({}){most}", names.join(", "))));
    }
    lines
}

async fn go_plan(go: &GoApi, errand: &Errand) -> Result<(String, Lines), String> {
    let say = |error: ApiError| format!("the node did not tell: {error}");
    Ok(match errand {
        Errand::Drain => {
            return Err("go-livepeer cannot be told to finish what it has and take nothing new; set the sessions at once \
                        to 1 instead"
                .to_string());
        }
        Errand::EndSession(_) => return Err("go-livepeer's API has nothing that ends a session".to_string()),
        Errand::Redeem => {
            return Err("go-livepeer redeems by itself, and its API has nothing that hurries it".to_string());
        }
        Errand::Reward => {
            let view = go.view().await.map_err(say)?;
            let registered = view
                .orchestrator
                .ok_or_else(|| "only orchestrators call reward, and this node is none".to_string())?;
            let mut lines = vec![plain(
                "go-livepeer sends it from its own account, and tells neither what it costs nor simulates it",
            )];
            let last = registered.last_reward_round.map(|round| round.to_string());
            match (last, view.round.map(|round| round.to_string())) {
                (Some(last), Some(round)) if last == round => {
                    lines.push((
                        Weight::Refusal,
                        format!("reward was called in this round, {round}"),
                    ));
                }
                (Some(last), Some(round)) => {
                    lines.push(plain(&format!("round {round}; last called in round {last}")));
                }
                _ => lines.push((
                    Weight::Refusal,
                    "the node does not tell whether it was called in this round".to_string(),
                )),
            }
            if !registered.active {
                lines.push((
                    Weight::Refusal,
                    "the orchestrator is not active in this round".to_string(),
                ));
            }
            ("call reward through go-livepeer?".to_string(), lines)
        }
        Errand::Price(text) => {
            let price = price(text)?;
            let view = go.view().await.map_err(say)?;
            let now = view
                .prices_wei_per_pixel
                .get("default")
                .map_or_else(|| "not told".to_string(), |now| format!("{now}wei"));
            let lines = vec![
                change("price for a pixel", &now, &price.to_string()),
                plain(FORGOTTEN),
            ];
            ("another price?".to_string(), lines)
        }
        Errand::MaxSessions(text) => {
            let choice = sessions(text)?;
            let status = go.status().await.map_err(say)?;
            let mut lines = vec![
                change("sessions at once", "not told", &choice.to_string()),
                plain(FORGOTTEN),
            ];
            if choice == SessionsChoice::Auto && status.local_transcoding {
                lines.push((
                    Weight::Refusal,
                    "it has no remote transcoders whose capacities `auto` would add up".to_string(),
                ));
            }
            ("another number of sessions at once?".to_string(), lines)
        }
    })
}

/// The deed.
async fn fulfil(url: &NodeUrl, errand: &Errand) -> Answer {
    let outcome = match find(url).await {
        Ok(Found::Own(_)) => match NodeApi::new(url) {
            Ok(node) => Box::pin(own_deed(&node, errand)).await,
            Err(error) => Err(error.to_string()),
        },
        Ok(Found::Go(go)) => go_deed(&go, errand).await,
        Ok(Found::OwnGateway(_)) => Err("a gateway is changed by its config and a restart".to_string()),
        Err(error) => Err(format!("nothing was done: no answer from the node: {error}")),
    };
    match outcome {
        Ok(message) => Answer { done: true, message },
        Err(message) => Answer { done: false, message },
    }
}

/// What an error means once something was asked for: a refusal is certain, silence is not.
fn undone(error: &ApiError) -> String {
    match error {
        ApiError::Refused(text) => format!("not done: {text}"),
        ApiError::NoEthClient => "not done: the node has no account on a chain".to_string(),
        other => format!("not known whether it was done: {other}"),
    }
}

async fn own_deed(node: &NodeApi, errand: &Errand) -> Result<String, String> {
    let say = |error: ApiError| undone(&error);
    Ok(match errand {
        Errand::Drain => drain_started(&node.drain().await.map_err(say)?),
        Errand::EndSession(id) => {
            let status = node.end_session(id).await.map_err(say)?;
            format!("session {id} is ended; {} left", status.sessions.len())
        }
        Errand::Price(text) => {
            let price = price(text)?;
            let message = format!("gateways are asked for {price} a pixel now");
            let change = SettingsChange {
                price: Some(PriceChange {
                    gateway: None,
                    price: Some(price),
                }),
                ..SettingsChange::default()
            };
            node.change(&change).await.map_err(say)?;
            message
        }
        Errand::MaxSessions(text) => {
            let choice = sessions(text)?;
            let change = SettingsChange {
                max_sessions: Some(choice),
                ..SettingsChange::default()
            };
            let status = node.change(&change).await.map_err(say)?;
            format!("sessions at once: {choice}; {} now", status.sessions.len())
        }
        Errand::Reward | Errand::Redeem => {
            let answer = money(node, errand, false).await.map_err(say)?;
            match answer.sent {
                true => format!("{}: done for {} of gas", answer.title, answer.cost_wei.human()),
                false => format!("nothing was sent: {}", answer.title),
            }
        }
    })
}

async fn go_deed(go: &GoApi, errand: &Errand) -> Result<String, String> {
    let (call, done) = match errand {
        Errand::Reward => (
            GoCall::reward(),
            "the node says that reward is called".to_string(),
        ),
        Errand::Price(text) => {
            let price = price(text)?;
            let done = format!("gateways are asked for {price} a pixel until the node ends");
            (GoCall::price(None, &price), done)
        }
        Errand::MaxSessions(text) => {
            let choice = sessions(text)?;
            let done = format!("sessions at once: {choice}, until the node ends");
            (GoCall::max_sessions(choice), done)
        }
        Errand::Drain | Errand::EndSession(_) | Errand::Redeem => {
            return Err("not done: go-livepeer's API has nothing for it".to_string());
        }
    };
    go.change(&call).await.map_err(|error| undone(&error))?;
    Ok(done)
}

fn drain_started(status: &NodeStatus) -> String {
    match status.sessions.len() {
        0 => "draining: no new sessions are taken, none is running; the node can be stopped".to_string(),
        1 => "draining: no new sessions are taken, 1 is being finished".to_string(),
        running => format!("draining: no new sessions are taken, {running} are being finished"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_of_a_node_is_shown_whole_and_what_is_not_understood_stands_in_the_way() {
        let mut plan: ActionAnswer = serde_json::from_value(serde_json::json!({
            "dry_run": true, "sent": false, "title": "call reward for round 7", "network": "devnet", "newer": [1],
            "from": "0x70997970c51812dc3a010c7d01b50e0d17dc79c8", "block": 7,
            "transactions": [], "cost_wei": "0", "tickets": [],
            "changes": [{ "key": "reward", "label": "reward", "before": "not called", "after": "called" }],
            "findings": [{ "code": "gas", "severity": "warning", "message": "gas is dear", "fix": "wait" }],
            "steps": [{
                "name": "reward", "to": "0x70997970c51812dc3a010c7d01b50e0d17dc79c8", "gas_limit": 1,
                "max_cost_wei": "31000000000000",
            }],
            "max_cost_wei": "31000000000000",
        }))
        .unwrap();
        let lines = plan_lines(&plan);
        let text: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
        assert!(text[0].contains("not called  →  called"), "{text:?}");
        assert_eq!(lines[1], (Weight::Warning, "gas is dear".to_string()));
        assert!(
            text[3].contains("1 transaction (reward), at most 0.000031 ETH"),
            "{text:?}"
        );
        let is_refused = |plan: &ActionAnswer| {
            plan_lines(plan)
                .iter()
                .any(|(weight, _)| *weight == Weight::Refusal)
        };
        assert!(!is_refused(&plan));
        plan.findings[0].severity = "catastrophe".to_string();
        assert!(is_refused(&plan));
        (plan.findings, plan.steps) = (Vec::new(), Vec::new());
        assert!(is_refused(&plan), "nothing to send cannot be said yes to");
    }
}
