//! The description of `/api/v1` in OpenAPI, made from the code that answers it.

use std::borrow::Cow;

use utoipa::{
    Modify, OpenApi, PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, SchemaFormat, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{actions, answers};
use crate::{
    config::{Amount, LogLevel, SessionsChoice},
    node::{Limit, log_routes},
    payments::PriceTag,
    units::{Lpt, Percent, Round, Wei},
    view::node,
};

/// Types that are one value in JSON.
macro_rules! values {
    ($($type:ty, $name:literal, $kind:expr, $example:expr, $about:literal;)*) => {
        $(
            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    ObjectBuilder::new()
                        .schema_type($kind)
                        .description(Some($about))
                        .examples([serde_json::json!($example)])
                        .into()
                }
            }

            impl ToSchema for $type {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed($name)
                }
            }
        )*
    };
}

values! {
    Wei, "Wei", Type::String, "20000000000000000", "An amount of ETH in wei: digits, exact";
    Lpt, "Lpt", Type::String, "1204.5", "An amount of LPT: a decimal number, exact";
    Percent, "Percent", Type::String, "12.5", "A part of a hundred: a decimal number, exact";
    Limit, "Limit", Type::String, "0.1eth", "An amount of ETH with its unit, or `none`";
    Amount, "Amount", Type::String, "8gwei", "An amount of ETH with its unit";
    PriceTag, "PriceTag", Type::String, "0.02usd/1000000", "A price, and the pixels it is for";
    LogLevel, "LogLevel", Type::String, "info", "`error`, `warn`, `info`, `debug` or `trace`";
}

impl PartialSchema for Round {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::Custom("int64".to_string())))
            .description(Some("A round of the protocol"))
            .into()
    }
}

impl ToSchema for Round {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Round")
    }
}

impl PartialSchema for SessionsChoice {
    fn schema() -> RefOr<Schema> {
        let kinds = utoipa::openapi::schema::SchemaType::from_iter([Type::Integer, Type::String]);
        ObjectBuilder::new()
            .schema_type(kinds)
            .description(Some("A number of sessions, or `auto`"))
            .examples([serde_json::json!(10), serde_json::json!("auto")])
            .into()
    }
}

impl ToSchema for SessionsChoice {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SessionsChoice")
    }
}

/// The token beyond loopback.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = &mut document.components {
            let bearer = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(
                    "Beyond loopback only. Made with `lpctl node token new`; its scope is read, operate or money, each with those before it",
                ))
                .build();
            components.add_security_scheme("token", SecurityScheme::Http(bearer));
        }
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "lpctl node API",
        version = "1.3",
        description = "What a node of `lpctl run` tells its operator and does for it. Amounts are exact: decimal strings \
            with the unit in the key. What is here stays; what is added raises `api_version` in the status. Errors are \
            `{\"error\":{\"code\":…,\"message\":…}}`. Writes take POST, and an `Idempotency-Key` if they are to be repeated \
            safely: the same key and body is answered the same again for six hours, another body with 422, one that is \
            still being carried out with 409.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        answers::status,
        answers::version,
        answers::events,
        answers::sessions,
        answers::session,
        answers::tickets,
        answers::money,
        answers::devices,
        answers::transcoders,
        answers::chain,
        answers::reward,
        answers::config,
        answers::audit,
        answers::openapi,
        log_routes::page,
        log_routes::events,
        log_routes::level,
        actions::drain,
        actions::end_session,
        actions::change,
        actions::reward,
        actions::redeem,
    ),
    components(schemas(node::Scope, node::StatusChange)),
    modifiers(&Bearer),
    security((), ("token" = [])),
    tags(
        (name = "read", description = "Takes a token of scope read beyond loopback"),
        (name = "operate", description = "Takes a token of scope operate beyond loopback"),
        (name = "money", description = "Takes a token of scope money beyond loopback"),
    )
)]
struct Document;

/// The description of `/api/v1`: OpenAPI 3.1 as JSON, with a line end.
#[must_use]
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::Value;

    use super::*;
    use crate::node::operator::scope;

    #[test]
    fn the_document_is_whole_and_says_what_each_path_takes() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], format!("1.{}", node::API_VERSION));
        let mut missing = Vec::new();
        refs(&document, &mut |name: &str| {
            let known = name
                .strip_prefix("#/components/schemas/")
                .is_some_and(|name| document["components"]["schemas"].get(name).is_some());
            if !known {
                missing.push(name.to_string());
            }
        });
        assert_eq!(missing, Vec::<String>::new());
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let method: Method = method.to_uppercase().parse().unwrap();
                let need = scope::of(&method, path);
                assert_eq!(operation["tags"][0], need.scope.as_str(), "{method} {path}");
                assert_eq!(need.is_write, method == Method::POST, "{method} {path}");
                assert!(operation["summary"].is_string(), "{method} {path}");
            }
        }
    }

    fn refs(value: &Value, found: &mut impl FnMut(&str)) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match (key.as_str(), value) {
                        ("$ref", Value::String(name)) => found(name),
                        (_, value) => refs(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| refs(value, found)),
            _ => {}
        }
    }
}
