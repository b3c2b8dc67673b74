//! What `/api/v1` answers, held against the description that the node itself serves.

use std::{collections::BTreeMap, time::Duration};

use engine::wire::client::download_client;
use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// What schemas of OpenAPI 3.1 are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A node, and what it says of its API.
pub struct Described {
    http: Client,
    base: String,
    document: Value,
    /// Its schemas, each of them closed.
    schemas: Value,
}

impl Described {
    /// Reads the description of the node whose API is at `base`.
    pub async fn by(base: &str) -> Self {
        let http = download_client(PATIENCE).unwrap();
        let served = http.get(format!("{base}/api/v1/openapi.json"));
        let served = served.send().await.unwrap().bytes().await.unwrap();
        let document: Value = serde_json::from_slice(&served).unwrap();
        let open = &document["components"]["schemas"];
        let schemas = open.as_object().unwrap().iter();
        let schemas = schemas.map(|(name, schema)| (name.clone(), closed(schema, open)));
        Self {
            http,
            base: base.to_string(),
            schemas: schemas.collect::<Map<_, _>>().into(),
            document,
        }
    }

    /// Asks every GET route, one session by its id, and holds each answer against its schema; the answers in JSON, by
    /// the route's path.
    pub async fn answers(&self, session: Option<&str>) -> BTreeMap<String, Value> {
        let mut answers = BTreeMap::new();
        for (path, operations) in self.document["paths"].as_object().unwrap() {
            let Some(operation) = operations.get("get") else {
                continue;
            };
            let asked = path.replace("{id}", session.unwrap_or("none"));
            assert!(!asked.contains('{'), "nothing to ask {path} for");
            let answer = self.http.get(format!("{}{asked}", self.base));
            let answer = answer.send().await.unwrap();
            let (status, kind) = (answer.status().as_u16(), answer.headers()[CONTENT_TYPE].clone());
            if operation["responses"]["200"]["content"]
                .get("text/event-stream")
                .is_some()
            {
                assert_eq!(
                    (status, kind.to_str().unwrap()),
                    (200, "text/event-stream"),
                    "{path}"
                );
                continue;
            }
            assert_eq!(kind, "application/json", "{path}");
            let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            self.fits("get", path, status, &body);
            answers.insert(path.clone(), body);
        }
        answers
    }

    /// Whether a body is what the description says of a route's answer with this status.
    #[track_caller]
    pub fn fits(&self, method: &str, path: &str, status: u16, body: &Value) {
        let told = &self.document["paths"][path][method]["responses"][status.to_string()];
        assert!(
            told.is_object(),
            "{method} {path}: {status} is not described: {body}"
        );
        let schema = match told["content"].get("application/json") {
            Some(content) => closed(&content["schema"], &self.document["components"]["schemas"]),
            None => refusal(),
        };
        let whole = json!({
            "$schema": DIALECT,
            "components": { "schemas": &self.schemas },
            "allOf": [schema],
        });
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&whole)
            .unwrap_or_else(|error| panic!("{method} {path}: its schema is none: {error}"));
        let wrong: Vec<String> = validator
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{method} {path}: {wrong:#?}\n{body:#}");
    }
}

/// An error as the description's first words have it. `plan` tells what stands in an order's way.
fn refusal() -> Value {
    let error = json!({
        "type": "object",
        "required": ["code", "message"],
        "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": error, "plan": { "$ref": "#/components/schemas/ActionAnswer" } },
        "additionalProperties": false,
    })
}

/// A schema whose objects have no members but those that are named.
fn closed(schema: &Value, schemas: &Value) -> Value {
    match schema {
        Value::Array(members) => members.iter().map(|member| closed(member, schemas)).collect(),
        Value::Object(fields) => {
            if let Some(parts) = fields.get("allOf") {
                return closed(&merged(parts, schemas), schemas);
            }
            let mut shut: Map<String, Value> = fields
                .iter()
                .map(|(name, value)| (name.clone(), closed(value, schemas)))
                .collect();
            if is_object(schema) && schema["properties"].is_object() {
                shut.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            shut.into()
        }
        other => other.clone(),
    }
}

fn is_object(schema: &Value) -> bool {
    match &schema["type"] {
        Value::Array(kinds) => kinds.contains(&Value::from("object")),
        kind => kind == "object",
    }
}

/// Objects that are one object together.
fn merged(parts: &Value, schemas: &Value) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts.as_array().unwrap() {
        let part = match part.get("$ref") {
            Some(name) => &schemas[name.as_str().unwrap().rsplit('/').next().unwrap()],
            None => part,
        };
        properties.extend(part["properties"].as_object().unwrap().clone());
        required.extend(part["required"].as_array().into_iter().flatten().cloned());
    }
    json!({ "type": "object", "properties": properties, "required": required })
}
