//! Integers as text, without serde, because keys and counters are often integers.

use std::any::{Any, TypeId};
use std::str::FromStr;

use itoa::{Buffer, Integer};

/// Calls `take` with the decimal text of an integer, in the form of JSON. Returns `None` for a
/// value of another type.
pub(super) fn write<T: 'static, R>(value: &T, mut take: impl FnMut(&[u8]) -> R) -> Option<R> {
    let take = &mut take;
    // The compiler knows for each `T` which branch it takes.
    (text::<T, i64, R>(value, take).or_else(|| text::<T, u64, R>(value, take)))
        .or_else(|| text::<T, i32, R>(value, take))
        .or_else(|| text::<T, u32, R>(value, take))
        .or_else(|| text::<T, i16, R>(value, take))
        .or_else(|| text::<T, u16, R>(value, take))
        .or_else(|| text::<T, i8, R>(value, take))
        .or_else(|| text::<T, u8, R>(value, take))
        .or_else(|| text::<T, isize, R>(value, take))
        .or_else(|| text::<T, usize, R>(value, take))
        .or_else(|| text::<T, i128, R>(value, take))
        .or_else(|| text::<T, u128, R>(value, take))
}

#[inline]
fn text<T: 'static, N: Integer + Copy + 'static, R>(
    value: &T,
    take: &mut impl FnMut(&[u8]) -> R,
) -> Option<R> {
    let number: &N = (value as &dyn Any).downcast_ref()?;
    Some(take(Buffer::new().format(*number).as_bytes()))
}

/// Reads an integer in the form that [`write()`] writes. Returns `None` for another type, and for
/// bytes that are not in that form.
pub(super) fn read<T: 'static>(bytes: &[u8]) -> Option<T> {
    (parse::<T, i64>(bytes).or_else(|| parse::<T, u64>(bytes)))
        .or_else(|| parse::<T, i32>(bytes))
        .or_else(|| parse::<T, u32>(bytes))
        .or_else(|| parse::<T, i16>(bytes))
        .or_else(|| parse::<T, u16>(bytes))
        .or_else(|| parse::<T, i8>(bytes))
        .or_else(|| parse::<T, u8>(bytes))
        .or_else(|| parse::<T, isize>(bytes))
        .or_else(|| parse::<T, usize>(bytes))
        .or_else(|| parse::<T, i128>(bytes))
        .or_else(|| parse::<T, u128>(bytes))
}

#[inline]
fn parse<T: 'static, N: FromStr + 'static>(bytes: &[u8]) -> Option<T> {
    if TypeId::of::<T>() != TypeId::of::<N>() {
        return None;
    }
    // Other forms, such as `+1` and `01`, are left to serde_json, which refuses them.
    let (b"0" | [b'1'..=b'9', ..] | [b'-', b'1'..=b'9', ..]) = bytes else {
        return None;
    };
    super::cast(str::from_utf8(bytes).ok()?.parse::<N>().ok()?)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fmt::Debug;

    use super::*;
    use crate::json;

    #[test]
    fn integers_of_all_types_are_written_as_serde_json_writes_them() {
        fn same<N: Integer + Debug + PartialEq + serde::Serialize + 'static>(numbers: &[N]) {
            for number in numbers {
                let text = write(number, <[u8]>::to_vec).expect("it is an integer");
                let mut json = Vec::new();
                json::write(number, &mut json, &Cell::new(0)).expect("it can be written");
                assert_eq!(text, json);
                assert_eq!(read(&text), Some(*number));
            }
        }
        same(&[i8::MIN, -1, 0, 7, i8::MAX]);
        same(&[i16::MIN, -1, 0, 7, i16::MAX]);
        same(&[i32::MIN, -1, 0, 7, i32::MAX]);
        same(&[i64::MIN, -1, 0, 7, i64::MAX]);
        same(&[isize::MIN, -1, 0, 7, isize::MAX]);
        same(&[i128::MIN, -1, 0, 7, i128::MAX]);
        same(&[0, 7, u8::MAX]);
        same(&[0, 7, u16::MAX]);
        same(&[0, 7, u32::MAX]);
        same(&[0, 7, u64::MAX]);
        same(&[0, 7, usize::MAX]);
        same(&[0, 7, u128::MAX]);
    }

    #[test]
    fn non_integers_are_left_to_serde() {
        assert_eq!(write(&1.5, <[u8]>::to_vec), None);
        assert_eq!(write(&true, <[u8]>::to_vec), None);
        assert_eq!(write(&'7', <[u8]>::to_vec), None);
        assert_eq!(write(&Some(7), <[u8]>::to_vec), None);
        assert_eq!(write(&"7".to_owned(), <[u8]>::to_vec), None);
        assert_eq!(read::<f64>(b"7"), None);
        assert_eq!(read::<bool>(b"1"), None);
        assert_eq!(read::<Option<i64>>(b"7"), None);
        assert_eq!(read::<String>(b"7"), None);
    }

    #[test]
    fn integers_are_read_as_json_reads_them() {
        for text in [
            "", "-", "+1", "-1", "--1", "00", "01", "-0", "-01", "0", "7", "70", " 7", "7 ", "7.0",
            "7e2", "0x7", "7_0", "127", "128", "-128", "-129", "255", "256", "null", "\u{667}",
        ] {
            let json: Option<i8> = serde_json::from_str(text).ok();
            assert!(
                read::<i8>(text.as_bytes()).is_none_or(|n| Some(n) == json),
                "{text:?}"
            );
            let json: Option<u8> = serde_json::from_str(text).ok();
            assert!(
                read::<u8>(text.as_bytes()).is_none_or(|n| Some(n) == json),
                "{text:?}"
            );
        }
    }
}
