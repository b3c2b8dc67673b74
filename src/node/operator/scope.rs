//! What each path of the operator's API takes of who asks.

use axum::http::Method;

use crate::node::go_routes;

pub use crate::view::node::Scope;

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// What who asks must be allowed.
    pub scope: Scope,
    /// Whether it changes something.
    pub is_write: bool,
}

const fn write(scope: Scope) -> Need {
    Need {
        scope,
        is_write: true,
    }
}

const READ: Need = Need {
    scope: Scope::Read,
    is_write: false,
};

/// What `/api/v1` takes: paths that are not among them are read.
const WRITES: [(&str, Scope); 6] = [
    ("/api/v1/drain", Scope::Operate),
    ("/api/v1/end-session", Scope::Operate),
    ("/api/v1/settings", Scope::Operate),
    ("/api/v1/log-level", Scope::Operate),
    ("/api/v1/reward", Scope::Money),
    ("/api/v1/redeem", Scope::Money),
];

/// What a request needs. A path nobody knows is as harmless as its method.
pub(super) fn of(method: &Method, path: &str) -> Need {
    let only_reads = matches!(*method, Method::GET | Method::HEAD);
    if path == "/api/v1/audit" {
        return Need {
            scope: Scope::Operate,
            is_write: !only_reads,
        };
    }
    if path.starts_with("/api/") {
        let known = WRITES.iter().find(|(write, _)| *write == path);
        return match known {
            // Two of them are also asked for what there is.
            Some((path, scope)) if !(only_reads && *path == "/api/v1/reward") => write(*scope),
            Some(_) => READ,
            None if only_reads => READ,
            None => write(Scope::Operate),
        };
    }
    if let Some(scope) = go_routes::scope(path) {
        return Need {
            scope,
            is_write: scope > Scope::Read,
        };
    }
    READ
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_takes_more_than_looking() {
        let needs = |method: Method, path: &str| of(&method, path);
        for path in [
            "/api/v1/status",
            "/api/v1/reward",
            "/metrics",
            "/healthz",
            "/nothing",
        ] {
            assert_eq!(needs(Method::GET, path), READ, "{path}");
        }
        for (path, scope) in WRITES {
            assert_eq!(needs(Method::POST, path), write(scope), "{path}");
        }
        // Also where it is asked for with the wrong method: that is told later.
        assert_eq!(needs(Method::GET, "/api/v1/drain"), write(Scope::Operate));
        assert_eq!(needs(Method::POST, "/api/v1/unknown"), write(Scope::Operate));
        assert_eq!(needs(Method::GET, "/api/v1/audit").scope, Scope::Operate);
    }
}
