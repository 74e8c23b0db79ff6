//! JSON's own tokens.

/// What must not stand in a JSON string as it is: control characters, the quote and the backslash.
static ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// Writes a quoted string.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if ESCAPED[byte as usize] {
            out.extend_from_slice(&bytes[clean..index]);
            clean = index + 1;
            escape(byte, out);
        }
    }
    out.extend_from_slice(&bytes[clean..]);
    out.push(b'"');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

pub(super) fn integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The largest magnitude up to which every integer is a double of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a whole number without a fraction, and what JSON has no number for as `null`.
pub(super) fn double(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
    } else if value.fract() == 0.0 && value.abs() < EXACT {
        integer(value as i64, out);
    } else {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    }
}

pub(super) fn float(value: f32, out: &mut Vec<u8>) {
    if !value.is_finite() || value.fract() == 0.0 {
        double(f64::from(value), out);
    } else {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    }
}

pub(super) fn boolean(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_string_comes_back(text in any::<String>(), more in "[\\x00-\\x7f]{0,64}") {
            let text = text + &more;
            let mut out = Vec::new();
            super::string(&text, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn any_finite_number_comes_back(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            let mut out = Vec::new();
            super::double(value, &mut out);
            prop_assert_eq!(std::str::from_utf8(&out).unwrap().parse::<f64>().unwrap(), value);
        }
    }
}
