//! What somebody may have meant.

/// Names alike enough to be what was meant, the nearest first, three at most.
#[must_use]
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let typed = typed.to_ascii_lowercase();
    // Whatever is compared with hundreds of names is short.
    if typed.len() > 64 {
        return Vec::new();
    }
    let mut alike: Vec<(f64, &str)> = known
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_ascii_lowercase()), name))
        .filter(|(alike, _)| *alike > 0.85)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut names: Vec<String> = alike.into_iter().map(|(_, name)| name.to_string()).collect();
    names.dedup();
    names.truncate(3);
    names
}

/// Names in a sentence: `a`, `b` or `c`.
#[must_use]
pub fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        let known = ["network", "node_url", "rpc_urls", "not_worth_it"];
        assert_eq!(nearest("netwrk", known.into_iter())[0], "network");
        assert_eq!(nearest("RPC_URL", known.into_iter())[0], "rpc_urls");
        assert!(nearest("zzzz", known.into_iter()).is_empty());
        assert!(nearest(&"n".repeat(10_000), known.into_iter()).is_empty());
    }

    #[test]
    fn names_make_a_sentence() {
        let names = |count: usize| listed(&["a", "b", "c"].map(String::from)[..count]);
        assert_eq!(
            (names(1).as_str(), names(2).as_str(), names(3).as_str()),
            ("`a`", "`a` or `b`", "`a`, `b` or `c`")
        );
    }
}
