//! AMF0, as far as RTMP's commands need it (Adobe Action Message Format, AMF 0).

/// How deep values may lie in each other.
const DEPTH: usize = 8;
/// How many values one message may hold.
const VALUES: usize = 256;

/// A value of a command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Boolean(bool),
    Text(String),
    /// Objects and arrays with names.
    Object(Vec<(String, Value)>),
    Null,
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The property of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(properties) => properties
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

/// Reads the values of a message up to the first that is not understood.
pub(super) fn read(mut bytes: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    let mut left = VALUES;
    while !bytes.is_empty() {
        match value(&mut bytes, 0, &mut left) {
            Some(value) => values.push(value),
            None => break,
        }
    }
    values
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    take(bytes, N)?.try_into().ok()
}

fn text(bytes: &mut &[u8], length: usize) -> Option<String> {
    Some(String::from_utf8_lossy(take(bytes, length)?).into_owned())
}

fn short_text(bytes: &mut &[u8]) -> Option<String> {
    let length = u16::from_be_bytes(array(bytes)?);
    text(bytes, length.into())
}

fn value(bytes: &mut &[u8], depth: usize, left: &mut usize) -> Option<Value> {
    *left = left.checked_sub(1)?;
    if depth > DEPTH {
        return None;
    }
    let [kind] = array(bytes)?;
    Some(match kind {
        0x00 => Value::Number(f64::from_be_bytes(array(bytes)?)),
        0x01 => Value::Boolean(array::<1>(bytes)? != [0]),
        0x02 => Value::Text(short_text(bytes)?),
        0x03 => properties(bytes, depth, left)?,
        0x05 | 0x06 => Value::Null,
        0x08 => {
            // The number of entries is a hint only.
            let _ = array::<4>(bytes)?;
            properties(bytes, depth, left)?
        }
        0x0a => {
            let count = u32::from_be_bytes(array(bytes)?);
            for _ in 0..count {
                value(bytes, depth + 1, left)?;
            }
            Value::Null
        }
        0x0c => {
            let length = u32::from_be_bytes(array(bytes)?);
            Value::Text(text(bytes, usize::try_from(length).ok()?)?)
        }
        _ => return None,
    })
}

fn properties(bytes: &mut &[u8], depth: usize, left: &mut usize) -> Option<Value> {
    let mut properties = Vec::new();
    loop {
        let name = short_text(bytes)?;
        if name.is_empty() && bytes.first() == Some(&0x09) {
            take(bytes, 1)?;
            return Some(Value::Object(properties));
        }
        properties.push((name, value(bytes, depth + 1, left)?));
    }
}

/// Writes values. Texts longer than 64 KiB are cut.
pub(super) fn write(values: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        write_value(&mut bytes, value);
    }
    bytes
}

fn write_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(number) => {
            bytes.push(0x00);
            bytes.extend(number.to_be_bytes());
        }
        Value::Boolean(boolean) => bytes.extend([0x01, u8::from(*boolean)]),
        Value::Text(text) => {
            bytes.push(0x02);
            write_text(bytes, text);
        }
        Value::Object(properties) => {
            bytes.push(0x03);
            for (name, value) in properties {
                write_text(bytes, name);
                write_value(bytes, value);
            }
            bytes.extend([0, 0, 0x09]);
        }
        Value::Null => bytes.push(0x05),
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(&text.as_bytes()[..length.into()]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let values = vec![
            Value::Text("connect".into()),
            Value::Number(1.0),
            Value::Object(vec![
                ("app".into(), Value::Text("live".into())),
                ("fpad".into(), Value::Boolean(false)),
                ("nested".into(), Value::Object(vec![("x".into(), Value::Null)])),
            ]),
            Value::Null,
        ];
        let read = read(&write(&values));
        assert_eq!(read, values);
        assert_eq!(read[2].get("app").and_then(Value::text), Some("live"));
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let deep: Vec<u8> = [&[0x03, 0, 1, b'a'][..]].concat().repeat(1000);
        assert_eq!(read(&deep), []);
        assert_eq!(read(&[0x05; 100_000]).len(), VALUES);
        let endless = [0x0a, 0xff, 0xff, 0xff, 0xff, 0x05];
        assert_eq!(read(&endless), []);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much_for_it(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
