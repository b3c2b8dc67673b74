//! Addresses of texts in IPFS, as polls name them: checked, so that a poll never points at a typing mistake's nothing.

/// A content address: version 0 (`Qm…`) or version 1 in base 32 (`bafy…`), of a sha-256 hash.
pub(super) fn content_address(text: &str) -> Result<String, String> {
    let text = text.strip_prefix("ipfs://").unwrap_or(text);
    let is_one = if text.starts_with("Qm") {
        base58(text).is_some_and(|bytes| bytes.len() == 34 && bytes.starts_with(&[0x12, 0x20]))
    } else {
        let bytes = text.strip_prefix('b').and_then(base32);
        // Version, kind of content, then the hash's kind and length.
        bytes.is_some_and(|bytes| bytes.len() == 36 && bytes[0] == 1 && bytes[2..4] == [0x12, 0x20])
    };
    if is_one {
        Ok(text.to_string())
    } else {
        Err("that is no IPFS address: `Qm` and 44 characters, or `baf` and 56, are expected".to_string())
    }
}

fn base58(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    (text.len() <= 64).then_some(())?;
    let mut bytes: Vec<u8> = Vec::new();
    for character in text.chars() {
        let mut carry = ALPHABET.find(character)?;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        while carry > 0 {
            bytes.insert(0, u8::try_from(carry & 0xff).ok()?);
            carry >>= 8;
        }
    }
    Some(bytes)
}

fn base32(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz234567";
    (text.len() <= 128).then_some(())?;
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for character in text.chars() {
        held = held << 5 | u32::try_from(ALPHABET.find(character)?).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_known_and_a_mistyped_one_is_not() {
        for good in [
            "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
            "ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
            "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
        ] {
            assert_eq!(content_address(good).unwrap(), good.trim_start_matches("ipfs://"));
        }
        for bad in [
            "",
            "Qm",
            "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbd",
            "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbd0",
            "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzd",
            "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzd1",
            "https://example.org/lip.md",
        ] {
            assert!(content_address(bad).is_err(), "{bad}");
        }
    }
}
