//! Integers as text, without serde: they are what keys and counters are made of.

use std::any::Any;

use bytes::Bytes;
use itoa::{Buffer, Integer};

/// The decimal text of an integer, as JSON has it; `None` for a value of any other type.
pub(super) fn write<T: 'static>(value: &T) -> Option<Bytes> {
    // Which one it is, if any, is known when this is compiled for `T`.
    (text::<T, i64>(value).or_else(|| text::<T, u64>(value)))
        .or_else(|| text::<T, i32>(value))
        .or_else(|| text::<T, u32>(value))
        .or_else(|| text::<T, i16>(value))
        .or_else(|| text::<T, u16>(value))
        .or_else(|| text::<T, i8>(value))
        .or_else(|| text::<T, u8>(value))
        .or_else(|| text::<T, isize>(value))
        .or_else(|| text::<T, usize>(value))
        .or_else(|| text::<T, i128>(value))
        .or_else(|| text::<T, u128>(value))
}

#[inline]
fn text<T: 'static, N: Integer + Copy + 'static>(value: &T) -> Option<Bytes> {
    let number: &N = (value as &dyn Any).downcast_ref()?;
    Some(Bytes::copy_from_slice(
        Buffer::new().format(*number).as_bytes(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn integers_of_all_types_are_written_as_serde_json_writes_them() {
        fn same<N: Integer + Copy + serde::Serialize + 'static>(numbers: &[N]) {
            for number in numbers {
                let text = write(number).expect("it is an integer");
                assert_eq!(text, json::write(number).expect("it can be written"));
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
    fn what_is_no_integer_is_left_to_serde() {
        assert_eq!(write(&1.5), None);
        assert_eq!(write(&true), None);
        assert_eq!(write(&'7'), None);
        assert_eq!(write(&Some(7)), None);
        assert_eq!(write(&"7".to_owned()), None);
    }
}
