//! This process and this machine, as the kernel tells them.

use std::fs;

use alloy::primitives::Address;
use rustix::process::{Resource, getrlimit};

use super::{Sheet, count, names};

/// Ticks of the kernel's clock a second, as it tells programs (`USER_HZ`).
const TICKS: f64 = 100.0;
const PAGE: u64 = 4096;
/// Longest host name the kernel keeps.
const LONGEST_NAME: usize = 64;

/// How go-livepeer calls a node: its account and its host, or its host alone (`go-livepeer monitor/census.go`).
pub(crate) fn node_id(account: Option<Address>) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().take(LONGEST_NAME).collect();
    match account {
        Some(account) => format!("{}-{host}", account.to_checksum(None)),
        None => host,
    }
}

/// What this process takes of the machine; whatever the kernel does not tell is left out.
pub(crate) fn process(sheet: &mut Sheet) {
    sheet.maybe(&names::PROCESS_CPU, processor_seconds());
    sheet.maybe(&names::PROCESS_MEMORY, resident_bytes());
    let open = fs::read_dir("/proc/self/fd").map(|files| count(files.count() as u64));
    sheet.maybe(&names::PROCESS_FILES, open.ok());
    let most = getrlimit(Resource::Nofile).current;
    sheet.maybe(&names::PROCESS_MOST_FILES, most.map(count));
}

fn processor_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name before it may hold anything, blanks and brackets too.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(count(user + system) / TICKS)
}

fn resident_bytes() -> Option<f64> {
    let sizes = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(count(pages * PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_files_and_a_name() {
        assert!(resident_bytes().unwrap() > 1e5);
        assert!(processor_seconds().unwrap() >= 0.0);
        let account = Address::repeat_byte(0x11);
        let (alone, with) = (node_id(None), node_id(Some(account)));
        assert_eq!(with, format!("{}-{alone}", account.to_checksum(None)));
    }
}
