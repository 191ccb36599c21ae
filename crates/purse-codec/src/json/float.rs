//! The one text of each float.
//!
//! The digits are the shortest that read back as the same float. Their layout is decided here and
//! not by a dependency: serde_json wrote `1e16` in one release and `1e+16` in another, and the
//! server compares bytes.

use std::io::{self, Write};
use std::ops::RangeInclusive;

/// The decimal exponents of an `f64` that is written without an exponent: from 0.00001 to
/// 9999999999999998.0.
const PLAIN_F64: RangeInclusive<i32> = -5..=15;
/// The decimal exponents of an `f32` that is written without an exponent: from 0.000001 to
/// 9999999000000.0.
const PLAIN_F32: RangeInclusive<i32> = -6..=12;

/// The most digits of the shortest text of an `f64`.
const MOST_DIGITS: usize = 17;

/// Writes a finite `f64`.
pub(crate) fn write_f64<W: ?Sized + Write>(writer: &mut W, value: f64) -> io::Result<()> {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    if (1.0..1e15).contains(&value) && is_plain(text) {
        return writer.write_all(text);
    }
    write(writer, text, PLAIN_F64)
}

/// Writes a finite `f32`.
pub(crate) fn write_f32<W: ?Sized + Write>(writer: &mut W, value: f32) -> io::Result<()> {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    if (1.0..1e12).contains(&value) && is_plain(text) {
        return writer.write_all(text);
    }
    write(writer, text, PLAIN_F32)
}

/// Returns whether the shortest text of a number has no exponent and has a point, as the canonical
/// text of a number from 1 to 1e15 does. An exponent of such a number has at most four bytes.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let has_point = text.iter().find(|byte| !byte.is_ascii_digit()) == Some(&b'.');
    has_point && text.iter().rev().take(4).all(|byte| *byte <= b'9')
}

/// Writes the number that `text` says in the canonical layout.
fn write<W: ?Sized + Write>(
    writer: &mut W,
    text: &[u8],
    plain: RangeInclusive<i32>,
) -> io::Result<()> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (&b"-"[..], rest),
        text => (&b""[..], text),
    };
    writer.write_all(sign)?;
    let (digits, count, exponent) = parse(text);
    let digits = &digits[..count];
    if digits.is_empty() {
        return writer.write_all(b"0.0");
    }
    if !plain.contains(&exponent) {
        return write_with_exponent(writer, digits, exponent);
    }
    match usize::try_from(exponent) {
        Ok(exponent) if exponent + 1 < count => {
            let (whole, fraction) = digits.split_at(exponent + 1);
            writer.write_all(whole)?;
            writer.write_all(b".")?;
            writer.write_all(fraction)
        }
        Ok(exponent) => {
            writer.write_all(digits)?;
            writer.write_all(&b"000000000000000"[..exponent + 1 - count])?;
            writer.write_all(b".0")
        }
        Err(_) => {
            let zeros = exponent.unsigned_abs() as usize;
            writer.write_all(&b"0.00000"[..zeros + 1])?;
            writer.write_all(digits)
        }
    }
}

fn write_with_exponent<W: ?Sized + Write>(
    writer: &mut W,
    digits: &[u8],
    exponent: i32,
) -> io::Result<()> {
    let (first, rest) = digits.split_at(1);
    writer.write_all(first)?;
    if !rest.is_empty() {
        writer.write_all(b".")?;
        writer.write_all(rest)?;
    }
    writer.write_all(if exponent < 0 { b"e" } else { b"e+" })?;
    writer.write_all(itoa::Buffer::new().format(exponent).as_bytes())
}

/// Returns the digits of a decimal number without zeros at the ends, their count, and the decimal
/// exponent of the first one.
fn parse(text: &[u8]) -> ([u8; MOST_DIGITS], usize, i32) {
    let mut digits = [0; MOST_DIGITS];
    // The digits up to the last one that is not zero, and all digits after the first one of those.
    let (mut count, mut seen) = (0, 0);
    let mut exponent = -1;
    let mut is_fraction = false;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'.' => is_fraction = true,
            b'e' | b'E' => {
                exponent += parse_exponent(&text[at + 1..]);
                break;
            }
            digit => {
                if seen > 0 || digit != b'0' {
                    if let Some(place) = digits.get_mut(seen) {
                        *place = digit;
                    }
                    seen += 1;
                    if digit != b'0' {
                        count = seen;
                    }
                    exponent += i32::from(!is_fraction);
                } else {
                    exponent -= i32::from(is_fraction);
                }
            }
        }
    }
    (digits, count.min(MOST_DIGITS), exponent)
}

fn parse_exponent(text: &[u8]) -> i32 {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        digits => (false, digits),
    };
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    if is_negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str, plain: RangeInclusive<i32>) -> String {
        let mut written = Vec::new();
        write(&mut written, text.as_bytes(), plain).expect("a vector takes all");
        String::from_utf8(written).expect("ASCII")
    }

    #[test]
    fn layout_does_not_depend_on_that_of_the_formatter() {
        for (texts, canonical) in [
            (
                &["1e16", "1e+16", "1.0e16", "10000000000000000.0"][..],
                "1e+16",
            ),
            (&["-1.5e16", "-1.5E+16", "-15000000000000000"], "-1.5e+16"),
            (
                &["1e15", "1000000000000000", "1000000000000000.0"],
                "1000000000000000.0",
            ),
            (&["1e-5", "1e-05", "0.00001"], "0.00001"),
            (&["9.9e-6", "9.9e-06", "0.0000099"], "9.9e-6"),
            (&["1.25", "125e-2", "0.125e1", "1.250"], "1.25"),
            (&["0", "0.0", "0e0"], "0.0"),
            (&["-0", "-0.0"], "-0.0"),
            (&["100", "1e2", "100.0"], "100.0"),
            (
                &["1.7976931348623157e308", "1.7976931348623157e+308"],
                "1.7976931348623157e+308",
            ),
            (&["5e-324"], "5e-324"),
            (&["12.", "12.0", "12.00", "12"], "12.0"),
            (
                &["9999999999999998", "9999999999999998.0"],
                "9999999999999998.0",
            ),
        ] {
            for text in texts {
                assert_eq!(layout(text, PLAIN_F64), canonical, "{text}");
            }
        }
        assert_eq!(layout("10000000000000.0", PLAIN_F32), "1e+13");
        assert_eq!(layout("1e-6", PLAIN_F32), "0.000001");
    }
}
